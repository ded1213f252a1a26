"""Measure the time from a fault until every partition commits again."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streamseg.settings import KafkaSettings
from streamseg.topics import INPUT_TOPICS

POLL_SECONDS: Final = 0.1

Cause = Literal["worker", "redis", "broker"]
CAUSES: Final[tuple[Cause, ...]] = ("broker", "worker", "redis")
"""Slowest to recover first: overlapping faults are counted under the slowest of their causes."""

Offsets = Mapping[tuple[str, int], int]
"""Committed offset by topic and partition."""


SETTLE_SECONDS: Final[Mapping[Cause, float]] = {"worker": 0.0, "broker": 0.0, "redis": 1.2}
"""Commits within this time after a fault do not count. While Redis is away, workers still commit what was delivered
before, once a second. A dead worker or a dead broker commits nothing."""


@dataclass
class Recovery:
    """A recovery in progress. It ends when each partition has committed more than right after the last fault."""

    cause: Cause
    faults: list[str]
    since: float
    before: Offsets | None = None

    def is_over(self, committed: Offsets, asked_at: float) -> bool:
        """Compare offsets that were requested at this time; return whether the recovery is over."""
        if asked_at < self.since + SETTLE_SECONDS[self.cause]:
            return False
        if self.before is None:
            self.before = dict(committed)
            return False
        before = self.before
        advanced = {place[1] for place, offset in committed.items() if offset > before.get(place, 0)}
        return advanced == {number for _, number in committed}


class Recoveries:
    """Watches the committed offsets of the workers. For overlapping faults, time starts at the last begin or end."""

    def __init__(self, kafka: KafkaSettings, partitions: int, say: Callable[[str], None]) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": kafka.bootstrap, "group.id": kafka.group, "enable.auto.commit": False, "log_level": 2}
        )
        self._places = [TopicPartition(topic, number) for topic in INPUT_TOPICS for number in range(partitions)]
        self._say = say
        self.current: Recovery | None = None
        self.seconds: defaultdict[Cause, list[float]] = defaultdict(list)

    def killed(self, cause: Cause, fault: str) -> None:
        """Start a recovery, because a process was killed. One in progress starts again."""
        causes, faults = [cause], [fault]
        if self.current is not None:
            causes.append(self.current.cause)
            faults = [*self.current.faults, fault]
        self.current = Recovery(min(causes, key=CAUSES.index), faults, time.monotonic())

    def disturbed(self, fault: str) -> None:
        """Start a recovery in progress again, because a fault that kills nothing has begun or ended."""
        if self.current is not None:
            self.killed(self.current.cause, fault)

    def restarted(self, cause: Cause, fault: str) -> None:
        """Start a recovery from other faults again, because a killed server is back."""
        if self.current is not None and (self.current.cause != cause or len(self.current.faults) > 1):
            self.disturbed(fault)

    async def watch(self) -> None:
        """Poll the committed offsets until cancelled."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            asked_at = time.monotonic()
            committed = await asyncio.to_thread(self._committed)
            recovery = self.current
            if committed is not None and recovery is not None and recovery.is_over(committed, asked_at):
                seconds = time.monotonic() - recovery.since
                self._say(f"          {recovery.cause} recovered {seconds:.1f} s after {', '.join(recovery.faults)}")
                self.seconds[recovery.cause].append(seconds)
                self.current = None

    def _committed(self) -> Offsets | None:
        try:
            answer = self._consumer.committed(self._places, timeout=2.0)
        except KafkaException:
            return None
        return {(place.topic, place.partition): max(place.offset, 0) for place in answer}

    def summary(self) -> dict[Cause, dict[str, float] | None]:
        """Return median and longest recovery in seconds by cause; None without a measurement."""
        return {
            cause: {"median": round(median(found), 1), "worst": round(max(found), 1)}
            if (found := self.seconds[cause])
            else None
            for cause in ("worker", "redis", "broker")
        }
