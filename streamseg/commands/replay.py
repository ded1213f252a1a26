"""`streamseg replay FILE...`: send events from files."""

import asyncio
import csv
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands import Invocation
from streamseg.commands._options import json_option, mapping_of_each, mapping_option, sending_options
from streamseg.commands._progress import SendingBar
from streamseg.commands._rejections import log_ends, rejected_since
from streamseg.commands._sending import print_sent, send_to_topics, wait_until_absorbed, wait_until_relearned
from streamseg.commands._text import say
from streamseg.errors import StreamsegError

if TYPE_CHECKING:
    from streamseg.events.decode import Decoder
    from streamseg.settings import Settings
    from streamseg.sources.checking import CheckReport
    from streamseg.sources.reading.files import EventFile
    from streamseg.sources.reading.mapping import FileMapping
    from streamseg.sources.sending import SendProgress

LINES_SHOWN: Final = 10
"""Rejected lines printed by `--check` without `--json`."""


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
@click.option(
    "--check",
    "check_only",
    is_flag=True,
    help="Read everything and send nothing; print what the files hold and what would be rejected.",
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
    check_only: bool,
    as_json: bool,
) -> None:
    """Send the events of files, one file after the other.

    Formats: CSV and JSON Lines, both also as .gz, Parquet, and .xlsx. Without --mapping, files are JSON Lines in
    streamseg's own format, as written by `simulate --out`. Exit code 1 when no line is a valid
    event, and with --wait when the workers rejected all events.

    "rejected" counts lines that are no events. With --wait it also counts the events that the workers rejected since
    the start, which "dead_letters" lists by reason. --check needs no servers; it ends with 1 if no line is an event.
    """
    from streamseg.sources.checking import CheckReport
    from streamseg.sources.output_file import open_output
    from streamseg.sources.reading.files import EventFile
    from streamseg.wiring.derived import derive

    loaded = mapping_of_each(mappings, len(files))
    settings = invocation.settings
    _compare_zones(loaded, settings.features.time_zone)
    report, rejected = CheckReport(), 0
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
            if check_only:
                report.rejected.append((number, reason if len(files) == 1 else f"{file.name}: {reason}"))
            if writer:
                writer.writerow((file, number, reason))

        sources = [EventFile(file, mapping, partial(reject, file)) for file, mapping in zip(files, loaded, strict=True)]
        for source in sources:
            source.check_columns()
        if check_only:
            _check_files(derive(settings).decoder, dict(zip(files, sources, strict=True)), report, reject)
            _print_report(report, as_json)
            return
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
        wait_until_relearned(settings, patience)
        reasons = asyncio.run(rejected_since(settings, ends))
        dead_letters, further["dead_letters"] = min(sum(reasons.values()), sent.events), reasons
    print_sent(sent, as_json, known=sent.known, rejected=rejected + dead_letters, **further)
    _report_failures(sent, rejected, dead_letters)


def _compare_zones(mappings: "Sequence[FileMapping | None]", shop: str) -> None:
    """Say on stderr where the files' times are of another zone than the shop's: evenings would be told as nights."""
    for zone in sorted({one.time.zone for one in mappings if one is not None and "zone" in one.time.model_fields_set}):
        if zone != shop:
            click.echo(
                f"the mapping's times are in {zone}; hours of the day and weekends are counted in {shop}, which is"
                " features.time_zone",
                err=True,
            )


def _report_failures(sent: "SendProgress", rejected: int, dead_letters: int) -> None:
    """Report what the workers rejected. Raises `StreamsegError` if nothing of the files counts."""
    if rejected and not sent.events and not sent.known:
        raise StreamsegError("no line is a valid event: nothing was sent")
    if dead_letters:
        text = f"the workers rejected {dead_letters:,} of {sent.events:,} events: see `streamseg dead-letters list`"
        if dead_letters == sent.events and not sent.known:
            raise StreamsegError(text)
        click.echo(text, err=True)


async def _ends(settings: "Settings") -> dict[tuple[str, int], int]:
    """Check the topics, so that what is missing is said first; then see `log_ends`."""
    from streamseg.wiring.kafka_clients import topic_ids

    await topic_ids(settings)
    return await log_ends(settings)


def _check_files(
    decoder: "Decoder",
    sources: "Mapping[Path, EventFile]",
    report: "CheckReport",
    reject: Callable[[Path, int, str], None],
) -> None:
    from streamseg.sources.checking import check

    for file, source in sources.items():
        check(source, decoder, report, partial(reject, file))


def _print_report(report: "CheckReport", as_json: bool) -> None:
    """Print what the files hold. Exits with 1 if they hold no event."""
    report.rejected.sort()
    shown = report.shown()
    if as_json:
        click.echo(json.dumps(shown))
    else:
        spend = ", ".join(f"{amount:,.2f} {currency}" for currency, amount in shown["spend"].items()) or "nothing"
        say(f"{report.events:,} events of {len(report.customers):,} customers, nothing was sent")
        say(f"{report.orders:,} orders and {report.refunds:,} refunds, worth {spend}")
        say(f"first {shown['first']}, last {shown['last']}")
        for name, count in shown["adjusted"].items():
            say(f"adjusted {name}: {count:,}")
        for line, reason in report.rejected[:LINES_SHOWN]:
            say(f"rejected line {line}: {reason}")
        if len(report.rejected) > LINES_SHOWN:
            say(f"rejected lines: {len(report.rejected):,}; --rejects writes all of them to a file")
    if not report.events:
        raise SystemExit(1)
