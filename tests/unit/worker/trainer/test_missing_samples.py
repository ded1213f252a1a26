"""The trainer reads the samples again when a run of them is missing, also when it is the last one."""

import asyncio
from collections.abc import Mapping

from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.metrics import Metrics
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.topics import SAMPLES
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import Pace
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from streamseg.worker.trainer.trainer import Trainer
from tests.support.partition import MemoryLog, until

PACE = Pace(trainer_idle=0.01, trainer_retry=0.01, health_check=0.03)


class SamplesReader:
    """Hands out runs of samples as a poll does, and counts rewinds."""

    def __init__(self) -> None:
        self.rewinds = 0
        self.start: int | None = None
        self.handed_out = 0

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        (self.start,) = starts.values()
        self.end_session()

    def end_session(self) -> None:
        """As every rewind and every rebalance does."""
        self.rewinds += 1
        self.handed_out = 0

    def wake(self) -> None:
        """See `ports.Reader`; the feed looks by itself."""

    def behind(self, partition: int, reached: Mapping[str, int]) -> tuple[()]:
        return ()

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        return self.rewinds, self.handed_out

    def next_run(self) -> RecordBatch:
        self.handed_out += 1
        number = self.handed_out - 1
        tombstone = MemoryRecord(SAMPLES, 0, number, 0, b"behaviour|c-1", None)
        return RecordBatch.of(SAMPLES, 0, self.rewinds, number, [tombstone])


def trainer(reader: SamplesReader) -> Trainer:
    models, metrics = MemoryModelStore(), Metrics()
    return Trainer(
        (),
        models=models,
        sink=MemoryLog(),
        catalogue=SegmentCatalogue(
            models,
            MemoryStateStore(),
            partitions=1,
            features=catalogue(Layout.of()),
            currency="EUR",
            minor_units=2,
            status=ModelCache(models, (), metrics),
        ),
        reader=reader,
        metrics=metrics,
        pace=PACE,
    )


async def after_one_run() -> tuple[SamplesReader, Trainer]:
    """A trainer that has learned the first run of samples."""
    reader = SamplesReader()
    one = trainer(reader)
    one.start()
    await until(lambda: reader.rewinds == 1)
    one.offer(reader.next_run())
    await until(lambda: one.committable() == 1)
    return reader, one


def test_a_missing_last_run_is_read_again_without_a_further_sample() -> None:
    async def go() -> None:
        reader, one = await after_one_run()
        reader.next_run()  # polled, and lost on the way
        await until(lambda: reader.rewinds == 2)
        await one.stop()

    asyncio.run(go())


def test_a_trainer_that_has_every_run_is_left_alone() -> None:
    async def go() -> None:
        reader, one = await after_one_run()
        await asyncio.sleep(4 * PACE.health_check)
        assert reader.rewinds == 1
        await one.stop()

    asyncio.run(go())


def test_a_trainer_that_keeps_its_role_in_a_rebalance_reads_on_and_starts_nothing_over() -> None:
    async def go() -> None:
        reader, one = await after_one_run()
        reader.end_session()
        one.read_on()
        await until(lambda: reader.rewinds == 3)
        assert reader.start == 1
        one.offer(reader.next_run())
        await until(lambda: one.committable() == 1)
        await one.stop()

    asyncio.run(go())
