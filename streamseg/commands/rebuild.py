"""`streamseg rebuild`: make the rows anew from the log, after a change of layout."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation

if TYPE_CHECKING:
    from streamseg.settings import Settings


@click.command("rebuild")
@click.option(
    "--partial", is_flag=True, help="Also where the log no longer reaches back: what is older than it is forgotten."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(invocation: Invocation, *, partial: bool, as_json: bool) -> None:
    """Make all rows anew from the log by the present settings, beside the live ones, and swap them in.

    Memberships are served as they stand all the time. Workers with the old settings stop when their rows are swapped;
    start those with the new ones then. Until a new worker has caught up, memberships do not move.

    Also after the topics were grown (stop the workers, grow all input topics and the memberships to the same count):
    customers move to the partitions on which their keys fall now.
    """
    customers, events = asyncio.run(_rebuild(invocation.settings, partial=partial))
    told = {"customers": customers, "events": events}
    click.echo(json.dumps(told) if as_json else f"{customers:,} customers made anew from {events:,} events")


async def _rebuild(settings: "Settings", *, partial: bool) -> tuple[int, int]:
    from rich.console import Console
    from rich.progress import Progress

    from streamseg.errors import StreamsegError
    from streamseg.repair.rebuilder import LogNotWholeError
    from streamseg.wiring.build_repair import rebuilder

    shown = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    async with rebuilder(settings) as (one, partitions):
        if not partial:
            try:
                await one.check_whole()
            except LogNotWholeError as error:
                raise StreamsegError(f"{error}: with --partial the rows know only what the log still has") from None
        with shown as progress:
            task = progress.add_task("rebuild", total=partitions)
            return await one.rebuild(lambda: progress.advance(task))
