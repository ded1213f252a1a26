"""`streamseg bench`: measure on this machine, one command per benchmark."""

from typing import Final

import click

from streamseg.commands import LazyGroup

COMMANDS: Final = {
    "clustering": "Compare online clustering with offline k-means.",
    "growth": "Measure CPU, memory and a sweep by customers.",
    "latency": "Measure the time from event to membership.",
    "recovery": "Measure the takeover after kill -9 of a worker.",
    "restarts": "Measure delays while workers restart one by one.",
    "scaling": "Measure one and two workers on 8 partitions.",
    "serving": "Compare the API with a bare ASGI app.",
    "throughput": "Compare events per second with peers.",
}


@click.group("bench", cls=LazyGroup, package=__name__, commands=COMMANDS, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Measure on this machine; each benchmark starts and stops its own servers."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
