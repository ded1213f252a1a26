"""Kafka's envelope, as far as the core needs it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


class Record(Protocol):
    """One Kafka record, whose topic and partition its run knows: aiokafka's `DefaultRecord`, and `MemoryRecord`."""

    @property
    def offset(self) -> int:
        """Place in the partition."""
        ...

    @property
    def timestamp(self) -> int:
        """Time of appending, milliseconds since the epoch (Kafka's unit)."""
        ...

    @property
    def key(self) -> bytes | None:
        """The customer id in UTF-8, for a record that is fit."""
        ...

    @property
    def value(self) -> bytes | None:
        """The event."""
        ...

    @property
    def headers(self) -> Sequence[tuple[str, bytes]]:
        """In order; names may come twice."""
        ...


@dataclass(frozen=True, slots=True)
class MemoryRecord:
    """A record that no broker has seen: for tests, `verify` and benchmarks."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """A run of consecutive records of one topic partition, in offset order, as one poll delivered them.

    `session` is raised whenever reading starts anew at a checkpoint, `number` counts the runs of a session from 0: a
    missing number means that a run was dropped on the way to the agent, and the partition must be reset.
    """

    topic: str
    partition: int
    session: int
    number: int
    records: Sequence[Record]
