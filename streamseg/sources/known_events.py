"""Keeps events out of a sink that the topics already hold, so that an import can be run again.

A worker notices a repeated event among the customer's latest ones only. An import that is run again repeats all of
them, so what a topic holds is read once, before the first event is sent to it. Records that a worker rejected do not
count: sending them again after a correction is right. Records that retention removed are not known.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray
from typing_extensions import override
from xxhash import xxh3_64_intdigest

from streamseg.events.identity import names_an_order
from streamseg.events.record import Record
from streamseg.events.rejection import ERROR_HEADERS, RejectionError
from streamseg.events.types import EVENT_TYPES
from streamseg.events.validation import adjusted_event
from streamseg.ports import EventSink, Log, OutgoingRecord
from streamseg.topics import DEAD_LETTERS, INPUT_TOPICS, PURCHASES

_ORDERS: Final = len(INPUT_TOPICS)
"""Prefix of a transaction id when it is hashed; that of an event id is the index of its topic."""
_NO_EVENT: Final = 0
"""In place of a hash: a heartbeat, or a record that is no event."""
_PLACE: Final = ("topic", "partition", "offset")


class ClosableSink(EventSink, Protocol):
    """A sink with connections."""

    async def close(self) -> None:
        """Close the connections."""
        ...


class PartitionedLog(Log, Protocol):
    """A log with connections that also says how many partitions a topic has."""

    async def close(self) -> None:
        """Close the connections."""
        ...

    async def partitions(self, topic: str) -> int:
        """Return the topic's partition count. Raises `StreamsegError`."""
        ...


class NewEventsSink(EventSink):
    """Sends only records of events that neither the topics hold nor this sink has sent; counts the others.

    Memory: 8 bytes per record that a topic holds, about 100 per record sent.

    Args:
        sink: takes the new records.
        log: reads the topics that the sink writes.
        reading: called with a topic and its number of records before they are read.
    """

    def __init__(self, sink: ClosableSink, log: PartitionedLog, reading: Callable[[str, int], object]) -> None:
        self._sink = sink
        self._log = log
        self._reading = reading
        self._held: dict[str, NDArray[np.uint64]] = {}
        self._sent: set[int] = set()
        self._rejected: set[tuple[str, int, int]] | None = None
        self.known = 0
        """Number of records that were not sent, because their events are known."""

    @override
    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        for topic in sorted({record.topic for record in records if record.key is not None} - self._held.keys()):
            self._held[topic] = await self._read(topic)
        hashes = [_hash(record.topic, record.key, record.value) or _NO_EVENT for record in records]
        values = np.array(hashes, dtype=np.uint64)
        held = np.zeros(len(records), dtype=np.bool_)
        for found in self._held.values():
            if len(found):
                held |= found.take(np.searchsorted(found, values), mode="clip") == values
        new: list[OutgoingRecord] = []
        for record, one, is_held in zip(records, hashes, held.tolist(), strict=True):
            if one == _NO_EVENT or not (is_held or one in self._sent):
                new.append(record)
                self._sent.add(one)
        self.known += len(records) - len(new)
        if new:
            await self._sink.send(new)

    async def close(self) -> None:
        """Close sink and log."""
        try:
            await self._sink.close()
        finally:
            await self._log.close()

    async def _read(self, topic: str) -> NDArray[np.uint64]:
        """Return the sorted hashes of a topic's events, without those that workers rejected."""
        if self._rejected is None:
            self._rejected = await self._rejections()
        bounds = [await self._log.bounds(topic, partition) for partition in range(await self._log.partitions(topic))]
        self._reading(topic, sum(end - first for first, end in bounds))
        pieces = [np.empty(0, dtype=np.uint64)]
        for partition, (first, end) in enumerate(bounds):
            pieces += [
                np.fromiter(self._hashes(topic, partition, records), dtype=np.uint64)
                async for records in self._log.read(topic, partition, first, end)
            ]
        held = np.concatenate(pieces)
        held.sort()
        return held

    def _hashes(self, topic: str, partition: int, records: Iterable[Record]) -> Iterator[int]:
        rejected = self._rejected or ()
        for record in records:
            one = _hash(topic, record.key, record.value)
            if one is not None and (not rejected or (topic, partition, record.offset) not in rejected):
                yield one

    async def _rejections(self) -> set[tuple[str, int, int]]:
        """Return topic, partition and offset of the records with a dead letter."""
        found: set[tuple[str, int, int]] = set()
        for partition in range(await self._log.partitions(DEAD_LETTERS)):
            async for records in self._log.read(
                DEAD_LETTERS, partition, *await self._log.bounds(DEAD_LETTERS, partition)
            ):
                for record in records:
                    headers = dict(record.headers)
                    topic, *numbers = (headers.get(f"{ERROR_HEADERS}{name}") or b"" for name in _PLACE)
                    if all(map(bytes.isdigit, numbers)):
                        found.add((topic.decode(errors="replace"), int(numbers[0]), int(numbers[1])))
        return found


class _Identified(msgspec.Struct):
    event_id: str
    event_name: str = "purchase"
    transaction_id: str = ""


_decode: Final = msgspec.json.Decoder(_Identified).decode


def _hash(topic: str, key: bytes | None, value: bytes | None) -> int | None:
    """Return a hash of customer and identity (`features/update.py`: `identity`); None for a record that is no event."""
    if key is None or value is None:
        return None
    kind = INPUT_TOPICS.index(topic)
    found = _identified(kind, value)
    if found is None:
        return None
    prefix, text = kind, found.event_id
    if topic == PURCHASES and names_an_order(found.event_name, found.transaction_id):
        prefix, text = _ORDERS, found.transaction_id
    # The prefix is part of the text: with a seed in its place, short ids of different topics can have one hash.
    return xxh3_64_intdigest(b"%d\n%b\n%b" % (prefix, key, text.encode()))


def _identified(kind: int, value: bytes) -> _Identified | None:
    """Return an event's names as a worker reads them: a transaction id may be a number."""
    try:
        return _decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        pass
    try:
        event: Any = adjusted_event(EVENT_TYPES[kind], value, set())
    except RejectionError:
        return None
    return msgspec.convert(event, _Identified, from_attributes=True)
