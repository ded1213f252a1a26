"""`streamseg replay FILE...`: send events from files."""

import asyncio
import csv
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option, mapping_option, sending_options
from streamseg.commands._progress import SendingBar
from streamseg.commands._rejections import log_ends, rejected_since
from streamseg.commands._sending import print_sent, send_to_topics, wait_until_absorbed
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.settings import Settings


@click.command("replay")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@mapping_option
@sending_options
@click.option(
    "--rejects",
    type=click.Path(path_type=Path),
    metavar="CSV",
    help="File to write lines to that are not valid events: file, line, reason.",
)
@click.option(
    "--resend",
    is_flag=True,
    help="Send events that the topics hold already too. By default they are left out and reported as known, so that an"
    " import can be run again within the retention of the topics.",
)
@json_option
@click.pass_obj
def command(
    invocation: Invocation,
    *,
    files: tuple[Path, ...],
    mappings: tuple[Path, ...],
    speed: float | None,
    wait: bool,
    patience: float,
    rejects: Path | None,
    resend: bool,
    as_json: bool,
) -> None:
    """Send the events of files, one file after the other.

    Formats: CSV and JSON Lines, both also as .gz, and Parquet. Without --mapping, files are JSON Lines in streamseg's
    own format, as written by `simulate --out`. Exit code 1 when no line is a valid event, and with --wait when the
    workers rejected all events.
    """
    from streamseg.sources.files import EventFile
    from streamseg.sources.mapping import load_mapping
    from streamseg.sources.output_file import open_output

    if len(mappings) not in (0, 1, len(files)):
        raise click.UsageError("--mapping: give it once for all files, or once for each")
    given = [load_mapping(mapping) for mapping in mappings]
    loaded = given if len(given) == len(files) else [next(iter(given), None)] * len(files)
    settings = invocation.settings
    rejected = 0
    first_reason = ""
    with ExitStack() as stack:
        writer = (
            csv.writer(stack.enter_context(open_output(rejects, "w", newline="", encoding="utf-8")))
            if rejects
            else None
        )
        if writer:
            writer.writerow(("file", "line", "reason"))

        def reject(file: Path, number: int, reason: str) -> None:
            nonlocal rejected, first_reason
            rejected += 1
            first_reason = first_reason or f"{file.name}, line {number}: {reason}"
            if writer:
                writer.writerow((file, number, reason))

        sources = [EventFile(file, mapping, partial(reject, file)) for file, mapping in zip(files, loaded, strict=True)]
        ends = asyncio.run(_ends(settings)) if wait else {}
        bar = stack.enter_context(SendingBar("replay", sum(source.size_bytes for source in sources)))
        sent = asyncio.run(
            send_to_topics(
                settings,
                (event for source in sources for event in source),
                speed,
                lambda so_far: bar.show(sum(source.read_bytes for source in sources), so_far),
                resend=resend,
            )
        )
    if rejected:
        click.echo(f"{rejected} lines are not valid events; the first: {first_reason}", err=True)
    dead_letters = 0
    if wait:
        wait_until_absorbed(settings, patience)
        dead_letters = min(asyncio.run(rejected_since(settings, ends)), sent.events)
    print_sent(sent, as_json, known=sent.known, rejected=rejected + dead_letters)
    if rejected and not sent.events and not sent.known:
        raise StreamsegError("no line is a valid event: nothing was sent")
    if dead_letters:
        text = f"the workers rejected {dead_letters:,} of {sent.events:,} events: see `streamseg dead-letters list`"
        if dead_letters == sent.events:
            raise StreamsegError(text)
        click.echo(text, err=True)


async def _ends(settings: "Settings") -> dict[tuple[str, int], int]:
    """Check the topics, so that what is missing is said first; then see `log_ends`."""
    from streamseg.wiring.kafka_clients import check_topics

    await asyncio.to_thread(check_topics, settings)
    return await log_ends(settings)
