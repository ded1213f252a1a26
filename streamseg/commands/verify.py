"""`streamseg verify`: compare the store with the log."""

import asyncio
import json
import sys
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.repair.verifier import VerifyReport
    from streamseg.settings import Settings

SHOWN = 20


@click.command("verify")
@click.option(
    "--window",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    help="Seconds between the two copies of a partition whose log no longer reaches back.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
@click.pass_obj
def command(invocation: Invocation, *, window: float, as_json: bool) -> None:
    """Replay the retained log beside the live store and print where they differ; exit code 1 when they do.

    Workers may go on meanwhile. Customers are counted: lost (events are missing in the row), doubled (events too many),
    different (any other field), changes_missing (row, membership string and last change record do not agree).
    """
    verdict = asyncio.run(_verify(invocation.settings, window))
    if as_json:
        click.echo(json.dumps(verdict.counts()))
    else:
        _show(verdict)
    if not verdict.good:
        raise StreamsegError("the store is not what the log says")


async def _verify(settings: "Settings", window_seconds: float) -> "VerifyReport":
    from rich.console import Console
    from rich.progress import Progress

    from streamseg.wiring.build_repair import verifier

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        async with verifier(settings) as (one, partitions):
            one.window_seconds = window_seconds
            task = progress.add_task("verify", total=partitions)
            for partition in range(partitions):
                await one.verify(partition)
                progress.advance(task)
            return one.report


def _show(verdict: "VerifyReport") -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    for customer_id in verdict.changes_missing[:SHOWN]:
        console.print(f"row, membership string and last change record of {customer_id} do not agree", highlight=False)
    if verdict.differences:
        table = Table("customer", "field", "live", "by the log", "kind")
        for one in verdict.differences[:SHOWN]:
            table.add_row(one.customer_id, one.field, one.live, one.replayed, one.kind)
        console.print(table)
    if verdict.windows:
        console.print(f"{verdict.windows} partitions were compared between two copies: their log is not whole")
    counts = verdict.counts()
    console.print(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items()), highlight=False)
