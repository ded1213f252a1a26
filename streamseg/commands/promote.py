"""`streamseg promote SEGMENTATION`: out of the shadow."""

import asyncio
import json

import click

from streamseg.commands import Invocation


@click.command("promote")
@click.argument("segmentation")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(invocation: Invocation, segmentation: str, as_json: bool) -> None:
    """Make a segmentation in shadow public: memberships and changes tell of it from then on, without a restart.

    See who would be elsewhere with `streamseg segments diff` first. Afterwards `shadow` may leave the settings.
    """
    from streamseg.wiring.build_service import promote

    public_from = asyncio.run(promote(invocation.settings, segmentation))
    if as_json:
        click.echo(json.dumps({"segmentation": segmentation, "public_from": public_from}))
    else:
        click.echo(f"{segmentation} is public from {public_from} on; every customer is looked at again then")
