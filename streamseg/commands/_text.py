"""Text that commands print: times in UTC, lines and tables that fit the terminal (80 columns where there is none)."""

import shutil
import textwrap
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from rich.table import Table

TOO_SMALL: Final = "too small"
"""Of an audience of whom fewer consent than its minimum size: nobody is exported."""
NARROWEST: Final = 40
"""Columns to assume for a narrower terminal: words no longer fit."""


def columns() -> int:
    """Width of the terminal; 80 without one."""
    return max(shutil.get_terminal_size((80, 24)).columns, NARROWEST)


def utc(at: float | None) -> str:
    """Format epoch seconds as ISO 8601 in UTC, to the second: `2026-11-23T14:05:09Z`; "" for None."""
    return "" if at is None else datetime.fromtimestamp(int(at), UTC).isoformat().replace("+00:00", "Z")


def printable(text: str) -> str:
    """Replace control characters other than line ends, which could change what the terminal shows."""
    return "".join(each if each.isprintable() or each == "\n" else "\ufffd" for each in text)


def folded(text: str, indent: str = "  ") -> str:
    """Break lines that are wider than the terminal at spaces; the parts after the first begin with `indent`."""
    return "\n".join(
        "\n".join(textwrap.wrap(line, columns(), subsequent_indent=indent, break_on_hyphens=False, tabsize=4)) or line
        for line in printable(text).split("\n")
    )


def say(text: str, indent: str = "  ", *, err: bool = False) -> None:
    """Print text on stdout or stderr, folded."""
    click.echo(folded(text, indent), err=err)


def folding_table(*headings: str, right: Iterable[str] = (), title: str | None = None) -> "Table":
    """A table that folds its cells to fit the terminal. Columns named in `right` are aligned to the right."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1), title=title, title_justify="left"
    )
    aligned = set(right)
    for heading in headings:
        table.add_column(heading, overflow="fold", justify="right" if heading in aligned else "left")
    return table


def print_table(headings: Sequence[str], rows: Iterable[Sequence[str]], right: Iterable[str] = ()) -> None:
    """Print rows of plain text, square brackets included, as a table that fits the terminal."""
    from rich.console import Console
    from rich.text import Text

    table = folding_table(*headings, right=right)
    for row in rows:
        table.add_row(*(Text(printable(cell), overflow="fold") for cell in row))
    Console(width=columns(), highlight=False).print(table)
