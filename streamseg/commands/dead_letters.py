"""`streamseg dead-letters`: list rejected records, or send them again."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from heapq import heappush, heappushpop
from typing import TYPE_CHECKING, Any

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._progress import working
from streamseg.commands._text import print_table, say, utc

if TYPE_CHECKING:
    from streamseg.repair.redrive import DeadLetter
    from streamseg.settings import Settings


def chosen(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that choose dead letters, and `--json`."""
    for option in (
        json_option,
        click.option("--topic", help="Topic of the rejected records, such as streamseg.clicks.  [default: all]"),
        click.option("--reason", help="Reason of the rejection, such as schema.  [default: all]"),
    ):
        command = option(command)
    return command


@click.group("dead-letters")
def command() -> None:
    """List rejected records, or send them again once their cause is fixed."""


@command.command("list")
@click.option(
    "--limit",
    default=20,
    show_default=True,
    type=click.IntRange(min=0),
    help="Number of records listed, the latest ones.",
)
@chosen
@click.pass_obj
def list_(invocation: Invocation, *, limit: int, topic: str | None, reason: str | None, as_json: bool) -> None:
    """List rejected records that were not sent again.

    Prints their positions and reasons, never their content.
    """
    reasons, shown = asyncio.run(_listed(invocation.settings, topic, reason, limit))
    if as_json:
        counted = [{"topic": t, "reason": r, "count": count} for (t, r), count in reasons.most_common()]
        latest = [one.shown() for one in shown]
        click.echo(json.dumps({"count": reasons.total(), "reasons": counted, "latest": latest}))
        return
    _show(shown, reasons)


@command.command("redrive")
@click.option("--dry-run", is_flag=True, help="Print the number only; send nothing.")
@chosen
@click.pass_obj
def redrive(invocation: Invocation, *, dry_run: bool, topic: str | None, reason: str | None, as_json: bool) -> None:
    """Send the chosen records again, unchanged, each once.

    A record that is rejected again becomes a new dead letter. An event that was accepted in the meantime is recognised
    as a duplicate as long as its id is among the customer's remembered ids.
    """
    count = asyncio.run(_redrive(invocation.settings, topic, reason, dry_run=dry_run))
    verb = "would be sent" if dry_run else "sent"
    click.echo(json.dumps({"redriven": 0 if dry_run else count, "chosen": count}) if as_json else f"{count} {verb}")


async def _unsent(settings: "Settings", topic: str | None, reason: str | None) -> "AsyncGenerator[DeadLetter, None]":
    from streamseg.repair.redrive import unsent_letters
    from streamseg.topics import DEAD_LETTERS
    from streamseg.wiring.build_repair import topic_reader as reader

    async with reader(settings) as log:
        with working("reading the dead letters"):
            async for one in unsent_letters(log, await log.partitions(DEAD_LETTERS)):
                if topic in {None, one.topic} and reason in {None, one.reason}:
                    yield one


async def _listed(
    settings: "Settings", topic: str | None, reason: str | None, limit: int
) -> "tuple[Counter[tuple[str, str]], list[DeadLetter]]":
    """Count the letters by topic and reason; also return the `limit` that were rejected last."""
    reasons: Counter[tuple[str, str]] = Counter()
    latest: list[tuple[float, int, DeadLetter]] = []
    async with aclosing(_unsent(settings, topic, reason)) as letters:
        async for letter in letters:
            reasons[letter.topic, letter.reason] += 1
            entry = letter.rejected_at, reasons.total(), letter
            if len(latest) < limit:
                heappush(latest, entry)
            elif latest:
                heappushpop(latest, entry)
    return reasons, [letter for _, _, letter in sorted(latest)]


async def _redrive(settings: "Settings", topic: str | None, reason: str | None, *, dry_run: bool) -> int:
    from streamseg.repair.redrive import redrive
    from streamseg.service.audit_trail import Change
    from streamseg.wiring.command_trail import command_trail
    from streamseg.wiring.kafka_clients import transactional_sink

    if dry_run:
        reasons, _ = await _listed(settings, topic, reason, 0)
        return reasons.total()
    async with command_trail(settings) as trail:
        await trail.note(Change("redrive", "dead letters", None, {"topic": topic, "reason": reason}))
    sink = transactional_sink(settings, "redrive")
    try:
        async with aclosing(_unsent(settings, topic, reason)) as letters:
            return await redrive(letters, sink)
    finally:
        await sink.close()


def _show(shown: "list[DeadLetter]", reasons: Counter[tuple[str, str]]) -> None:
    if not reasons:
        click.echo("none")
        return
    if shown:
        print_table(
            ("rejected", "topic, partition/offset", "reason", "detail"),
            [
                (utc(one.rejected_at), f"{one.topic}\n{one.partition}/{one.offset}", one.reason, one.detail)
                for one in shown
            ],
        )
    for (topic, reason), count in reasons.most_common():
        say(f"{topic} {reason}: {count:,}")
