"""`streamseg replay FILE...`: send events from files."""

import asyncio
import csv
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option, mapping_option, sending_options
from streamseg.commands._progress import SendingBar
from streamseg.commands._sending import (
    dead_letters_now,
    print_sent,
    rejected_since,
    send_to_topics,
    wait_until_absorbed,
)


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
    as_json: bool,
) -> None:
    """Send the events of files, one file after the other.

    Formats: CSV and JSON Lines, both also as .gz, and Parquet. Without --mapping, files are JSON Lines in streamseg's
    own format, as written by `simulate --out`.

    "rejected" counts lines that are no events. With --wait it also counts the events that the workers rejected since
    the start, which "dead_letters" lists by reason.
    """
    from streamseg.sources.files import EventFile
    from streamseg.sources.mapping import load_mapping
    from streamseg.sources.output_file import open_output

    if len(mappings) not in (0, 1, len(files)):
        raise click.UsageError("--mapping: give it once for all files, or once for each")
    given = [load_mapping(mapping) for mapping in mappings]
    loaded = given if len(given) == len(files) else [next(iter(given), None)] * len(files)
    rejected = 0
    further: dict[str, object] = {}
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
        ends = asyncio.run(dead_letters_now(invocation.settings)) if wait else []
        bar = stack.enter_context(SendingBar("replay", sum(source.size_bytes for source in sources)))
        sent = asyncio.run(
            send_to_topics(
                invocation.settings,
                (event for source in sources for event in source),
                speed,
                lambda so_far: bar.show(sum(source.read_bytes for source in sources), so_far),
            )
        )
    if rejected:
        click.echo(f"{rejected} lines are not valid events; the first: {first_reason}", err=True)
    if wait:
        wait_until_absorbed(invocation.settings, patience)
        reasons = asyncio.run(rejected_since(invocation.settings, ends))
        rejected += sum(reasons.values())
        further["dead_letters"] = reasons
    print_sent(sent, as_json, rejected=rejected, **further)
