"""The log of events: reading it outside the consumer group, and writing to it."""

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import msgspec

from streamseg.events.record import MemoryRecord, Record


class Log(Protocol):
    """Reads any range of a topic partition, outside the consumer group.

    Called by verify, rebuild and redrive, and by a worker that takes over a partition. Raises `StreamsegError` when
    Kafka does not answer.
    """

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return the first offset still kept and the next offset to be written."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Yield the records of offsets `start` to `end - 1`, in batches of any size.

        Raises `StreamsegError` also when retention has removed `start`. One read at a time per instance.
        """
        ...


class OutgoingRecord(msgspec.Struct, frozen=True, gc=False):
    """A record to write. A `value` of None is a tombstone; without `partition`, murmur2 of the key decides."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    partition: int | None = None


class EventSink(Protocol):
    """Writes records to Kafka. Called by the outbox relay, the trainer, the API's event intake and offline commands."""

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Write the records; return when all in-sync replicas have them. Order holds within a partition.

        Calls may overlap. Raises `StreamsegError` when a record is not acknowledged; any of them may still be written.
        """
        ...


class Tail(Protocol):
    """Reads the newest records of topics as they come. Called by the console while somebody looks."""

    async def look(self) -> tuple[Sequence[MemoryRecord], bool]:
        """Return the records since the last look, a bounded number, and whether there were more, which are skipped.

        Waits up to half a second for some. Raises `StreamsegError` when Kafka does not answer.
        """
        ...

    async def close(self) -> None:
        """Let go of all connections; the next look makes new ones, and begins with what comes then."""
        ...
