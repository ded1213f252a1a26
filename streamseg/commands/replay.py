"""`streamseg replay FILE...`: send events from files."""

import asyncio
import csv
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from streamseg.commands import Invocation
from streamseg.commands._pouring import Bar, Speed, answer, pour_to_topics, wait_until_absorbed


@click.command("replay")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option(
    "--mapping",
    "mappings",
    multiple=True,
    type=click.Path(path_type=Path),
    help="TOML file for foreign columns, or the name of a shipped one (online_retail); once for all files or for each.",
)
@click.option("--speed", type=Speed(), default="max", show_default=True, help="max, or a multiple of real time: 100x.")
@click.option("--wait", is_flag=True, help="Return when the workers have absorbed everything.")
@click.option(
    "--patience", default=60.0, show_default=True, help="Seconds without any progress after which --wait gives up."
)
@click.option(
    "--rejects", type=click.Path(path_type=Path), help="CSV for lines that are no events: file, line, reason."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
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
    """Send the events of CSV, JSON Lines (both also .gz) or Parquet files, one file after the other, in their order.

    Without --mapping files are JSON Lines in streamseg's own words, as `simulate --out` writes them.
    """
    from streamseg.sources.files import EventFile
    from streamseg.sources.mapping import load_mapping
    from streamseg.sources.output_file import open_output

    if len(mappings) not in (0, 1, len(files)):
        raise click.UsageError("--mapping: give one for all files, or one for each")
    settings = invocation.settings
    given = [load_mapping(mapping) for mapping in mappings]
    loaded = given if len(given) == len(files) else [next(iter(given), None)] * len(files)
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
        bar = stack.enter_context(Bar("replay", sum(source.size_bytes for source in sources)))
        poured = asyncio.run(
            pour_to_topics(
                settings,
                (event for source in sources for event in source),
                speed,
                lambda so_far: bar.show(sum(source.read_bytes for source in sources), so_far),
            )
        )
    if rejected:
        print(f"{rejected} lines are no events; the first: {first_reason}", file=sys.stderr)
    if wait:
        wait_until_absorbed(settings, patience)
    answer(poured, as_json, rejected=rejected)
