"""Catalogue entries and their names in the reader's language, as all pages show them."""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from streamseg.clustering.identity import segmentation_of
from streamseg.console.pages.view import Cell, Reader
from streamseg.language import messages
from streamseg.language.segment_text import provisional, say, written

Entries = Mapping[str, Mapping[str, Any]]


def entries_for(catalogue: Entries, reader: Reader) -> dict[str, dict[str, Any]]:
    """Return the catalogue with its texts in the reader's language."""
    return written(catalogue, reader.actions, reader.texts.language)


def label_of(entries: Entries, segment: str | None, reader: Reader) -> str:
    """Return the name of a segment; None is nobody's."""
    if segment is None:
        return reader.texts("segment.none")
    return str(entries.get(segment, {}).get("label") or segment)


def segment_cell(entries: Entries, segment: str | None, reader: Reader) -> Cell:
    """Return a cell that links to the page of the segment."""
    known = segment is not None and segment in entries
    return Cell(segment, label_of(entries, segment, reader), f"/segments/{segment}" if known else None)


def persona_of(entry: Mapping[str, Any], reader: Reader) -> list[str]:
    """Return the sentences of the persona."""
    tables = messages(reader.texts.language)
    said = [say(tables, one) for one in entry.get("persona", ())]
    return [*(f"{one[:1].upper()}{one[1:]}." for one in said), *provisional(entry, reader.texts.language)]


def is_segment(segment: str, entries: Entries) -> bool:
    """Return whether this is a found or declared group and not an audience, which are counted beside them."""
    return segment in entries and not segmentation_of(segment).startswith("audience/")


def day_seconds(day: date) -> float:
    """Return the start of a UTC day, epoch seconds."""
    return datetime.combine(day, time(), ZoneInfo("UTC")).timestamp()
