"""The log of events: reading it beside the workers, and writing to it."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from streamseg.events.record import Record


class Log(Protocol):
    """Reads topic partitions of the log; may raise `StreamsegError`."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset kept, and next offset to be written."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Records from `start` up to but not including `end`."""
        ...


class OutgoingRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to be written; without `partition`, murmur2(key) mod n decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()
    partition: int | None = None


class EventSink(Protocol):
    """Somewhere records go. A returned call means that the receiver has them (acks from all in-sync replicas)."""

    async def send(self, records: Sequence["OutgoingRecord"]) -> None:
        """Write the records, in order per partition; a `StreamsegError` leaves open which of them are there."""
        ...
