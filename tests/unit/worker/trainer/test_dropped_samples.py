"""Samples of a segmentation end with it, those that are there and those that come late; and so does its map."""

import asyncio

import msgspec
import pytest

from streamseg.clustering.params import LearnerParams
from streamseg.pipeline import SampleValue, sample_key
from streamseg.topics import SAMPLES
from tests.support.partition import DAY, NOON, MemoryLog, Servers, until
from tests.support.trainer import OneTrainer, SamplesTopic

pytestmark = pytest.mark.asyncio

PARAMS = LearnerParams("behaviour", ("views", "purchases"), (True, True), k=2)


def sampled(log: MemoryLog, segmentation: str, customer: str, at: float = NOON) -> None:
    value = SampleValue(
        segmentation=segmentation, customer_id=customer, at=at, x=(1.0, 2.0), events=3, spend_minor=0, epoch=1
    )
    log.append(SAMPLES, sample_key(segmentation, customer), msgspec.json.encode(value))


async def test_a_trainer_deletes_the_samples_of_what_was_dropped_before_and_while_it_works() -> None:
    made, log = Servers(), MemoryLog()
    for number in range(4):
        for segmentation in ("behaviour", "left", "taste"):
            sampled(log, segmentation, f"c-{number}")
    await made.models.drop("left", 1_000)  # the settings do not know it any more
    one = OneTrainer(made, SamplesTopic([log]), PARAMS)
    one.start()

    def deleted() -> set[bytes | None]:
        return {record.key for record in one.sent.records[SAMPLES] if record.value is None}

    try:
        await until(lambda: len(deleted()) == 4)
        assert deleted() == {sample_key("left", f"c-{number}") for number in range(4)}
        await made.models.drop("taste", 2_000)
        await until(lambda: len(deleted()) == 8)
        sampled(log, "taste", "c-late", NOON + DAY)
        await until(lambda: sample_key("taste", "c-late") in deleted())
        assert not any(key and key.startswith(b"behaviour") for key in deleted())
    finally:
        await one.close()


async def test_the_map_of_its_customers_ends_with_a_segmentation() -> None:
    made = Servers()
    for segmentation in ("behaviour", "left", "taste"):
        await made.models.write_customer_map(segmentation, b"{}")
    await made.models.drop("left", 1_000)
    one = OneTrainer(made, SamplesTopic([MemoryLog()]), PARAMS)
    one.start()
    maps = made.models._maps
    try:
        await until(lambda: "left" not in maps)
        await made.models.drop("taste", 2_000)
        await until(lambda: maps.keys() == {"behaviour"})
    finally:
        await one.close()


async def test_what_was_deleted_already_is_not_deleted_again() -> None:
    made, log = Servers(), MemoryLog()
    sampled(log, "left", "c-1")
    log.append(SAMPLES, sample_key("left", "c-1"), None)
    sampled(log, "left", "c-2")
    await made.models.drop("left", 1_000)
    one = OneTrainer(made, SamplesTopic([log]), PARAMS)
    one.start()
    try:
        await until(lambda: bool(one.sent.records[SAMPLES]))
        await asyncio.sleep(0.05)
        assert [record.key for record in one.sent.records[SAMPLES]] == [sample_key("left", "c-2")]
    finally:
        await one.close()
