"""Reads event files for `streamseg bench clustering` into memory, with a progress bar."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from streamseg.commands._options import mapping_of_each
from streamseg.commands._progress import progress_bar
from streamseg.errors import SettingsError

if TYPE_CHECKING:
    from streamseg.evaluation.event_stream import EventStream
    from streamseg.settings import Settings
    from streamseg.sources.event import SourceEvent
    from streamseg.sources.reading.mapping import FileMapping

_CURRENCY: Final = re.compile(rb'"currency":\s*"([A-Za-z]{3})"')
_EVENTS_PER_UPDATE: Final = 1_000
"""Events between two updates of the progress bar."""


def recorded_stream(
    files: tuple[Path, ...], mappings: tuple[Path, ...], truth: Path | None, settings: "Settings"
) -> "tuple[EventStream, Settings]":
    """Read the files. Returns their stream, and the settings with the files' currency."""
    from streamseg.evaluation.event_stream import recorded
    from streamseg.sources.truth import read_truth

    if truth is not None and not truth.is_file():
        raise SettingsError(f"truth file {truth} does not exist")
    loaded = mapping_of_each(mappings, len(files))
    truth_rows = None if truth is None else read_truth(truth)
    events: list[SourceEvent] = []
    for file, mapping in zip(files, loaded, strict=True):
        events += _events_of(file, mapping)
    return recorded(files[0].name, events, truth_rows), _with_currency_of(events, settings)


def _with_currency_of(events: "list[SourceEvent]", settings: "Settings") -> "Settings":
    """Return the settings with the currency of the files if they have only one, and it has no rate.

    Raises:
        SettingsError: the files have several currencies, of which one has no rate.
    """
    named = {code.decode().upper() for event in events for code in _CURRENCY.findall(event.value)}
    unknown = sorted(named - {settings.money.currency, *settings.money.rates})
    if not unknown:
        return settings
    if len(named) > 1:
        raise SettingsError(
            f"the files have the currencies {', '.join(sorted(named))}, and {unknown[0]} has no rate:"
            " set money.currency and money.rates"
        )
    money = settings.money.model_copy(update={"currency": unknown[0], "rates": {}})
    return settings.model_copy(update={"money": money})


def _events_of(file: Path, mapping: "FileMapping | None") -> "list[SourceEvent]":
    """Read one file. Raises `SettingsError` when it cannot be read, or has no events."""
    from streamseg.sources.reading.files import EventFile

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
