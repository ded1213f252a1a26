"""`streamseg check-config`: print the settings in force."""

import json

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._text import say
from streamseg.errors import SettingsError


@click.command("check-config")
@json_option
@click.pass_obj
def command(invocation: Invocation, as_json: bool) -> None:
    """Print the settings in force, with secrets masked. A wrong setting prints one line and exits with code 2."""
    from streamseg.api.ads.user_fragment import checked_audiences
    from streamseg.wiring.derived import derive, missing_basis

    settings = invocation.settings
    derive(settings)
    if (missing := missing_basis(settings)) is not None:
        raise SettingsError(missing)
    checked_audiences(settings.api.iab_audiences)
    printed = settings.model_dump(mode="json")
    if as_json:
        click.echo(json.dumps(printed))
        return
    for name, value in _flat("", printed):
        say(f"{name} = {json.dumps(value)}", indent="    ")


def _flat(prefix: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict) and value:
        return [line for key, inner in value.items() for line in _flat(f"{prefix}.{key}" if prefix else key, inner)]
    return [(prefix, value)]
