"""`streamseg bench`: the figures of the README, measured anew by anyone with one command."""

from typing import Final

import click

from streamseg.commands import LazyGroup

COMMANDS: Final = {
    "clustering": "how good online clustering is beside offline k-means",
    "serving": "how fast the API answers, beside a bare ASGI app",
    "throughput": "events per second and CPU per event of a worker, beside peers and the limit",
}


@click.group("bench", cls=LazyGroup, package=__name__, commands=COMMANDS)
def command() -> None:
    """Measure on this machine; the real servers are started and ended by the benchmark itself."""
