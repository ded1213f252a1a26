"""`streamseg promote SEGMENTATION`: make a shadow segmentation public."""

import asyncio
import json

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._text import say, utc


@click.command("promote")
@click.argument("segmentation")
@json_option
@click.pass_obj
def command(invocation: Invocation, segmentation: str, as_json: bool) -> None:
    """Make a shadow segmentation public, without a restart. From then on it is part of memberships and changes.

    Run `streamseg segments diff` first to see who would move. Afterwards remove `shadow` from the settings.
    """
    from streamseg.wiring.build_service import promote

    public_from = asyncio.run(promote(invocation.settings, segmentation))
    if as_json:
        click.echo(json.dumps({"segmentation": segmentation, "public_from": public_from}))
    else:
        say(f"{segmentation} is public from {utc(public_from)} on; every customer is then assigned again")
