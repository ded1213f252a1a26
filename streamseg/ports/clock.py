"""The time of a partition: wall time in production, event time in replays."""

from collections.abc import Collection, Mapping
from typing import Protocol


class Clock(Protocol):
    """The clock of decay, learning, settling and sweeps. Called by the partition's actor; never blocks or raises."""

    def now(self, partition: int) -> float:
        """Return the partition's time in epoch seconds; 0.0 before an event clock has seen its first event."""
        ...

    def advance(self, partition: int, latest: Mapping[str, float], behind: Collection[str]) -> None:
        """Move an event clock forward; called after each run. A wall clock ignores it.

        Args:
            partition: the partition that the run came from.
            latest: per topic, the greatest `occurred_at` of the run, epoch seconds.
            behind: topics that still have records to read; the clock does not pass the slowest of them.
        """
        ...
