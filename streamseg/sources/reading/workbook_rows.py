"""Read the rows of Excel workbooks."""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import IO, Any

from streamseg.errors import SettingsError, StreamsegError


def workbook_rows(
    stream: IO[bytes], sheets: tuple[str, ...], read: Callable[[float], None], *, has_header: bool
) -> Iterator[tuple[int, list[Any]]]:
    """Yield the number of each row that is not empty, as Excel shows it, and its cells.

    Rows of several sheets follow each other under the first one's header. Cells are text, numbers, times, dates or yes
    and no; an empty cell, or one with an error such as #DIV/0!, is "".

    Args:
        stream: a workbook in the format .xlsx.
        sheets: names of the sheets to read; none for the only one that holds anything.
        read: told with each row what share of all rows was read, 0 to 1.
        has_header: whether the first row of each sheet names the columns.

    Raises:
        SettingsError: no such sheet, several to choose from, or headers differ; or the extra `excel` is not installed.
        StreamsegError: the file is no workbook.
    """
    held = _sheets(stream, sheets)
    if has_header:
        for sheet in held[1:]:
            if _first_row(sheet) != _first_row(held[0]):
                raise SettingsError(f"{stream.name}: the sheet {sheet.name!r} has another header than {held[0].name!r}")
    total, done = sum(sheet.end[0] + 1 for sheet in held), 0
    for sheet in held:
        for number, row in islice(_rows(sheet), 1 if has_header and sheet is not held[0] else 0, None):
            read((done + number) / total)
            yield number, row
        done += sheet.end[0] + 1


def _sheets(stream: IO[bytes], names: tuple[str, ...]) -> list[Any]:
    """Return the sheets to read that hold anything."""
    try:
        from python_calamine import CalamineError, CalamineWorkbook  # noqa: PLC0415  optional dependency
    except ModuleNotFoundError:
        raise SettingsError("reading .xlsx needs an extra: pip install 'streamseg[excel]'") from None
    try:
        book = CalamineWorkbook.from_filelike(stream)
        if unknown := [name for name in names if name not in book.sheet_names]:
            raise SettingsError(f"{stream.name} has no sheet {unknown[0]!r}; it has {', '.join(book.sheet_names)}")
        held = [sheet for name in names or book.sheet_names if (sheet := book.get_sheet_by_name(name)).height]
    except CalamineError as error:
        raise StreamsegError(f"{stream.name}: not a workbook: {error}") from None
    if len(held) > 1 and not names:
        several = ", ".join(repr(sheet.name) for sheet in held)
        raise SettingsError(f"{stream.name} has several sheets, {several}: name those to read in file.sheets")
    return held


def _rows(sheet: Any) -> Iterator[tuple[int, list[Any]]]:
    """Yield the rows that are not empty, with their numbers."""
    return ((number, row) for number, row in enumerate(sheet.iter_rows(), 1) if any(cell != "" for cell in row))


def _first_row(sheet: Any) -> list[Any]:
    return next(_rows(sheet), (0, []))[1]
