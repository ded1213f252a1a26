"""Read files of events as a stream: CSV, JSON Lines (both also gzipped), Parquet and Excel workbooks."""

import csv
import gzip
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, cast

import msgspec

from streamseg.errors import SettingsError, StreamsegError
from streamseg.sources.event import SourceEvent
from streamseg.sources.reading.cells import RejectedLineError
from streamseg.sources.reading.csv_rows import csv_rows
from streamseg.sources.reading.field_value import Line, NestedLine
from streamseg.sources.reading.line_reader import LineReader
from streamseg.sources.reading.mapping import FileMapping
from streamseg.sources.reading.native_format import read_native_line
from streamseg.sources.reading.parquet_rows import parquet_rows
from streamseg.sources.reading.session_starts import with_session_starts
from streamseg.sources.reading.transactions import TransactionGrouper
from streamseg.sources.reading.workbook_rows import workbook_rows

Reject = Callable[[int, str], None]
"""Takes the number of a rejected line (the first is 1) and the reason."""

_FORMATS: Final = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json",
    ".parquet": "parquet", ".xlsx": "workbook",
}  # fmt: skip
_WITHOUT_GZIP: Final = frozenset({"parquet", "workbook"})


class EventFile:
    """The events of one file. Iterating reads the file and yields them in its order.

    Args:
        path: ends in .csv, .tsv, .txt, .jsonl, .ndjson or .json, each also with .gz, or in .parquet or .xlsx.
        mapping: how columns become fields; None for a file in the native format (see `native_format`).
        reject: called for each line that is not a valid event.

    Raises:
        SettingsError: the file does not exist, or its format is unknown.
    """

    def __init__(self, path: Path, mapping: FileMapping | None, reject: Reject) -> None:
        if not path.is_file():
            raise SettingsError(f"{path} is not a file")
        suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
        if suffix not in _FORMATS or (path.suffix == ".gz" and _FORMATS[suffix] in _WITHOUT_GZIP):
            raise SettingsError(f"{path}: unknown file format {path.suffix or '(no suffix)'}; see --help")
        self._format = _FORMATS[suffix]
        if mapping is None and self._format != "json":
            raise SettingsError(f"{path}: a file that is not JSON Lines in streamseg's own format needs --mapping")
        self.path = path
        self.size_bytes = path.stat().st_size
        self._mapping = mapping
        self._reject = reject
        self._position: Callable[[], int] = lambda: 0

    @property
    def read_bytes(self) -> int:
        """Bytes of the file read so far, for a progress bar."""
        return self._position()

    def __iter__(self) -> Iterator[SourceEvent]:
        with self._opened() as stream:
            if self._mapping is None:
                yield from self._native(stream)
                return
            events = self._mapped(self._mapping, stream)
            if self._mapping.file.sort:
                events = iter(sorted(events, key=lambda event: event.occurred_at))
            yield from with_session_starts(events) if self._mapping.sessions.start else events

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        """Open the file. Raises `StreamsegError` that names it if it cannot be read."""
        try:
            with ExitStack() as open_files:
                raw = open_files.enter_context(self.path.open("rb"))
                self._position = lambda: self.size_bytes if raw.closed else raw.tell()
                open_files.callback(setattr, self, "_position", lambda: self.size_bytes)
                stream: IO[bytes] = raw
                if self.path.suffix == ".gz":
                    stream = cast("IO[bytes]", open_files.enter_context(gzip.open(raw)))
                yield stream
        except (OSError, EOFError, UnicodeError, csv.Error, zlib.error) as error:
            raise StreamsegError(f"{self.path}: {error}") from None

    def check_columns(self) -> None:
        """Read the header of the file. Raises `SettingsError` if a mapped column is missing or occurs twice."""
        mapping = self._mapping
        if mapping is not None and self._format != "json":
            with self._opened() as stream:
                self._columns(mapping, self._rows(mapping, stream))

    def _native(self, stream: IO[bytes]) -> Iterator[SourceEvent]:
        for number, given in enumerate(stream, 1):
            line = _without_bom(given, number)
            if line and not line.isspace():
                try:
                    yield read_native_line(line.strip())._replace(line=number)
                except RejectedLineError as error:
                    self._reject(number, str(error))

    def _mapped(self, mapping: FileMapping, stream: IO[bytes]) -> Iterator[SourceEvent]:
        reader = LineReader(mapping)
        grouper = TransactionGrouper(mapping.lookahead)
        for number, line in self._lines(mapping, stream):
            try:
                mapped = reader.read(line)
                if mapped is not None:
                    yield from grouper.add(mapped, number)
            except RejectedLineError as error:
                self._reject(number, str(error))
        yield from grouper.close()

    def _lines(self, mapping: FileMapping, stream: IO[bytes]) -> Iterator[tuple[int, Line]]:
        if self._format == "json":
            yield from self._json_lines(stream)
            return
        rows = self._rows(mapping, stream)
        columns = self._columns(mapping, rows)
        for number, row in rows:
            if isinstance(row, str):
                self._reject(number, row)
            elif len(row) > len(columns):
                self._reject(number, f"{len(row)} cells for {len(columns)} columns")
            elif row:
                yield number, dict(zip(columns, row, strict=False))

    def _rows(self, mapping: FileMapping, stream: IO[bytes]) -> Iterator[tuple[int, list[Any] | str]]:
        match self._format:
            case "parquet":
                return parquet_rows(stream)
            case "workbook":
                return workbook_rows(stream, mapping.file.sheets, self._show_share, has_header=not mapping.file.columns)
            case _:
                return csv_rows(stream, mapping.file)

    def _show_share(self, share: float) -> None:
        """Set how much was read: a workbook is read as a whole before its first row."""
        self._position = lambda: int(share * self.size_bytes)

    def _columns(self, mapping: FileMapping, rows: Iterator[tuple[int, list[Any] | str]]) -> tuple[str, ...]:
        """Return the names of the columns; read the header if there is one. Raises `SettingsError`."""
        header = [] if mapping.file.columns else next(rows, (0, []))[1]
        if isinstance(header, str):
            raise SettingsError(f"{self.path}, line 1: {header}")
        columns = mapping.file.columns or tuple(map(str, header))
        if missing := sorted(mapping.columns() - set(columns)):
            raise SettingsError(f"{self.path} has no column {missing[0]!r}; it has {', '.join(columns)[:200]}")
        if twice := [name for name, count in Counter(columns).items() if count > 1 and name in mapping.columns()]:
            raise SettingsError(
                f"{self.path} has the column {twice[0]!r} more than once: rename one, or set file.columns"
            )
        return columns

    def _json_lines(self, stream: IO[bytes]) -> Iterator[tuple[int, Line]]:
        decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
        for number, given in enumerate(stream, 1):
            line = _without_bom(given, number)
            if not line or line.isspace():
                continue
            try:
                yield number, NestedLine(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._reject(number, str(error))


def _without_bom(line: bytes, number: int) -> bytes:
    return line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
