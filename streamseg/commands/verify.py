"""`streamseg verify`: compare the store with the log."""

import asyncio
import json
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import progress_bar
from streamseg.commands._text import print_table, say
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.repair.verifier import VerifyReport
    from streamseg.settings import Settings

PRINTED: Final = 20
"""Customers and differences printed."""


@click.command("verify")
@click.option(
    "--window",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="Time between the two copies of a partition whose log is incomplete.",
)
@json_option
@click.pass_obj
def command(invocation: Invocation, *, window: float, as_json: bool) -> None:
    """Replay the log, compare the result with the live store and print the differences; exit code 1 if there are any.

    Workers may keep running. Counts customers by kind: lost (events missing in the row), doubled (events counted
    twice), different (any other field), changes_missing (row, membership string and last change record disagree),
    samples_left (erased or expired, with a sample that the trainer could learn).
    """
    report = asyncio.run(_verify(invocation.settings, window))
    if as_json:
        click.echo(json.dumps(report.counts()))
    else:
        _show(report)
    if not report.good:
        raise StreamsegError("the store differs from the log: `streamseg rebuild` makes the rows again from the log")


async def _verify(settings: "Settings", window_seconds: float) -> "VerifyReport":
    from streamseg.wiring.build_repair import verifier

    with progress_bar() as progress:
        async with verifier(settings) as (one, partitions):
            one.window_seconds = window_seconds
            task = progress.add_task("verify", total=partitions)
            for partition in range(partitions):
                await one.verify(partition)
                progress.advance(task)
            return one.report


def _show(report: "VerifyReport") -> None:
    for customer_id in report.changes_missing[:PRINTED]:
        say(f"row, membership string and last change record of {customer_id} disagree")
    for customer_id in report.samples_left[:PRINTED]:
        say(f"{customer_id} has no events and a sample")
    if report.differences:
        print_table(
            ("customer", "field", "in the store", "from the log", "kind"),
            [(one.customer_id, one.field, one.live, one.replayed, one.kind) for one in report.differences[:PRINTED]],
        )
    if report.windows:
        say(f"{report.windows} partitions have an incomplete log: two copies of their rows were compared instead")
    counts = report.counts()
    say(", ".join(f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items()))
