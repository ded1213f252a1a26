"""`streamseg rebuild`: rebuild the rows from the log after a change of their layout."""

import asyncio
import json
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import progress_bar

if TYPE_CHECKING:
    from streamseg.settings import Settings


@click.command("rebuild")
@click.option("--partial", is_flag=True, help="Rebuild even if the log is incomplete; data older than the log is lost.")
@json_option
@click.pass_obj
def command(invocation: Invocation, *, partial: bool, as_json: bool) -> None:
    """Rebuild all rows from the log with the present settings, beside the live rows, then swap them in.

    The stored memberships are served without a gap. Workers with the old settings stop when their rows are swapped;
    then start workers with the new settings. Memberships do not change until these have caught up.

    Use it also after adding partitions: stop the workers, grow all input topics and the memberships topic to the same
    count, then rebuild. Customers move to the partitions that their keys now belong to, with their latest changes.
    """
    customers, events = asyncio.run(_rebuild(invocation.settings, partial=partial))
    counts = {"customers": customers, "events": events}
    click.echo(json.dumps(counts) if as_json else f"{customers:,} customers rebuilt from {events:,} events")


async def _rebuild(settings: "Settings", *, partial: bool) -> tuple[int, int]:
    from streamseg.errors import StreamsegError
    from streamseg.repair.rebuilder import LogNotWholeError
    from streamseg.service.audit_trail import Change
    from streamseg.wiring.build_repair import rebuilder
    from streamseg.wiring.command_trail import command_trail

    async with rebuilder(settings) as (one, partitions), command_trail(settings) as trail:
        if not partial:
            try:
                await one.check_whole()
            except LogNotWholeError as error:
                raise StreamsegError(f"{error}: use --partial to rebuild from what the log still has") from None
        await trail.note(Change("rebuild", "rows", None, {"partial": partial}))
        with progress_bar() as progress:
            task = progress.add_task("rebuild", total=partitions)
            return await one.rebuild(lambda: progress.advance(task))
