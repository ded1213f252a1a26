"""The injected clocks: wall time in production, event time for replays, simulations and the demo."""

import time
from collections import defaultdict


class WallClock:
    """Now is now."""

    def now(self, partition: int) -> float:  # noqa: ARG002  the port's signature
        """Epoch seconds."""
        return time.time()

    def advance(self, partition: int, occurred_at: float) -> None:
        """Nothing: events do not move this clock."""


class EventClock:
    """Now is the greatest `occurred_at` seen on the partition; 0.0 before the first."""

    def __init__(self) -> None:
        self._latest: dict[int, float] = defaultdict(float)

    def now(self, partition: int) -> float:
        """Epoch seconds of the latest event or heartbeat."""
        return self._latest[partition]

    def advance(self, partition: int, occurred_at: float) -> None:
        """Move on to `occurred_at` unless a later event was seen."""
        self._latest[partition] = max(self._latest[partition], occurred_at)
