"""`streamseg audit`: what people and programs changed."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option
from streamseg.commands._text import say, utc

if TYPE_CHECKING:
    from streamseg.ports import AuditEntry


@click.command("audit")
@click.option(
    "--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="Number of changes, the last ones."
)
@json_option
@click.pass_obj
def command(invocation: Invocation, *, limit: int, as_json: bool) -> None:
    """Print what was changed: who, when, what, before and after; the oldest first.

    In the console, over HTTP and on the command line: names of segments, audiences, lists, segmentations, keys and
    webhooks; what was rebuilt and sent again. Secrets are not in it, nor is what is made before the store is there
    (topics).
    """
    from streamseg.wiring.stores import audit_log

    async def read() -> "Sequence[AuditEntry]":
        async with audit_log(invocation.settings) as log:
            return await log.latest(limit)

    entries = asyncio.run(read())
    if as_json:
        click.echo(json.dumps({"changes": [asdict(one) for one in entries]}))
        return
    if not entries:
        say("nothing was changed yet")
    for one in entries:
        before, after = (json.dumps(each, ensure_ascii=False) for each in (one.before, one.after))
        by = ", ".join(filter(None, (one.role, one.key_id)))
        say(f"{utc(one.at)}  {one.who} ({by})  {one.action} {one.subject}: {before} -> {after}")
