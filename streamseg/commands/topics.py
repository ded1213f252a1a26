"""`streamseg topics`: create or check the Kafka topics."""

import json
from dataclasses import asdict

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._text import say
from streamseg.errors import StreamsegError


@click.group("topics")
def command() -> None:
    """Create or check the Kafka topics: partitions, retention, compaction. Run `create` before the first worker."""


@command.command("create")
@json_option
@click.pass_obj
def create(invocation: Invocation, as_json: bool) -> None:
    """Create the missing topics."""
    from streamseg.wiring.kafka_clients import create_topics

    created = create_topics(invocation.settings)
    if as_json:
        click.echo(json.dumps({"created": created}))
    else:
        click.echo("\n".join(f"created {topic}" for topic in created) or "all topics exist already")


@command.command("check")
@json_option
@click.pass_obj
def check(invocation: Invocation, as_json: bool) -> None:
    """Compare the topics with their definitions.

    Prints one line per difference; exit code 1 if there are any.
    """
    from streamseg.kafka.admin import describe_differences
    from streamseg.wiring.kafka_clients import topic_differences

    differences = topic_differences(invocation.settings)
    if as_json:
        click.echo(json.dumps({"differences": [asdict(one) for one in differences]}))
    elif not differences:
        click.echo("no differences")
    else:
        say("\n".join(describe_differences(differences)))
    if differences:
        raise StreamsegError(f"the topics have {len(differences)} differences from their definitions")
