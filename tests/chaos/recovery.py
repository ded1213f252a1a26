"""How long it takes until every partition commits again."""

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

LOOK_SECONDS: Final = 0.1

Cause = Literal["worker", "redis", "broker"]
CAUSES: Final[tuple[Cause, ...]] = ("broker", "worker", "redis")
"""The slowest to come back first: it stands for a group of overlapping faults."""

Offsets = Mapping[tuple[str, int], int]
"""The next offset by topic and partition."""


SETTLE_SECONDS: Final[Mapping[Cause, float]] = {"worker": 0.0, "broker": 0.0, "redis": 1.2}
"""For so long after the blow commits may still tell of what was delivered before it: workers commit every second, and
Kafka takes that while Redis is away. A dead worker commits nothing, and neither does a dead broker."""


@dataclass
class Recovery:
    """One under way: it ends when each partition has committed more than was committed right after the last fault."""

    cause: Cause
    faults: list[str]
    since: float
    before: Offsets | None = None

    def is_over(self, committed: Offsets, asked_at: float) -> bool:
        """Take a look at the commits, asked for at this time."""
        if asked_at < self.since + SETTLE_SECONDS[self.cause]:
            return False
        if self.before is None:
            self.before = dict(committed)
            return False
        before = self.before
        gone_on = {place[1] for place, offset in committed.items() if offset > before.get(place, 0)}
        return gone_on == {number for _, number in committed}


class Recoveries:
    """Watches the group's committed offsets. Of overlapping faults the time counts from the last one's blow or end."""

    def __init__(self, kafka: KafkaSettings, partitions: int, say: Callable[[str], None]) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": kafka.bootstrap, "group.id": kafka.group, "enable.auto.commit": False, "log_level": 2}
        )
        self._places = [TopicPartition(topic, number) for topic in INPUT_TOPICS for number in range(partitions)]
        self._say = say
        self.under_way: Recovery | None = None
        self.seconds: defaultdict[Cause, list[float]] = defaultdict(list)

    def blow(self, cause: Cause, fault: str) -> None:
        """Something was killed: a recovery begins, and one under way counts from now."""
        causes, faults = [cause], [fault]
        if self.under_way is not None:
            causes.append(self.under_way.cause)
            faults = [*self.under_way.faults, fault]
        self.under_way = Recovery(min(causes, key=CAUSES.index), faults, time.monotonic())

    def disturb(self, fault: str) -> None:
        """Something else began or ended: a recovery under way counts from now."""
        if self.under_way is not None:
            self.blow(self.under_way.cause, fault)

    def end(self, cause: Cause, fault: str) -> None:
        """A server that was killed is there again. Its own recovery counts from the blow, that of others from now."""
        if self.under_way is not None and (self.under_way.cause != cause or len(self.under_way.faults) > 1):
            self.disturb(fault)

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            asked_at = time.monotonic()
            committed = await asyncio.to_thread(self._ask)
            recovery = self.under_way
            if committed is not None and recovery is not None and recovery.is_over(committed, asked_at):
                seconds = time.monotonic() - recovery.since
                self._say(f"          {recovery.cause} recovered {seconds:.1f} s after {', '.join(recovery.faults)}")
                self.seconds[recovery.cause].append(seconds)
                self.under_way = None

    def _ask(self) -> Offsets | None:
        try:
            answer = self._consumer.committed(self._places, timeout=2.0)
        except KafkaException:
            return None
        return {(place.topic, place.partition): max(place.offset, 0) for place in answer}

    def told(self) -> dict[Cause, dict[str, float] | None]:
        """Median and worst by cause, seconds; None where nothing was measured."""
        return {
            cause: {"median": round(median(found), 1), "worst": round(max(found), 1)}
            if (found := self.seconds[cause])
            else None
            for cause in ("worker", "redis", "broker")
        }
