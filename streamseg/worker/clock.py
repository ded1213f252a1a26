"""The clocks of a worker: wall time in production, event time for replays, simulations and the demo."""

import time
from collections import defaultdict
from collections.abc import Collection, Sequence
from functools import partial

from streamseg.pipeline.event_time import EventTime
from streamseg.ports import SeenTimes


class WallClock:
    """Wall time."""

    def now(self, partition: int) -> float:  # noqa: ARG002  the port's signature
        """Return epoch seconds."""
        return time.time()

    def advance(
        self,
        partition: int,  # noqa: ARG002  the port's signature
        seen: Sequence[SeenTimes],  # noqa: ARG002
        behind: Collection[str],  # noqa: ARG002
    ) -> Sequence[float]:
        """Do nothing: events do not move this clock."""
        return ()


class EventClock:
    """The latest `occurred_at` of a partition that several records support; 0.0 before the first.

    While topics are behind, only theirs count. A backlog of few purchases is read in one poll, one of many clicks in
    a hundred: if the purchases moved the clock, all clicks would be assigned and sampled once, at the end of time,
    instead of day by day.

    Args:
        step: how far one record may move the clock, seconds (`EventTime`).
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._topics: dict[int, defaultdict[str, EventTime]] = defaultdict(
            lambda: defaultdict(partial(EventTime, step))
        )
        self._now: dict[int, float] = defaultdict(float)

    def now(self, partition: int) -> float:
        """Return epoch seconds; never goes back."""
        return self._now[partition]

    def advance(self, partition: int, seen: Sequence[SeenTimes], behind: Collection[str]) -> Sequence[float]:
        """Move to the latest event; while topics are behind, to the latest event of the slowest of them.

        Returns the times that lie too far ahead of the clock, not only of their own topic.
        """
        topics, now = self._topics[partition], self._now[partition]
        outliers: list[float] = []
        for run in seen:
            outliers += topics[run.topic].advance(run.topic, run.times, run.offsets, now)
            if run.heartbeat is not None:
                topics[run.topic].tick(run.heartbeat)
        reached = (
            min(topics[topic].reached for topic in behind)
            if behind
            else max((topic.reached for topic in topics.values()), default=0.0)
        )
        self._now[partition] = max(now, reached)
        return [at for at in outliers if at > self._now[partition] + self._step]
