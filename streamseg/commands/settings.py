"""`streamseg settings`: list every setting with its default, unit and meaning."""

import json
from dataclasses import asdict

import click

from streamseg.commands._options import json_option
from streamseg.commands._text import say


@click.command("settings")
@click.argument("part", required=False)
@json_option
def command(part: str | None, as_json: bool) -> None:
    """List all settings with default, unit and meaning, or those whose name contains PART.

    In a path, NAME stands for a name that you choose, such as that of a segmentation. `check-config` prints the values
    in force.
    """
    from streamseg.settings.listing import listed_settings, name_in_environment

    settings = [one for one in listed_settings() if part is None or part in one.name]
    if as_json:
        listed = [asdict(one) | {"environment": name_in_environment(one.name)} for one in settings]
        click.echo(json.dumps({"settings": listed}, default=str))
        return
    for one in settings:
        default = "none" if one.default is None else json.dumps(one.default, default=str)
        say(f"{one.name} = {default}  ({one.unit})")
        say(f"    {one.meaning}", indent="    ")
    if not settings:
        click.echo(f"no setting has {part} in its name")
