"""`streamseg topics`: make or check the topics."""

import json
from dataclasses import asdict

import click

from streamseg.commands import Invocation
from streamseg.errors import SettingsError


@click.group("topics")
def command() -> None:
    """Make or check the topics: partitions, retention, compaction. Run `create` before the first worker."""


@command.command("create")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def create(invocation: Invocation, as_json: bool) -> None:
    """Make the topics that are missing."""
    from streamseg.kafka.admin import TopicAdmin

    made = TopicAdmin(invocation.settings.kafka).create()
    click.echo(
        json.dumps({"created": made}) if as_json else "\n".join(f"created {topic}" for topic in made) or "all there"
    )


@command.command("check")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def check(invocation: Invocation, as_json: bool) -> None:
    """Compare the topics with what they should be; exit code 2 when they differ."""
    from streamseg.kafka.admin import TopicAdmin, describe_differences

    differences = TopicAdmin(invocation.settings.kafka).check()
    if as_json:
        click.echo(json.dumps({"differences": [asdict(one) for one in differences]}))
    elif not differences:
        click.echo("all topics are as they should be")
    else:
        click.echo("\n".join(describe_differences(differences)))
    if differences:
        raise SettingsError(f"{len(differences)} differences in the topics")
