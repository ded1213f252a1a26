"""Reads event files for `streamseg bench clustering` into memory, with a progress bar."""

import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands._progress import progress_bar
from streamseg.errors import SettingsError

if TYPE_CHECKING:
    from streamseg.evaluation.event_stream import EventStream
    from streamseg.settings import Settings
    from streamseg.sources.event import SourceEvent
    from streamseg.sources.mapping import FileMapping

_CURRENCY: Final = re.compile(rb'"currency":"([A-Z]{3})"')
_EVENTS_PER_UPDATE: Final = 1_000
"""Events between two updates of the progress bar."""
_CURRENCY_SAMPLE: Final = 2_000
"""Events from which the currency of the files is determined."""


def recorded_stream(
    files: tuple[Path, ...], mappings: tuple[Path, ...], truth: Path | None, settings: "Settings"
) -> "tuple[EventStream, Settings]":
    """Read the files. Returns their stream, and the settings with the files' most frequent currency."""
    from streamseg.evaluation.event_stream import recorded
    from streamseg.sources.mapping import load_mapping
    from streamseg.sources.truth import read_truth

    if truth is not None and not truth.is_file():
        raise SettingsError(f"truth file {truth} does not exist")
    if len(mappings) not in {0, 1, len(files)}:
        raise SettingsError(f"{len(mappings)} mappings for {len(files)} files: give one for all, or one for each")
    truth_rows = None if truth is None else read_truth(truth)
    loaded: list[FileMapping | None] = [load_mapping(mapping) for mapping in mappings] or [None]
    events: list[SourceEvent] = []
    for index, file in enumerate(files):
        events += _events_of(file, loaded[index % len(loaded)])
    named = Counter(code.decode() for event in events[:_CURRENCY_SAMPLE] for code in _CURRENCY.findall(event.value))
    known = {settings.money.currency, *settings.money.rates}
    if named and named.most_common(1)[0][0] not in known:
        money = settings.money.model_copy(update={"currency": named.most_common(1)[0][0], "rates": {}})
        settings = settings.model_copy(update={"money": money})
    return recorded(files[0].name, events, truth_rows), settings


def _events_of(file: Path, mapping: "FileMapping | None") -> "list[SourceEvent]":
    """Read one file. Raises `SettingsError` when it cannot be read, or has no events."""
    from streamseg.sources.files import EventFile

    unread: list[str] = []
    source = EventFile(file, mapping, lambda number, reason: unread.append(f"line {number}: {reason}"))
    with progress_bar() as bar:
        task = bar.add_task(f"reading {file.name}", total=source.size_bytes)
        events = []
        for event in source:
            events.append(event)
            if not len(events) % _EVENTS_PER_UPDATE:
                bar.update(task, completed=source.read_bytes)
    first = f"; the first: {unread[0]}" if unread else ""
    if not events:
        raise SettingsError(f"{file} has no valid events{first}")
    if unread:
        click.echo(f"{file}: {len(unread):,} lines are not valid events{first}", err=True)
    return events
