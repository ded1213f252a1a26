"""`streamseg check-config`: the settings in force."""

import json

import click

from streamseg.commands import Invocation


@click.command("check-config")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> None:
    """Print the settings in force, secrets masked; a wrong one ends with a line that names it."""
    from streamseg.api.ads.user_fragment import checked_audiences
    from streamseg.wiring import check_settings

    settings = invocation.settings
    check_settings(settings)
    checked_audiences(settings.api.iab_audiences)
    printed = settings.model_dump(mode="json")
    if as_json:
        click.echo(json.dumps(printed))
        return
    for name, value in _flat("", printed):
        click.echo(f"{name} = {json.dumps(value)}")


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [line for key, inner in value.items() for line in _flat(f"{prefix}.{key}" if prefix else key, inner)]
    return [(prefix, value)]
