"""The partitions of this worker, as Kafka assigns them: the checkpoints that the consumer reads by."""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Protocol

from streamseg.clustering.identity import segmentation_of
from streamseg.errors import SettingsError
from streamseg.events.record import RecordBatch
from streamseg.metrics import Metrics
from streamseg.topics import INPUT_TOPICS, SAMPLES
from streamseg.worker.context import Surroundings
from streamseg.worker.partition.actor import Partition

log = logging.getLogger(__name__)

TRAINER_PARTITION = 0
"""Whoever owns this partition of the samples topic learns all segmentations."""
GRACE_SECONDS = 4.0
"""How long a stopping worker lets what is under way reach the store; 10 s are promised in all."""


class TrainerRole(Protocol):
    """What runs on the worker that owns the first partition of the samples topic."""

    def start(self) -> None:
        """Take the role."""

    async def stop(self) -> None:
        """Give it up."""

    async def offer(self, batch: RecordBatch) -> None:
        """Take a run of samples."""

    def committable(self) -> int | None:
        """The next sample to read; None while that is open."""


class Assignment:
    """Begins, feeds and closes partitions; implements `runs.Checkpoints`."""

    def __init__(self, surroundings: Surroundings, trainer: TrainerRole, assigned: Callable[[int], None]) -> None:
        self._s = surroundings
        self._trainer = trainer
        self._assigned = assigned
        self._owned: dict[int, Partition] = {}
        self._trains = False
        self._change: asyncio.Task[None] | None = None

    def begin(self, assigned: set[tuple[str, int]]) -> None:
        """Take over the new assignment, in the background: claiming may have to wait for the store."""
        previous = self._change
        self._change = asyncio.create_task(self._begin(assigned, previous), name="assignment")

    async def _begin(self, assigned: set[tuple[str, int]], previous: "asyncio.Task[None] | None") -> None:
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        numbers = {number for topic, number in assigned if topic in INPUT_TOPICS}
        for number in self._owned.keys() - numbers:
            await self._owned.pop(number).close()
        known = min((count for _, count in self._s.topics.values()), default=len(numbers))
        if any(number >= known for number in numbers):
            self._s.fail(
                SettingsError(
                    f"the input topics had {known} partitions when this worker started and have been grown since: "
                    "stop all workers and run `streamseg rebuild`"
                )
            )
            return
        self._assigned(len(numbers))
        for number in sorted(numbers):
            if number not in self._owned:
                self._owned[number] = Partition(number, self._s)
            await self._owned[number].begin()
        trains = (SAMPLES, TRAINER_PARTITION) in assigned
        await self._trainer.stop()
        if trains:
            self._trainer.start()
        self._trains = trains
        log.info("assigned partitions %s%s", sorted(numbers), ", and the trainer role" if trains else "")

    def committable(self, topic: str, partition: int) -> int | None:
        """The delivered checkpoint."""
        if topic == SAMPLES:
            return self._trainer.committable() if self._trains and partition == TRAINER_PARTITION else None
        owned = self._owned.get(partition)
        return owned.courier.checkpoint.get(topic) if owned else None

    async def offer(self, batch: RecordBatch) -> None:
        """Hand a run to its reader; dropped when it is not ours any more."""
        if batch.topic == SAMPLES:
            if self._trains and batch.partition == TRAINER_PARTITION:
                await self._trainer.offer(batch)
        elif (owned := self._owned.get(batch.partition)) is not None:
            await owned.offer(batch)

    def gauge(self, metrics: Metrics, backlog: Mapping[tuple[str, int], int]) -> None:
        """Set the gauges that tell where this worker stands."""
        metrics.replace(metrics.lag, {(topic, str(number)): records for (topic, number), records in backlog.items()})
        metrics.rows_in_memory.set(sum(partition.customers_in_memory for partition in self._owned.values()))
        members: Counter[str] = Counter()
        for owned in self._owned.values():
            members.update(owned.head.sizes)
        metrics.replace(
            metrics.segment_members,
            {(segmentation_of(segment), segment): count for segment, count in members.items()},
        )

    async def finish(self) -> None:
        """Stop: what is under way is flushed and delivered, as far as the grace allows."""
        if self._change is not None:
            self._change.cancel()
        await self._trainer.stop()
        await asyncio.gather(*(partition.finish(GRACE_SECONDS) for partition in self._owned.values()))
