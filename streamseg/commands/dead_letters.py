"""`streamseg dead-letters`: list rejected records, or send them in again."""

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from streamseg.commands import Invocation

if TYPE_CHECKING:
    from streamseg.repair.redrive import DeadLetter
    from streamseg.settings import Settings


def chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options by which dead letters are chosen."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout."),
        click.option("--topic", help="Only of this topic, such as streamseg.clicks."),
        click.option("--reason", help="Only with this reason, such as schema."),
    ):
        command = option(command)
    return command


@click.group("dead-letters")
def command() -> None:
    """List rejected records, or send them in again once their cause is mended."""


@command.command("list")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=0), help="The latest so many.")
@chosen
@click.pass_obj
def list_(invocation: Invocation, *, limit: int, topic: str | None, reason: str | None, as_json: bool) -> None:
    """Print the rejected records that were not sent in again: where they stood and why, never what they hold."""
    letters = asyncio.run(_standing(invocation.settings, topic, reason))
    reasons = Counter((letter.topic, letter.reason) for letter in letters)
    shown = letters[-limit:] if limit else []
    if as_json:
        counted = [{"topic": t, "reason": r, "count": count} for (t, r), count in reasons.most_common()]
        click.echo(json.dumps({"count": len(letters), "reasons": counted, "latest": [one.shown() for one in shown]}))
        return
    _show(shown, reasons)


@command.command("redrive")
@click.option("--dry-run", is_flag=True, help="Only say how many it would be.")
@chosen
@click.pass_obj
def redrive(invocation: Invocation, *, dry_run: bool, topic: str | None, reason: str | None, as_json: bool) -> None:
    """Send the chosen records in again, as they came, each once.

    What is rejected again comes back as a new dead letter. An event that was taken meanwhile is told by its id as long
    as the customer's latest ids are remembered.
    """
    count = asyncio.run(_redrive(invocation.settings, topic, reason, dry_run=dry_run))
    done = "would be sent" if dry_run else "sent"
    click.echo(json.dumps({"redriven": 0 if dry_run else count, "chosen": count}) if as_json else f"{count} {done}")


async def _standing(settings: "Settings", topic: str | None, reason: str | None) -> "list[DeadLetter]":
    from streamseg.repair.redrive import read_dead_letters
    from streamseg.topics import DEAD_LETTERS
    from streamseg.wiring.build_repair import topic_reader as reader

    async with reader(settings) as log:
        letters = await read_dead_letters(log, await log.partitions(DEAD_LETTERS))
    return [one for one in letters if topic in {None, one.topic} and reason in {None, one.reason}]


async def _redrive(settings: "Settings", topic: str | None, reason: str | None, *, dry_run: bool) -> int:
    from streamseg.repair.redrive import redrive
    from streamseg.wiring import event_sink

    letters = await _standing(settings, topic, reason)
    if dry_run or not letters:
        return len(letters)
    sink = event_sink(settings)
    try:
        return await redrive(letters, sink)
    finally:
        await sink.close()


def _show(shown: "list[DeadLetter]", reasons: Counter[tuple[str, str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    if not reasons:
        click.echo("none")
        return
    console = Console()
    table = Table("rejected", "topic", "partition", "offset", "reason", "detail")
    for one in shown:
        at = datetime.fromtimestamp(one.rejected_at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        table.add_row(at, one.topic, str(one.partition), str(one.offset), one.reason, one.detail)
    console.print(table)
    for (topic, reason), count in reasons.most_common():
        console.print(f"{topic} {reason}: {count:,}", highlight=False)
