"""Probes: customers whom nobody has seen, a few a second on each partition; when their memberships can be read."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from streamseg.kafka.partitioner import partition_of

LATE_SECONDS: Final = 1.0
"""A probe that waits longer tells that its partition is not keeping up."""


@dataclass(slots=True)
class Probe:
    """One of them; moments of the monotonic clock."""

    customer_id: str
    partition: int
    sent_at: float
    seen_at: float | None = None

    def is_late(self, now: float) -> bool:
        """Whether it has waited too long, or did until it was seen."""
        return (now if self.seen_at is None else self.seen_at) - self.sent_at > LATE_SECONDS


def customers_on(partition: int, partitions: int) -> Iterator[str]:
    """Customer ids that belong there, without end."""
    names = (f"probe-{number}" for number in count())
    return (name for name in names if partition_of(name, partitions) == partition)


@dataclass(frozen=True, slots=True)
class Recovery:
    """Seconds after the kill."""

    taken_over: float
    """Until every partition that stood still has shown an effect again."""
    full_rate: float
    """Until nothing is late any more on any partition: the backlog is gone and the load is carried."""


def recovery(probes: Sequence[Probe], killed_at: float) -> Recovery:
    """What the probes say; all are seen by now. Raises `ValueError` when nothing was late: nobody was missed."""
    late = [one for one in probes if one.seen_at is not None and one.seen_at > killed_at and one.is_late(one.seen_at)]
    if not late:
        raise ValueError("nothing was late after the kill")
    again: dict[int, float] = {}
    for one in late:
        assert one.seen_at is not None
        again[one.partition] = min(again.get(one.partition, one.seen_at), one.seen_at)
    last = max(one.seen_at or 0.0 for one in late)
    return Recovery(max(again.values()) - killed_at, last - killed_at)
