"""The trainer: what it hands to the descriptions of segments."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

import msgspec
import pytest

from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample, rank_of
from streamseg.clustering.snapshot import Snapshot
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.features.vector import names_hash
from streamseg.metrics import Metrics
from streamseg.pipeline import SampleValue, sample_key
from streamseg.store.memory import MemoryModelStore, MemoryStateStore
from streamseg.topics import SAMPLES, SAMPLES_PARTITION
from streamseg.worker.pace import Pace
from streamseg.worker.trainer.segment_catalogue import SegmentCatalogue
from streamseg.worker.trainer.trainer import Trainer
from tests.support.partition import MemoryLog

pytestmark = pytest.mark.asyncio

PARAMS = LearnerParams(
    "behaviour", ("views", "purchases"), (True, True), k=2, warm_up_per_cluster=5, warm_up_events=5, sample_size=50
)
CUSTOMERS = tuple(f"c-{n}" for n in range(400))
SAMPLED = set(sorted(CUSTOMERS, key=rank_of)[:50])


class OneSession:
    """Reads the samples topic from its beginning, in one session."""

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        assert starts == {(SAMPLES, SAMPLES_PARTITION): None}

    def wake(self) -> None:
        """See `ports.Reader`; the feed looks by itself."""

    def behind(self, partition: int, reached: Mapping[str, int]) -> Collection[str]:
        return ()

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        return (0, 0)


class RecordedCatalogue(SegmentCatalogue):
    """Remembers the customers that it described last."""

    described: Sequence[Sample] = ()

    async def write(self, snapshot: Snapshot, samples: Sequence[Sample]) -> None:
        self.described = samples
        await super().write(snapshot, samples)


class Public:
    def in_shadow(self, segmentation: str) -> bool:
        return False

    def is_dropped(self, segmentation: str) -> bool:
        return False


def sampled(offset: int, customer: str) -> MemoryRecord:
    """Return a sample of a customer; every fourth buys and has spent 30.00, the others view and have spent 10.00."""
    buys = int(customer[2:]) % 4 == 0
    value = SampleValue(
        segmentation="behaviour",
        customer_id=customer,
        at=float(offset),
        events=9,
        spend_minor=3000 if buys else 1000,
        x=(1.0, 9.0) if buys else (30.0, 0.0),
    )
    return MemoryRecord(
        SAMPLES, SAMPLES_PARTITION, offset, 0, sample_key("behaviour", customer), msgspec.json.encode(value)
    )


async def trained(
    *records: MemoryRecord, metrics: Metrics | None = None
) -> tuple[RecordedCatalogue, dict[str, dict[str, object]]]:
    """Let a trainer learn the records as one run; return its catalogue and the entries."""
    models = MemoryModelStore()
    described = RecordedCatalogue(
        models,
        MemoryStateStore(),
        partitions=1,
        features=catalogue(Layout.of()),
        currency="EUR",
        minor_units=2,
        status=Public(),
    )
    trainer = Trainer(
        [PARAMS],
        models=models,
        sink=MemoryLog(),
        catalogue=described,
        reader=OneSession(),
        metrics=metrics or Metrics(),
        pace=Pace(trainer_idle=0.01, snapshot=0.0),
    )
    trainer.start()
    trainer.offer(RecordBatch.of(SAMPLES, SAMPLES_PARTITION, 0, 0, records))
    async with asyncio.timeout(10):
        while trainer.committable() is None:
            await asyncio.sleep(0.01)
    await trainer.stop()
    entries = {segment: msgspec.json.decode(entry) for segment, entry in (await models.catalogue()).items()}
    return described, entries


async def test_segments_are_described_by_the_customers_that_the_model_was_fitted_on() -> None:
    """Issue 13, item 21: descriptions had a sample of their own, of the latest customers."""
    described, entries = await trained(*(sampled(n, customer) for n, customer in enumerate(CUSTOMERS)))
    assert {one.customer_id for one in described.described} == SAMPLED
    buyers = sum(int(customer[2:]) % 4 == 0 for customer in SAMPLED)
    found = sorted((entry["mean_value"], entry["described"]) for entry in entries.values())
    assert found == [(10.0, 50 - buyers), (30.0, buyers)]


async def test_what_was_observed_reaches_the_description_only_if_the_features_are_ours() -> None:
    """Samples of a worker with other settings hold other features in that place."""
    names = list(catalogue(Layout.of()))

    def observing(offset: int, customer: str, of: str) -> MemoryRecord:
        plain = msgspec.json.decode(sampled(offset, customer).value or b"", type=SampleValue)
        seen = tuple(40.0 if name == "sessions" else None for name in names)
        value = msgspec.structs.replace(plain, observed=seen, observed_names=of)
        return replace(sampled(offset, customer), value=msgspec.json.encode(value))

    for of, told in ((names_hash(names), True), (names_hash(["sessions"]), False)):
        _, entries = await trained(*(observing(n, customer, of) for n, customer in enumerate(CUSTOMERS)))
        assert all(("sessions" in str(entry["differences"])) is told for entry in entries.values())
        assert all(bool(entry["persona"]) is told for entry in entries.values())


async def test_an_erased_customer_describes_nothing() -> None:
    """Issue 13, item 21: a tombstone reaches the one sample that there is."""
    records = [sampled(n, customer) for n, customer in enumerate(CUSTOMERS)]
    gone = min(SAMPLED)
    records.append(MemoryRecord(SAMPLES, SAMPLES_PARTITION, len(records), 0, sample_key("behaviour", gone), None))
    described, _ = await trained(*records)
    assert {one.customer_id for one in described.described} == SAMPLED - {gone}


async def test_the_log_says_once_in_a_while_what_a_first_model_waits_for(caplog: pytest.LogCaptureFixture) -> None:
    """Issue 13, item 21."""
    caplog.set_level("INFO")
    await trained(*(sampled(n, customer) for n, customer in enumerate(CUSTOMERS[:7])))
    assert [record.message for record in caplog.records if "segments come" in record.message] == [
        "behaviour: segments come when 10 customers are sampled (7 so far)"
    ]


async def test_births_are_counted_and_the_renamed_share_is_shown() -> None:
    metrics = Metrics()
    await trained(*(sampled(n, customer) for n, customer in enumerate(CUSTOMERS)), metrics=metrics)
    read = metrics.registry.get_sample_value
    born = {"segmentation": "behaviour", "transition": "emerge"}
    assert read("streamseg_model_transitions_total", born) == PARAMS.k
    assert read("streamseg_model_renamed_ratio", {"segmentation": "behaviour"}) == 0.0
