"""The clocks of a worker: wall time in production, event time for replays, simulations and the demo."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping


class WallClock:
    """Wall time."""

    def now(self, partition: int) -> float:  # noqa: ARG002  the port's signature
        """Return epoch seconds."""
        return time.time()

    def advance(self, partition: int, latest: Mapping[str, float], behind: Collection[str]) -> None:
        """Do nothing: events do not move this clock."""


class EventClock:
    """The greatest `occurred_at` seen on a partition; 0.0 before the first event.

    While topics are behind, only theirs count. A backlog of few purchases is read in one poll, one of many clicks in
    a hundred: if the purchases moved the clock, all clicks would be assigned and sampled once, at the end of time,
    instead of day by day.
    """

    def __init__(self) -> None:
        self._latest: dict[int, dict[str, float]] = defaultdict(dict)
        self._now: dict[int, float] = defaultdict(float)

    def now(self, partition: int) -> float:
        """Return epoch seconds; never goes back."""
        return self._now[partition]

    def advance(self, partition: int, latest: Mapping[str, float], behind: Collection[str]) -> None:
        """Move to the latest event; while topics are behind, to the latest event of the slowest of them."""
        seen = self._latest[partition]
        for topic, occurred_at in latest.items():
            seen[topic] = max(occurred_at, seen.get(topic, 0.0))
        reached = min(seen.get(topic, 0.0) for topic in behind) if behind else max(seen.values(), default=0.0)
        self._now[partition] = max(self._now[partition], reached)
