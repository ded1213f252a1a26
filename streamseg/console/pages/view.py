"""What a page is made of: facts for its template, tables and charts; one view is page, live update and download."""

import csv
import io
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from streamseg.console.access.roles import Right, may
from streamseg.console.access.sessions import Session
from streamseg.console.reads.facts import Facts
from streamseg.console.texts import Texts
from streamseg.language.actions import Action

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet would take for the beginning of a formula."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads: session, language, and what of it matters to pages."""

    session: Session
    texts: Texts
    actions: Sequence[Action]

    def may(self, right: Right) -> bool:
        """Return whether the role has a right."""
        return may(self.session.role, right)


@dataclass(frozen=True, slots=True)
class Cell:
    """`value` is for the file; `text` is for people, and may link to a page."""

    value: str | float | None
    text: str
    link: str | None = None
    numeric: bool = False
    at: float | None = None
    """A moment, epoch seconds, that the page writes as the reader's locale does."""
    hint: str = ""
    """A few words that stand below, and not in the file."""


Row: TypeAlias = Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title. `columns` are headings."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]

    def csv(self) -> str:
        """Return it as CSV, with nothing that a spreadsheet would compute."""
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow([_plain(one) for one in self.columns])
        for row in self.rows:
            writer.writerow([_plain(one.value) if isinstance(one.value, str) else one.value for one in row])
        return out.getvalue()


@dataclass(frozen=True, slots=True)
class View:
    """A page at a moment. `facts` are for its template; tables and charts have names."""

    title: str
    facts: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, Table] = field(default_factory=dict)
    charts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Vega-Lite specs."""
    as_of: float | None = None
    """Of when the facts are, epoch seconds; None for now."""


@dataclass(slots=True)
class Part:
    """A part of a page that is made apart: what its template is told, tables and charts."""

    facts: dict[str, Any] = field(default_factory=dict)
    tables: dict[str, Table] = field(default_factory=dict)
    charts: dict[str, Any] = field(default_factory=dict)


Parameters: TypeAlias = Mapping[str, str]
MakesView: TypeAlias = Callable[[Facts, Reader, Parameters], Awaitable[View]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page: where it is, its template, and what makes its view. `place` is its entry in the navigation."""

    path: str
    template: str
    place: str
    view: MakesView


def number(texts: Texts, value: int) -> Cell:
    """Return a cell with a count."""
    return Cell(value, texts.number(value), numeric=True)


def percent(texts: Texts, share: float | None, places: int = 0) -> Cell:
    """Return a cell with a share."""
    return Cell(None if share is None else round(share, 4), texts.percent(share, places), numeric=True)


def utc(at: float) -> str:
    """Write a moment (epoch seconds) in UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text
