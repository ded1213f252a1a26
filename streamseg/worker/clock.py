"""The injected clocks: wall time in production, event time for replays, simulations and the demo."""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping


class WallClock:
    """Now is now."""

    def now(self, partition: int) -> float:  # noqa: ARG002  the port's signature
        """Epoch seconds."""
        return time.time()

    def advance(self, partition: int, latest: Mapping[str, float], behind: Collection[str]) -> None:
        """Nothing: events do not move this clock."""


class EventClock:
    """Now is the greatest `occurred_at` seen on the partition; 0.0 before the first.

    While topics are behind, only what was seen of those counts. A backlog of few purchases is read in one poll, one of
    many clicks in a hundred: were the clock to follow the purchases, the clicks would all be looked at, and sampled,
    once at the end of time instead of day by day.
    """

    def __init__(self) -> None:
        self._latest: dict[int, dict[str, float]] = defaultdict(dict)
        self._now: dict[int, float] = defaultdict(float)

    def now(self, partition: int) -> float:
        """Epoch seconds; never goes back."""
        return self._now[partition]

    def advance(self, partition: int, latest: Mapping[str, float], behind: Collection[str]) -> None:
        """Move on to the latest event, or to that of the slowest topic while some are behind."""
        seen = self._latest[partition]
        for topic, occurred_at in latest.items():
            seen[topic] = max(occurred_at, seen.get(topic, 0.0))
        reached = min(seen.get(topic, 0.0) for topic in behind) if behind else max(seen.values(), default=0.0)
        self._now[partition] = max(self._now[partition], reached)
