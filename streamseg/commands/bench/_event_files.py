"""Files of events for `streamseg bench clustering`: read whole, with a progress bar."""

import re
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.errors import SettingsError

if TYPE_CHECKING:
    from rich.progress import Progress

    from streamseg.evaluation.event_stream import EventStream
    from streamseg.settings import Settings
    from streamseg.sources.event import SourceEvent
    from streamseg.sources.mapping import FileMapping

_CURRENCY: Final = re.compile(rb'"currency":"([A-Z]{3})"')
_TOLD_EVERY: Final = 1_000
_LOOKED_AT: Final = 2_000
"""Events of a file by which its currency is told."""


def progress_bar() -> "Progress":
    """On stderr; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import Progress

    return Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())


def recorded_stream(
    files: tuple[Path, ...], mappings: tuple[Path, ...], truth: Path | None, settings: "Settings"
) -> "tuple[EventStream, Settings]":
    """The stream of the files, and the settings with the currency that most of their amounts are in."""
    from streamseg.evaluation.event_stream import recorded
    from streamseg.sources.mapping import load_mapping
    from streamseg.sources.truth import read_truth

    if truth is not None and not truth.is_file():
        raise SettingsError(f"truth file {truth} is not there")
    if len(mappings) not in {0, 1, len(files)}:
        raise SettingsError(f"{len(mappings)} mappings for {len(files)} files: give one for all, or one for each")
    truth_rows = None if truth is None else read_truth(truth)
    loaded: list[FileMapping | None] = [load_mapping(mapping) for mapping in mappings] or [None]
    events: list[SourceEvent] = []
    for index, file in enumerate(files):
        events += _events_of(file, loaded[index % len(loaded)])
    named = Counter(code.decode() for event in events[:_LOOKED_AT] for code in _CURRENCY.findall(event.value))
    known = {settings.money.currency, *settings.money.rates}
    if named and named.most_common(1)[0][0] not in known:
        money = settings.money.model_copy(update={"currency": named.most_common(1)[0][0], "rates": {}})
        settings = settings.model_copy(update={"money": money})
    return recorded(files[0].name, events, truth_rows), settings


def _events_of(file: Path, mapping: "FileMapping | None") -> "list[SourceEvent]":
    """Raises `SettingsError` when the file cannot be read, or has no events."""
    from streamseg.sources.files import EventFile

    unread: list[str] = []
    source = EventFile(file, mapping, lambda number, reason: unread.append(f"line {number}: {reason}"))
    with progress_bar() as bar:
        task = bar.add_task(f"reading {file.name}", total=source.size_bytes)
        events = []
        for event in source:
            events.append(event)
            if not len(events) % _TOLD_EVERY:
                bar.update(task, completed=source.read_bytes)
    first = f"; the first: {unread[0]}" if unread else ""
    if not events:
        raise SettingsError(f"{file} has no events{first}")
    if unread:
        click.echo(f"{file}: {len(unread):,} lines are no events{first}", err=True)
    return events
