"""The native file format: JSON Lines with one event per line, as `streamseg simulate --out` writes them.

A line is the event as it goes to its topic, plus the field `kind`: click, purchase, profile, consent or erasure.
"""

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Final

import msgspec
from typing_extensions import override

from streamseg.ports import EventSink, OutgoingRecord
from streamseg.sources.event import TOPIC_OF_KIND, SourceEvent, parse_iso8601
from streamseg.sources.output_file import open_output
from streamseg.sources.reading.cells import RejectedLineError

_KIND_OF_TOPIC: Final[dict[str, bytes]] = {topic: kind.encode() for kind, topic in TOPIC_OF_KIND.items()}


class _NativeLine(msgspec.Struct):
    kind: str
    event_id: str
    customer_id: str
    occurred_at: str


_decode: Final = msgspec.json.Decoder(_NativeLine).decode


def read_native_line(line: bytes) -> SourceEvent:
    """Return the event of a line. Raises `RejectedLineError`."""
    try:
        known = _decode(line)
        at = parse_iso8601(known.occurred_at)
    except (msgspec.DecodeError, ValueError, OverflowError) as error:
        raise RejectedLineError(str(error)) from None
    if known.kind not in TOPIC_OF_KIND:
        raise RejectedLineError(f"kind: {known.kind[:40]!r} is not one of {', '.join(TOPIC_OF_KIND)}")
    return SourceEvent(known.kind, known.event_id, known.customer_id, at, line)


class FileSink(EventSink):
    """Writes events to a file, gzipped if its name ends in .gz. The same events give the same bytes."""

    def __init__(self, path: Path) -> None:
        self._raw: IO[bytes] = open_output(path, "wb")
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
        """Write what is buffered and close the file."""
        self._stream.close()
        self._raw.close()
