"""Read the rows of CSV text; a quote that is never closed costs its own line only."""

import csv
import io
from collections import deque
from collections.abc import Iterator
from typing import IO, Any, Final

from streamseg.sources.reading.file_format import FileFormat

UNCLOSED: Final = 'a quotation mark is opened and not closed; if quotes mean nothing in this file, set file.quote = ""'


class _Lines:
    """Lines of a stream that can be read again. `taken` are those since the last call of `start`."""

    def __init__(self, text: IO[str]) -> None:
        self._text = text
        self._again: deque[str] = deque()
        self.taken: list[str] = []
        self.ended = False

    def __iter__(self) -> "_Lines":
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else self._text.readline()
        if not line:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line

    def start(self) -> None:
        self.taken, self.ended = [], False

    def read_again(self) -> None:
        """Give back all taken lines but the first."""
        self._again.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def csv_rows(stream: IO[bytes], file_format: FileFormat) -> Iterator[tuple[int, list[Any] | str]]:
    """Yield the number of each row's first line and its cells; in place of the cells, why the line cannot be read.

    A row may extend over lines within quotes. If that leads to the end of the file, to broken quoting or to a row of
    another width, the first line is at fault and the next ones are read on their own.
    """
    encoding = "utf-8-sig" if file_format.encoding.casefold() in ("utf-8", "utf8") else file_format.encoding
    with io.TextIOWrapper(stream, encoding, newline="") as text:
        if file_format.delimiter == "whitespace":
            yield from ((number, line.split()) for number, line in enumerate(text, 1))
            return
        options: dict[str, Any] = {"delimiter": file_format.delimiter}
        if file_format.quote:
            options["quotechar"] = file_format.quote
        else:
            options["quoting"] = csv.QUOTE_NONE
        lines, number, width = _Lines(text), 1, len(file_format.columns)
        while True:
            lines.start()
            try:
                row: list[str] | str = next(csv.reader(lines, **options))
            except StopIteration:
                return
            except csv.Error as error:
                row = f"{error}"
            if isinstance(row, str) or (len(lines.taken) > 1 and not _is_one_row(row, lines, options, width)):
                row = UNCLOSED
                lines.read_again()
            elif lines.ended and file_format.quote and not _is_closed(lines.taken, options):
                row = UNCLOSED
            yield number, row
            width = width or len(row)
            number += len(lines.taken)


def _is_one_row(row: list[str], lines: _Lines, options: dict[str, Any], width: int) -> bool:
    return not lines.ended and (not width or len(row) == width) and _is_closed(lines.taken, options)


def _is_closed(taken: list[str], options: dict[str, Any]) -> bool:
    try:
        return len(list(csv.reader(taken, strict=True, **options))) == 1
    except csv.Error:
        return False
