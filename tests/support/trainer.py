"""A trainer on stores in memory, fed from the samples that partitions have written to their logs."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from streamseg.clustering.params import LearnerParams
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.catalogue import catalogue
from streamseg.metrics import Metrics
from streamseg.topics import SAMPLES, SAMPLES_PARTITION
from streamseg.worker.pace import Pace
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from streamseg.worker.trainer.trainer import Trainer
from tests.support.partition import LAYOUT, MemoryLog, Servers

RUN = 500


class Public:
    """No segmentation is in shadow or dropped."""

    def in_shadow(self, segmentation: str) -> bool:
        return False

    def is_dropped(self, segmentation: str) -> bool:
        return False


class SamplesTopic:
    """The samples of all partitions as one topic partition, in the order in which they came."""

    def __init__(self, logs: Sequence[MemoryLog]) -> None:
        self._logs = logs
        self._taken = [0] * len(logs)
        self.records: list[MemoryRecord] = []

    def gather(self) -> list[MemoryRecord]:
        """All samples so far."""
        for index, log in enumerate(self._logs):
            new = log.records[SAMPLES][self._taken[index] :]
            self._taken[index] += len(new)
            for record in new:
                self.records.append(replace(record, partition=SAMPLES_PARTITION, offset=len(self.records)))
        return self.records


class OneTrainer:
    """A trainer, which is also the reader of its runs."""

    def __init__(self, servers: Servers, topic: SamplesTopic, params: LearnerParams, partitions: int = 1) -> None:
        self._topic = topic
        self._session = 0
        self._runs = 0
        self._feeding: asyncio.Task[None] | None = None
        self.sent = MemoryLog()
        """What it sent."""
        self.trainer = Trainer(
            [params],
            models=servers.models,
            sink=self.sent,
            catalogue=SegmentCatalogue(
                servers.models,
                servers.state,
                partitions=partitions,
                features=catalogue(LAYOUT),
                currency="EUR",
                minor_units=2,
                status=Public(),
                pace=Pace(catalogue_refresh=0.0),
            ),
            reader=self,
            metrics=Metrics(),
            pace=Pace(trainer_idle=0.01, snapshot=0.05, catalogue_refresh=0.0),
        )

    def start(self) -> None:
        """Take the role."""
        self.trainer.start()

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        """See `ports.Reader`."""
        if self._feeding is not None:
            self._feeding.cancel()
        self._session, self._runs = self._session + 1, 0
        self._feeding = asyncio.create_task(self._feed(), name="feed of the trainer")

    def wake(self) -> None:
        """See `ports.Reader`; the feed looks by itself."""

    def behind(self, partition: int, reached: Mapping[str, int]) -> Collection[str]:
        """See `ports.Reader`."""
        return ()

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        """See `ports.Reader`."""
        return self._session, self._runs

    @property
    def is_done(self) -> bool:
        """Whether all samples are learned."""
        return (self.trainer.committable() or 0) == len(self._topic.gather())

    async def _feed(self) -> None:
        place = 0
        while True:
            records = self._topic.gather()[place : place + RUN]
            if records and self.trainer.has_room:
                run = RecordBatch.of(SAMPLES, SAMPLES_PARTITION, self._session, self._runs, records)
                self._runs += 1
                place += len(records)
                self.trainer.offer(run)
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        """End its tasks, as a kill does."""
        if self._feeding is not None:
            self._feeding.cancel()
        await self.trainer.stop()
