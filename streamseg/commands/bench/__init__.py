"""`streamseg bench`: the figures of the README, measured anew by anyone with one command."""

from typing import Final

import click

from streamseg.commands import LazyGroup

COMMANDS: Final = {
    "clustering": "how good online clustering is beside offline k-means",
    "growth": "CPU, memory and bytes by the number of known customers; a full sweep; a miss",
    "latency": "from producing an event to its effect readable in Redis, under load",
    "recovery": "kill -9 of one of two workers, until the other carries the full rate",
    "scaling": "one and two workers over 8 partitions, and what 10 G events a day would need",
    "serving": "how fast the API answers, beside a bare ASGI app",
    "throughput": "events per second and CPU per event of a worker, beside peers and the limit",
}


@click.group("bench", cls=LazyGroup, package=__name__, commands=COMMANDS, invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Measure on this machine; the real servers are started and ended by the benchmark itself."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())
