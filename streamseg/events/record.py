"""Kafka records and runs of them, as far as the core needs them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Record(Protocol):
    """One Kafka record: aiokafka's `DefaultRecord` or `MemoryRecord`. Topic and partition are those of its run."""

    @property
    def offset(self) -> int:
        """Position in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """Append time in epoch milliseconds (Kafka's unit)."""
        ...

    @property
    def key(self) -> bytes | None:
        """The customer id in UTF-8, in a valid record."""
        ...

    @property
    def value(self) -> bytes | None:
        """The encoded event; None is a null value."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]:
        """Name and value, in order; a name may occur twice, and Kafka allows a null value."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A record made in memory, without a broker: for tests, `verify` and benchmarks."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """A run of the records of one topic partition, in offset order, as one poll delivered them.

    `session` increases each time reading restarts at a checkpoint; `number` counts the runs of a session from 0. A gap
    in the numbers means that a run was dropped before it reached the agent: the partition must be reset.
    """

    topic: str
    partition: int
    session: int
    number: int
    records: Sequence[Record]
    start: int
    """Offset at which the poll began."""
    next_offset: int
    """Offset at which the next run begins. Markers and aborted records are left out, so a run may even be empty."""

    @classmethod
    def of(cls, topic: str, partition: int, session: int, number: int, records: Sequence[Record]) -> "RecordBatch":
        """Return a run of records without gaps, which may be none."""
        start = records[0].offset if records else 0
        return cls(topic, partition, session, number, records, start, records[-1].offset + 1 if records else start)
