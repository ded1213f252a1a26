"""How long it takes until every partition commits again."""

import asyncio
import time
from collections import defaultdict
from statistics import median
from typing import Final, Literal

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streamseg.settings import KafkaSettings
from streamseg.topics import INPUT_TOPICS

LOOK_SECONDS: Final = 0.2

Cause = Literal["worker", "redis", "broker"]
CAUSES: Final[tuple[Cause, ...]] = ("broker", "worker", "redis")
"""The slowest to come back first: it stands for a group of overlapping faults."""


class Recoveries:
    """Watches the group's committed offsets. Of overlapping faults the time counts from the last one's blow or end."""

    def __init__(self, kafka: KafkaSettings, partitions: int) -> None:
        self._consumer = Consumer(
            {"bootstrap.servers": kafka.bootstrap, "group.id": kafka.group, "enable.auto.commit": False, "log_level": 2}
        )
        self._places = [TopicPartition(topic, number) for topic in INPUT_TOPICS for number in range(partitions)]
        self._committed: dict[int, int] = {}
        self._pending: tuple[Cause, float, dict[int, int]] | None = None
        self.seconds: defaultdict[Cause, list[float]] = defaultdict(list)

    def blow(self, cause: Cause) -> None:
        """Something was killed: a recovery begins, and one under way counts from now."""
        causes = [cause] if self._pending is None else [cause, self._pending[0]]
        self._pending = (min(causes, key=CAUSES.index), time.monotonic(), dict(self._committed))

    def disturb(self) -> None:
        """Something else happened: a recovery under way counts from now."""
        if self._pending is not None:
            self.blow(self._pending[0])

    async def watch(self) -> None:
        """Look for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            committed = await asyncio.to_thread(self._ask)
            if committed is None:
                continue
            self._committed = committed
            if self._pending is not None:
                cause, since, then = self._pending
                if all(committed.get(number, 0) > offsets for number, offsets in then.items()):
                    self.seconds[cause].append(time.monotonic() - since)
                    self._pending = None

    def _ask(self) -> dict[int, int] | None:
        try:
            answer = self._consumer.committed(self._places, timeout=2.0)
        except KafkaException:
            return None
        sums: defaultdict[int, int] = defaultdict(int)
        for place in answer:
            sums[place.partition] += max(place.offset, 0)
        return dict(sums)

    def told(self) -> dict[Cause, dict[str, float] | None]:
        """Median and worst by cause, seconds; None where nothing was measured."""
        return {
            cause: {"median": round(median(found), 1), "worst": round(max(found), 1)}
            if (found := self.seconds[cause])
            else None
            for cause in CAUSES
        }
