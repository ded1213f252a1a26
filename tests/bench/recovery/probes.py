"""Probes: new customers on each partition, and what the times of their memberships say about a recovery."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from streamseg.kafka.partitioner import partition_of

LATE_SECONDS: Final = 1.0
"""A probe that waits longer shows that its partition falls behind."""


@dataclass(slots=True)
class Probe:
    """One new customer; times of the monotonic clock."""

    customer_id: str
    partition: int
    sent_at: float
    seen_at: float | None = None

    def is_late(self, now: float) -> bool:
        """Whether it waited longer than `LATE_SECONDS`, until seen or until `now`."""
        return (now if self.seen_at is None else self.seen_at) - self.sent_at > LATE_SECONDS


def customers_on(partition: int, partitions: int) -> Iterator[str]:
    """An endless series of customer ids that belong to the partition."""
    names = (f"probe-{number}" for number in count())
    return (name for name in names if partition_of(name, partitions) == partition)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Times in seconds after the kill."""

    taken_over: float
    """Until every interrupted partition has written a membership again."""
    full_rate: float
    """Until the last late probe on any partition: from then on the backlog is gone."""


def recovery(probes: Sequence[Probe], killed_at: float) -> Recovery:
    """The recovery that the probes show; all must have been seen. Raises `ValueError` when no probe was late."""
    late = [one for one in probes if one.seen_at is not None and one.seen_at > killed_at and one.is_late(one.seen_at)]
    if not late:
        raise ValueError("no probe was late after the kill")
    first_seen: dict[int, float] = {}
    for one in late:
        assert one.seen_at is not None
        first_seen[one.partition] = min(first_seen.get(one.partition, one.seen_at), one.seen_at)
    last = max(one.seen_at or 0.0 for one in late)
    return Recovery(max(first_seen.values()) - killed_at, last - killed_at)
