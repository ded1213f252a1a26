"""Files of events: CSV, JSON Lines (both also gzipped) and Parquet, read as a stream."""

import csv
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, cast
from zoneinfo import ZoneInfo

import msgspec
from typing_extensions import override

from streamseg.errors import SettingsError, StreamsegError
from streamseg.ports import EventSink, OutgoingRecord
from streamseg.sources.event import TOPIC_OF_KIND, SourceEvent
from streamseg.sources.mapped import Line, LineReader, UnmappableLineError, moment_of
from streamseg.sources.mapping import FileForm, FileMapping, TimeForm
from streamseg.sources.output import writable
from streamseg.sources.transactions import Transactions

Reject = Callable[[int, str], None]
"""Told the number of a line (the first is 1) and the reason why it is no event."""

_FORMS: Final = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "json", ".ndjson": "json", ".json": "json",
    ".parquet": "parquet",
}  # fmt: skip
_KIND_OF_TOPIC: Final[dict[str, bytes]] = {topic: kind.encode() for kind, topic in TOPIC_OF_KIND.items()}
_OWN_TIME: Final = TimeForm()
_UTC: Final = ZoneInfo("UTC")


class EventFile:
    """The events of one file, in its order.

    Args:
        path: ends in .csv, .tsv, .txt, .jsonl, .ndjson or .json, each also with .gz, or in .parquet.
        mapping: for foreign columns; None for JSON Lines in the project's own words (as `streamseg simulate --out`
            writes them): one event a line with one more field, `kind`: click, purchase, profile, consent or erasure.
        reject: told about every line that is no event.

    Raises:
        SettingsError: the file is not there, or its kind can't be read.
    """

    def __init__(self, path: Path, mapping: FileMapping | None, reject: Reject) -> None:
        if not path.is_file():
            raise SettingsError(f"{path} is not a file")
        suffix = path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix
        if suffix not in _FORMS or (suffix == ".parquet" and path.suffix == ".gz"):
            raise SettingsError(f"{path}: what ends in {path.suffix or 'nothing'} cannot be read; see --help")
        self._form = _FORMS[suffix]
        if mapping is None and self._form != "json":
            raise SettingsError(f"{path}: only JSON Lines in streamseg's own words can be read without --mapping")
        self.path = path
        self.size_bytes = path.stat().st_size
        self._mapping = mapping
        self._reject = reject
        self._position: Callable[[], int] = lambda: 0

    @property
    def read_bytes(self) -> int:
        """How far the file is read, for a progress bar."""
        return self._position()

    def __iter__(self) -> Iterator[SourceEvent]:
        try:
            with ExitStack() as open_files:
                raw = open_files.enter_context(self.path.open("rb"))
                self._position = lambda: self.size_bytes if raw.closed else raw.tell()
                open_files.callback(setattr, self, "_position", lambda: self.size_bytes)
                stream: IO[bytes] = raw
                if self.path.suffix == ".gz":
                    stream = cast("IO[bytes]", open_files.enter_context(gzip.open(raw)))
                yield from self._own(stream) if self._mapping is None else self._mapped(self._mapping, stream)
        except (OSError, EOFError, UnicodeDecodeError, csv.Error, zlib.error) as error:
            raise StreamsegError(f"{self.path}: {error}") from None

    def _own(self, stream: IO[bytes]) -> Iterator[SourceEvent]:
        for number, line in enumerate(stream, 1):
            if not line.isspace():
                try:
                    yield _own_words(line.strip())
                except (msgspec.DecodeError, UnicodeDecodeError, UnmappableLineError) as error:
                    self._reject(number, str(error))

    def _mapped(self, mapping: FileMapping, stream: IO[bytes]) -> Iterator[SourceEvent]:
        reader = LineReader(mapping)
        transactions = Transactions(self.path.name.split(".")[0], mapping.lookahead)
        for number, line in self._lines(mapping, stream):
            try:
                read = reader.read(line)
                if read is not None:
                    yield from transactions.add(read, number)
            except UnmappableLineError as error:
                self._reject(number, str(error))
        yield from transactions.close()

    def _lines(self, mapping: FileMapping, stream: IO[bytes]) -> Iterator[tuple[int, Line]]:
        if self._form == "json":
            yield from self._json_lines(stream)
            return
        rows = _parquet_rows(stream) if self._form == "parquet" else _csv_rows(stream, mapping.file)
        columns = mapping.file.columns or tuple(map(str, next(rows, (0, []))[1]))
        if missing := sorted(mapping.columns() - set(columns)):
            raise SettingsError(f"{self.path} has no column {missing[0]!r}; it has {', '.join(columns)[:200]}")
        for number, row in rows:
            if len(row) > len(columns):
                self._reject(number, f"{len(row)} cells for {len(columns)} columns")
            elif row:
                yield number, dict(zip(columns, row, strict=False))

    def _json_lines(self, stream: IO[bytes]) -> Iterator[tuple[int, Line]]:
        decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
        for number, line in enumerate(stream, 1):
            if line.isspace():
                continue
            try:
                yield number, decoder.decode(line)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                self._reject(number, str(error))


def _csv_rows(stream: IO[bytes], form: FileForm) -> Iterator[tuple[int, list[Any]]]:
    encoding = "utf-8-sig" if form.encoding.casefold() in ("utf-8", "utf8") else form.encoding
    with io.TextIOWrapper(stream, encoding, newline="") as text:
        if form.delimiter == "whitespace":
            yield from ((number, line.split()) for number, line in enumerate(text, 1))
            return
        reader = csv.reader(text, delimiter=form.delimiter)
        for row in reader:
            yield reader.line_num, row


def _parquet_rows(stream: IO[bytes]) -> Iterator[tuple[int, list[Any]]]:
    """The column names, then the rows, numbered from 1."""
    try:
        from pyarrow import parquet  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        raise SettingsError("reading Parquet needs the extra: pip install 'streamseg[parquet]'") from None
    file = parquet.ParquetFile(stream)
    yield 0, list(file.schema_arrow.names)
    number = 0
    for batch in file.iter_batches():
        for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            number += 1
            yield number, list(row)


class _OwnWords(msgspec.Struct):
    kind: str
    event_id: str
    customer_id: str
    occurred_at: str


_decode_own = msgspec.json.Decoder(_OwnWords).decode


def _own_words(line: bytes) -> SourceEvent:
    head = _decode_own(line)
    if head.kind not in TOPIC_OF_KIND:
        raise UnmappableLineError(f"kind: {head.kind[:40]!r} is none of {', '.join(TOPIC_OF_KIND)}")
    at = moment_of(head.occurred_at, _OWN_TIME, _UTC)
    return SourceEvent(head.kind, head.event_id, head.customer_id, at, line)


class FileSink(EventSink):
    """Writes JSON Lines in the project's own words, gzipped if the name ends in .gz: same events, same bytes."""

    def __init__(self, path: Path) -> None:
        self._raw: IO[bytes] = writable(path, "wb")
        self._stream: IO[bytes] | gzip.GzipFile = self._raw
        if path.suffix == ".gz":
            self._stream = gzip.GzipFile("", "wb", compresslevel=5, fileobj=self._raw, mtime=0)

    @override
    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self._stream.writelines(
            b'{"kind":"%s",%s\n' % (_KIND_OF_TOPIC[record.topic], record.value[1:])
            for record in records
            if record.value
        )

    async def close(self) -> None:
        """Finish the file."""
        self._stream.close()
        self._raw.close()
