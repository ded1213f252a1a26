"""The partitions that Kafka assigned to this worker: opens, feeds and closes them, and the trainer role."""

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from streamseg.errors import SettingsError
from streamseg.events.record import RecordBatch
from streamseg.metrics import Metrics
from streamseg.ports import PartitionReport, Wait
from streamseg.topics import INPUT_TOPICS, SAMPLES, SAMPLES_PARTITION
from streamseg.worker.context import RowLimit
from streamseg.worker.gauges.partition_gauges import PartitionGauges
from streamseg.worker.partition.actor import Partition
from streamseg.worker.stop_signal import StopSignal

log = logging.getLogger(__name__)


class TrainerRole(Protocol):
    """What runs on the worker that owns the trainer's partition of the samples topic."""

    def start(self) -> None:
        """Take the role."""

    def read_on(self) -> None:
        """Keep the role through a rebalance."""

    async def stop(self) -> None:
        """Give the role up."""

    @property
    def has_room(self) -> bool:
        """Whether a run of samples may come."""

    def offer(self, run: RecordBatch) -> None:
        """Take a run of samples."""

    def committable(self) -> int | None:
        """Return the next sample to read; None while that is unknown."""


class Assignment:
    """A `RunHandler` that hands each run to its partition.

    Args:
        open_partition: makes the owner of a partition number.
        trainer: the role, started when its partition is assigned.
        known_partitions: partition count of the input topics at the start.
        row_limit: told how many partitions share it.
        stop: told when the topics have grown.
    """

    def __init__(
        self,
        open_partition: Callable[[int], Partition],
        trainer: TrainerRole,
        *,
        known_partitions: int,
        row_limit: RowLimit,
        stop: StopSignal,
    ) -> None:
        self._open_partition = open_partition
        self._trainer = trainer
        self._known_partitions = known_partitions
        self._row_limit = row_limit
        self._stop = stop
        self._owned: dict[int, Partition] = {}
        self._gauges = PartitionGauges()
        self._trains = False
        self._begun = self._finished = False
        self._change: asyncio.Task[None] | None = None

    def begin(self, assigned: set[tuple[str, int]]) -> None:
        """Take over a new assignment, in the background, and leave alone what stays (see the port)."""
        if self._finished:
            return
        previous = self._change
        self._change = asyncio.create_task(self._begin(assigned, previous), name="assignment")

    async def _begin(self, assigned: set[tuple[str, int]], previous: "asyncio.Task[None] | None") -> None:
        if previous is not None:
            await asyncio.gather(previous, return_exceptions=True)
        numbers = {number for topic, number in assigned if topic in INPUT_TOPICS}
        for number in self._owned.keys() - numbers:
            await self._owned.pop(number).close()
        if any(number >= self._known_partitions for number in numbers):
            self._stop.fail(
                SettingsError(
                    f"the input topics had {self._known_partitions} partitions when this worker started and have been "
                    "grown since: stop all workers and run `streamseg rebuild`"
                )
            )
            return
        self._row_limit.partitions = len(numbers)
        for number in sorted(numbers):
            if number not in self._owned:
                self._owned[number] = self._open_partition(number)
            await self._owned[number].begin()
        trains = (SAMPLES, SAMPLES_PARTITION) in assigned
        if trains and self._trains:
            self._trainer.read_on()
        elif trains:
            self._trainer.start()
        else:
            await self._trainer.stop()
        self._trains, self._begun = trains, True
        log.info("assigned partitions %s%s", sorted(numbers), ", and the trainer role" if trains else "")

    @property
    def numbers(self) -> Collection[int]:
        """The partitions that this worker owns."""
        return self._owned.keys()

    def committable(self, topic: str, partition: int) -> int | None:
        """Return the delivered checkpoint of a topic partition."""
        if topic == SAMPLES:
            return self._trainer.committable() if self._trains and partition == SAMPLES_PARTITION else None
        owned = self._owned.get(partition)
        return owned.relay.checkpoint.get(topic) if owned else None

    def has_room(self, topic: str, partition: int) -> bool:
        """Return whether a run may come; one of a partition that is not ours any more is dropped."""
        if topic == SAMPLES:
            return self._trainer.has_room
        owned = self._owned.get(partition)
        return owned is None or owned.has_room

    def offer(self, run: RecordBatch) -> None:
        """Hand a run to its partition or to the trainer; drop it when neither is ours any more."""
        if run.topic == SAMPLES:
            if self._trains and run.partition == SAMPLES_PARTITION:
                self._trainer.offer(run)
        elif (owned := self._owned.get(run.partition)) is not None:
            owned.offer(run)

    def gauge(self, metrics: Metrics, backlog: Mapping[tuple[str, int], int]) -> None:
        """Set the gauges of the partitions.

        Args:
            metrics: of this process.
            backlog: uncommitted records by (topic, partition).
        """
        metrics.topic_partitions.set(self._known_partitions)
        self._gauges.show(metrics, self._owned, backlog, time.time())

    @property
    def trains(self) -> bool:
        """Whether this worker has the trainer role."""
        return self._trains

    def reports(self) -> tuple[PartitionReport, ...]:
        """Return what `streamseg status` shows of each partition."""
        return tuple(self._owned[number].report() for number in sorted(self._owned))

    def cold(self) -> str | None:
        """Return which partitions are not read yet; None when all are. Called from another thread."""
        if not self._begun:
            return "no partitions are assigned yet"
        cold = sorted(number for number, one in list(self._owned.items()) if not one.is_warm)
        return f"partitions {cold} are not read" if cold else None

    def waits(self) -> list[Wait]:
        """Return what the partitions wait for."""
        return [wait for number in sorted(self._owned) for wait in self._owned[number].waits()]

    async def finish(self, timeout_seconds: float) -> None:
        """Stop: flush and deliver what is under way, within the timeout, and begin nothing new."""
        self._finished = True
        if self._change is not None:
            self._change.cancel()
        await self._trainer.stop()
        await asyncio.gather(*(partition.finish(timeout_seconds) for partition in self._owned.values()))
