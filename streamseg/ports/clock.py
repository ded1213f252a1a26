"""The time of a partition: wall time in production, event time in replays."""

from collections.abc import Collection, Sequence
from typing import NamedTuple, Protocol


class SeenTimes(NamedTuple):
    """The times in one run, epoch seconds."""

    topic: str
    times: Sequence[float]
    """Of its events."""
    offsets: Sequence[int]
    """Of its events, parallel to `times`."""
    heartbeat: float | None = None
    """Latest time of a heartbeat."""


class Clock(Protocol):
    """The clock of decay, learning, settling and sweeps. Called by the partition's actor; never blocks or raises."""

    def now(self, partition: int) -> float:
        """Return the partition's time in epoch seconds; 0.0 before an event clock has seen its first event."""
        ...

    def advance(self, partition: int, seen: Sequence[SeenTimes], behind: Collection[str]) -> Sequence[float]:
        """Move an event clock forward; called after the runs of a cycle. A wall clock ignores it.

        Args:
            partition: the partition that the runs came from.
            seen: the times in each run.
            behind: topics that still have records to read; the clock does not pass the slowest of them.

        Returns:
            Event times that lie too far ahead of the others to move the clock, epoch seconds.
        """
        ...
