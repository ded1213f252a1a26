"""Read dead letters, and send their records again to the topics that they came from."""

from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from streamseg.events.cloudevents import PROBE_TYPE
from streamseg.events.record import Record
from streamseg.events.rejection import CUT_HEADER, ERROR_HEADERS, original_headers
from streamseg.ports import EventSink, Log, OutgoingRecord
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS

REDRIVEN: Final = f"{ERROR_HEADERS}redriven"
"""Header of a record that marks a dead letter as sent again: same topic and key, no value."""
LETTERS_AT_ONCE: Final = 1_000
BYTES_AT_ONCE: Final = 16 << 20
"""Of values. One `send` takes no more letters once it has so many, and no more than `LETTERS_AT_ONCE`."""
NO_STARTS: Final[Mapping[int, int]] = {}


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A rejected record, identified by topic, partition and offset: a rewind can write it twice."""

    topic: str
    partition: int
    offset: int
    stage: str
    reason: str
    detail: str
    rejected_at: float
    """Epoch seconds."""
    key: bytes | None = field(repr=False)
    value: bytes | None = field(repr=False)
    headers: tuple[tuple[str, bytes | None], ...] = field(repr=False)
    """Headers of the original record."""
    cut: bool = False
    """True if the record was too large to keep its whole value; it cannot be sent again."""

    def shown(self) -> dict[str, Any]:
        """Return the fields that may be printed: all except the content of the record."""
        fields = asdict(self) | {"bytes": len(self.value or b"")}
        return {name: value for name, value in fields.items() if name not in {"key", "value", "headers"}}

    def original(self) -> OutgoingRecord:
        """Return the original record for its topic; the key decides the partition."""
        return OutgoingRecord(self.topic, self.key, self.value, self.headers)

    def redriven_mark(self) -> OutgoingRecord:
        """Return the record that marks this dead letter as sent again."""
        place = {"topic": self.topic, "partition": str(self.partition), "offset": str(self.offset)}
        headers = tuple((f"{ERROR_HEADERS}{name}", text.encode()) for name, text in place.items())
        return OutgoingRecord(DEAD_LETTERS, self.key, None, (*headers, (REDRIVEN, b"1")))


async def unsent_letters(
    log: Log, partitions: int, starts: Mapping[int, int] = NO_STARTS
) -> AsyncGenerator[DeadLetter, None]:
    """Yield the dead letters that were not sent again, each once, by partition in the order of rejection.

    Reads the topic twice, because the mark of one that was sent again comes after it.

    Args:
        log: reads the dead letter topic.
        partitions: its partition count.
        starts: offsets by partition, before which none are read.
    """
    bounds, redriven = await _bounds(log, partitions, starts), _Places()
    async for letter, mark in _records(log, bounds):
        if mark:
            redriven.add(letter)
    async for letter in _each_once(log, bounds):
        if letter not in redriven:
            yield letter


async def all_letters(log: Log, partitions: int) -> AsyncGenerator[DeadLetter, None]:
    """Yield every dead letter once, also those that were sent again."""
    async for letter in _each_once(log, await _bounds(log, partitions, NO_STARTS)):
        yield letter


async def redrive(letters: AsyncIterable[DeadLetter], sink: EventSink) -> int:
    """Send the records that are complete, and mark their dead letters; return the number of records sent.

    Records and marks go in one `send`. With a transactional sink, an interrupted call can be made again: what was sent
    is marked, and what is not marked was not sent.
    """
    sent, size, piece = 0, 0, list[DeadLetter]()
    async for letter in letters:
        if letter.cut:
            continue
        piece.append(letter)
        size += len(letter.value or b"")
        if len(piece) == LETTERS_AT_ONCE or size >= BYTES_AT_ONCE:
            sent += await _send(piece, sink)
            size, piece = 0, []
    return sent + (await _send(piece, sink) if piece else 0)


async def _send(letters: Sequence[DeadLetter], sink: EventSink) -> int:
    await sink.send([*(one.original() for one in letters), *(one.redriven_mark() for one in letters)])
    return len(letters)


class _Places:
    """Where records lie that were rejected: only numbers, as their content may be large."""

    def __init__(self) -> None:
        self._offsets: defaultdict[tuple[str, int], set[int]] = defaultdict(set)

    def add(self, letter: DeadLetter) -> None:
        self._offsets[letter.topic, letter.partition].add(letter.offset)

    def __contains__(self, letter: DeadLetter) -> bool:
        return letter.offset in self._offsets[letter.topic, letter.partition]


async def _bounds(log: Log, partitions: int, starts: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Return the offsets to read between: fixed beforehand, so that what is rejected again is not read too."""
    bounds = {partition: await log.bounds(DEAD_LETTERS, partition) for partition in range(partitions)}
    return {partition: (max(first, starts.get(partition, 0)), end) for partition, (first, end) in bounds.items()}


async def _records(log: Log, bounds: Mapping[int, tuple[int, int]]) -> AsyncGenerator[tuple[DeadLetter, bool], None]:
    """Yield the dead letters, and whether each is only the mark of one that was sent again."""
    for partition, (start, end) in bounds.items():
        async for records in log.read(DEAD_LETTERS, partition, start, end):
            for record in records:
                if (letter := _letter(record)) is not None:
                    yield letter, any(name == REDRIVEN for name, _ in record.headers)


async def _each_once(log: Log, bounds: Mapping[int, tuple[int, int]]) -> AsyncGenerator[DeadLetter, None]:
    seen = _Places()
    async for letter, mark in _records(log, bounds):
        if not mark and letter not in seen:
            seen.add(letter)
            yield letter


def _letter(record: Record) -> DeadLetter | None:
    """Parse a record of the dead letter topic; None if no worker wrote it, or if it holds a mere probe."""
    errors = {
        name.removeprefix(ERROR_HEADERS): (value or b"").decode(errors="replace")
        for name, value in record.headers
        if name.startswith(ERROR_HEADERS)
    }
    if ("ce_type", PROBE_TYPE.encode()) in record.headers:
        return None
    if errors.get("topic") not in INPUT_TOPICS or not errors.get("partition", "").isdigit():
        return None
    return DeadLetter(
        topic=errors["topic"],
        partition=int(errors["partition"]),
        offset=int(errors.get("offset", "0")),
        stage=errors.get("stage", ""),
        reason=errors.get("reason", ""),
        detail=errors.get("detail", ""),
        rejected_at=record.timestamp / 1000.0,
        key=record.key,
        value=record.value,
        headers=original_headers(record.headers),
        cut=any(name == CUT_HEADER for name, _ in record.headers),
    )
