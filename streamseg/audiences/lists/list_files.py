"""Reads a list from a file, and says what is in it. Plain addresses become hashes here, before anything is sent.

A file has one entry a line, or is a CSV (comma, semicolon or tab) with a heading. Values are never part of a report.
"""

import csv
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from streamseg.audiences.lists.content import ListContent
from streamseg.audiences.lists.entries import (
    EMPTY,
    ENTRY_KINDS,
    Entry,
    EntryKind,
    NoEntryError,
    entry,
    kind_of,
    looks_like,
)
from streamseg.errors import SettingsError

_HEADINGS: Final[dict[str, EntryKind]] = {
    "customer_id": "id", "customerid": "id", "id": "id", "user_id": "id", "external_id": "id",
    "email": "email", "e_mail": "email", "mail": "email", "email_address": "email", "em": "email",
    "phone": "phone", "phone_number": "phone", "mobile": "phone", "telephone": "phone", "ph": "phone",
    "hash": "hash", "sha256": "hash", "email_sha256": "hash", "phone_sha256": "hash", "hashed_email": "hash",
    "hashed_phone": "hash", "sha256_email": "hash", "sha256_phone": "hash",
}  # fmt: skip
"""What a column holds, by its heading in small letters with underscores."""
_DELIMITERS: Final = ",;\t"
_SAMPLED: Final = 1_000
"""Lines from which the kind is found where no heading tells it."""
_SHOWN: Final = 20
"""Invalid lines whose reasons are kept."""
_LONGEST_LINE: Final = 65_536


class Invalid(NamedTuple):
    """An invalid line: its number in the file, and why."""

    line: int
    reason: str


@dataclass(slots=True)
class ReadList:
    """What a file holds. `lines` are those that are not empty, without the heading: valid plus invalid."""

    content: ListContent
    kinds: tuple[str, ...] = ()
    """What rows are asked for: `id` and kinds of identifiers, sorted; a hash may be of any."""
    lines: int = 0
    valid: int = 0
    duplicates: int = 0
    """Valid lines that say nothing new."""
    counted: dict[str, int] = field(default_factory=dict)
    """Valid entries by what they are: `id`, `email`, `phone`, `hash`."""
    reasons: dict[str, int] = field(default_factory=dict)
    """Invalid lines by reason."""
    invalid: list[Invalid] = field(default_factory=list)
    """The first invalid lines."""


def read_list(
    path: Path, *, kind: EntryKind | None = None, column: str | None = None, country_code: str = ""
) -> ReadList:
    """Read a list from a file of text in UTF-8; else as `read_lines`."""
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as opened:
        return read_lines(opened, str(path), kind=kind, column=column, country_code=country_code)


def read_lines(
    opened: Iterable[str],
    name: str,
    *,
    kind: EntryKind | None = None,
    column: str | None = None,
    country_code: str = "",
) -> ReadList:
    """Read a list from lines.

    Args:
        opened: the lines.
        name: what messages call it.
        kind: what the entries are; None to find it by the heading, or else by the values.
        column: heading of the only column to read; None for all whose heading is known, or the first one.
        country_code: digits before phone numbers that are written without a country code; empty for none.

    Raises:
        SettingsError: the file has no line, or no such column.
    """
    lines = _cells(opened)
    sampled = list(islice(lines, _SAMPLED))
    if not sampled:
        raise SettingsError(f"{name}: is empty")
    columns, has_heading = _columns(sampled[0][1], kind, column, name)
    rest = sampled[1:] if has_heading else sampled
    found = [place for place, one in columns.items() if one is None]
    for place in found:
        columns[place] = kind_of(cells[place] for _, cells in rest if place < len(cells))
    return _read(chain(rest, lines), columns, country_code)


def _cells(opened: Iterable[str]) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the number and the cells of each line that is not empty."""
    delimiter = ""
    for number, line in enumerate(opened, 1):
        if not line.strip():
            continue
        if not delimiter:
            delimiter = max(_DELIMITERS, key=line.count)
        cells: Sequence[str] = ()
        if len(line) <= _LONGEST_LINE:
            cells = next(csv.reader([line], delimiter=delimiter), ()) if delimiter in line or '"' in line else (line,)
        yield number, [cell.strip() for cell in cells]


def _columns(
    first: Sequence[str], kind: EntryKind | None, column: str | None, path: str
) -> tuple[dict[int, EntryKind | None], bool]:
    """Return what each column to read holds, None where the values must tell, and whether the first line is a heading.

    Raises `SettingsError` where there is no such column.
    """
    names = [_heading(cell) for cell in first]
    if column is not None:
        if _heading(column) not in names:
            raise SettingsError(f"{path}: has no column {column}")
        place = names.index(_heading(column))
        return {place: kind or _HEADINGS.get(names[place])}, True
    known: dict[int, EntryKind | None] = {n: _HEADINGS[name] for n, name in enumerate(names) if name in _HEADINGS}
    if known and kind is not None and len(names) > 1:
        known = {n: one for n, one in known.items() if one == kind}
        if not known:
            raise SettingsError(f"{path}: no heading tells where the {kind} is: name the column with --column")
    elif known and kind is not None:
        known = {0: kind}
    if known:
        return known, True
    if len(first) > 1 and not any(looks_like(cell) for cell in first):
        raise SettingsError(f"{path}: no heading of its columns is known: name one with --column")
    return {0: kind}, False


def _heading(cell: str) -> str:
    return "_".join(cell.replace("-", " ").replace("_", " ").casefold().split())


def _read(
    lines: Iterable[tuple[int, Sequence[str]]], columns: dict[int, EntryKind | None], country_code: str
) -> ReadList:
    """Read the entries of all lines."""
    made = ReadList(ListContent.of((), ()))
    ids, identifiers, said = array("Q"), array("Q"), array("Q")
    counted, reasons = Counter[str](), Counter[str]()
    for number, cells in lines:
        made.lines += 1
        entries, reason = _entries(cells, columns, country_code)
        if not entries:
            reasons[reason] += 1
            if len(made.invalid) < _SHOWN:
                made.invalid.append(Invalid(number, reason))
            continue
        made.valid += 1
        counted.update(one.kind for one in entries)
        for one in entries:
            (ids if one.kind == "id" else identifiers).extend(one.hashes)
        said.append(hash(tuple(one.hashes[0] for one in entries)) % 2**64)
    made.duplicates = made.valid - len(np.unique(np.array(said, dtype=np.uint64)))
    made.content = ListContent.of(np.frombuffer(ids, np.uint64), np.frombuffer(identifiers, np.uint64))
    made.kinds = tuple(sorted({asked for one in counted for asked in ENTRY_KINDS[one]}))
    made.counted, made.reasons = dict(counted), dict(reasons.most_common())
    return made


def _entries(cells: Sequence[str], columns: dict[int, EntryKind | None], country_code: str) -> tuple[list[Entry], str]:
    """Return the valid entries of a line, and what is wrong with the first one that is not."""
    found, reasons = list[Entry](), list[str]()
    for place, kind in columns.items():
        text = cells[place] if place < len(cells) else ""
        try:
            found.append(entry(text, kind, country_code))
        except NoEntryError as error:
            reasons.insert(0 if text and (not reasons or reasons[0] == EMPTY) else len(reasons), str(error))
    return found, next(iter(reasons), EMPTY)
