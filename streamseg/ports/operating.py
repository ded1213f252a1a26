"""What `streamseg status` reads: what workers report of themselves, and what Kafka knows of their group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Wait:
    """`whom` something waits for, and for how many `seconds` so far. `partition`: None is the worker as a whole."""

    partition: int | None
    whom: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PartitionReport:
    """One partition as its owner sees it.

    `now` is the partition's clock, epoch seconds, 0 before its first event. `oldest_membership` is the `as_of` of the
    oldest membership that the last sweep left, None before the first sweep or without any membership.
    """

    number: int
    now: float
    oldest_membership: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerReport:
    """A worker as it sees itself, every few seconds. `at` and `started_at` are wall time, epoch seconds.

    `probe_seconds`: time between two probes of a partition, 0 for none.
    """

    owner: str
    version: str
    started_at: float
    at: float
    trains: bool
    partitions: tuple[PartitionReport, ...]
    waits: tuple[Wait, ...]
    probe_seconds: float = 0.0


class WorkerReports(Protocol):
    """The latest report of each living worker. Every call may raise `StoreUnavailableError`."""

    async def put(self, report: WorkerReport, ttl_seconds: int) -> None:
        """Store the report in place of this worker's last one; it is gone after `ttl_seconds`.

        Called by each worker every few seconds.
        """
        ...

    async def read(self, owners: Sequence[str]) -> dict[str, WorkerReport]:
        """Return the reports of these owners that are there. Called by `streamseg status`."""
        ...


@dataclass(frozen=True, slots=True)
class GroupMember:
    """A worker as Kafka knows it: `name` is its static name, else the id that Kafka gave it."""

    name: str
    host: str
    partitions: tuple[int, ...]
    """Numbers of the input topics' partitions."""
    trains: bool


@dataclass(frozen=True, slots=True)
class TopicLag:
    """Uncommitted records of a topic partition; `oldest_at`: when Kafka got the first, None if there is none to read.

    Epoch seconds of wall time. An open transaction hides the records after its first one.
    """

    topic: str
    partition: int
    records: int
    oldest_at: float | None = None


@dataclass(frozen=True, slots=True)
class KafkaView:
    """The group and the topics at one moment.

    `dead_letters` are those that retention has kept, `dead_letters_in_hour` those of the last hour, `records_in_hour`
    the records of all input topics in the same time, probes among them.
    """

    members: tuple[GroupMember, ...]
    partitions: int
    lags: tuple[TopicLag, ...]
    dead_letters: int
    dead_letters_in_hour: int
    records_in_hour: int

    def lag_of(self, partition: int, topics: Sequence[str]) -> tuple[int, float | None]:
        """Return the records that wait in a partition of these topics, and when Kafka got the oldest."""
        mine = [one for one in self.lags if one.partition == partition and one.topic in topics]
        times = [one.oldest_at for one in mine if one.oldest_at is not None]
        return sum(one.records for one in mine), min(times, default=None)


def owner_of(reports: Mapping[str, WorkerReport], partition: int) -> WorkerReport | None:
    """Return the report of the worker that says to own the partition, the latest if several do."""
    mine = [one for one in reports.values() if any(part.number == partition for part in one.partitions)]
    return max(mine, key=lambda one: one.at, default=None)
