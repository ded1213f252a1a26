"""The seam to Faust on a real broker: runs arrive, checkpoints are committed, nothing is lost."""

import asyncio
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.record.default_records import DefaultRecord
from confluent_kafka import Producer

from streamseg.events.record import RecordBatch
from streamseg.settings import KafkaSettings
from streamseg.stream.fetching import ENOUGH_BYTES
from streamseg.stream.gathering import LEAST_SECONDS
from streamseg.stream.run_stream import FaustStream
from streamseg.topics import CLICKS, PURCHASES
from streamseg.worker.run_sequence import MissingRunError, RunSequence
from tests.support.kafka.topics import delete_topics

pytestmark = pytest.mark.integration

GATHERING_SECONDS = 0.03
"""Not the default, so that the setting is seen to arrive."""


class Reader:
    """Reads all input topics from its own checkpoints, in memory; reads on from there after a missing run."""

    def __init__(self) -> None:
        self.stream: Any = None
        self.seen: Counter[tuple[str, int, int]] = Counter()
        self.checkpoint: dict[tuple[str, int], int] = {}
        self.runs: list[RecordBatch] = []
        self.begun: list[set[tuple[str, int]]] = []
        self.raises: Callable[[RecordBatch], bool] = lambda _: False
        self.held: set[tuple[str, int]] = set()
        self._sequences: dict[int, RunSequence] = {}

    def begin(self, assigned: set[tuple[str, int]]) -> None:
        self.begun.append(assigned)
        self._rewind(assigned)

    def committable(self, topic: str, partition: int) -> int | None:
        return self.checkpoint.get((topic, partition))

    def has_room(self, topic: str, partition: int) -> bool:
        return (topic, partition) not in self.held

    def _rewind(self, assigned: set[tuple[str, int]]) -> None:
        self.stream.rewind({tp: self.checkpoint.get(tp) for tp in assigned})
        for _, partition in assigned:
            self._sequences[partition] = RunSequence(partition, self.stream)

    def offer(self, run: RecordBatch) -> None:
        self.runs.append(run)
        if self.raises(run):
            raise RuntimeError("the agent raises")
        try:
            if not self._sequences[run.partition].accepts(run):
                return
        except MissingRunError:
            self._rewind({(run.topic, run.partition)})
            return
        for record in run.records:
            self.seen[run.topic, run.partition, record.offset] += 1
        self.checkpoint[run.topic, run.partition] = run.records[-1].offset + 1


@asynccontextmanager
async def reading(bootstrap: str, group: str, reader: Reader) -> AsyncIterator[Reader]:
    kafka = KafkaSettings(bootstrap=bootstrap, group=group, gathering_seconds=GATHERING_SECONDS)
    reader.stream = FaustStream(kafka, max_poll=500, max_fetch=1_048_576)
    await reader.stream.start(reader)
    try:
        yield reader
    finally:
        await reader.stream.stop()


def produce(bootstrap: str, topic: str, start: int, count: int) -> None:
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random"})
    for i in range(start, start + count):
        producer.produce(topic, key=f"c-{i}", value=f"{i}")
    assert producer.flush(30) == 0


async def until(met: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not met():
            await asyncio.sleep(0.05)


async def committed(reader: Reader, topic: str, partition: int) -> int | None:
    thread = reader.stream.consumer._thread
    offset: int | None = await thread.call_thread(thread._consumer.committed, TopicPartition(topic, partition))
    return offset


@pytest.mark.asyncio
async def test_runs_arrive_whole_and_their_checkpoints_are_committed(kafka_topics: str) -> None:
    produce(kafka_topics, CLICKS, 0, 2_000)

    async with reading(kafka_topics, f"g-{uuid.uuid4()}", Reader()) as reader:
        await until(lambda: len(reader.seen) == 2_000)
        await asyncio.sleep(1.5)
        offsets = [await committed(reader, topic, p) for (topic, p) in reader.checkpoint]

    assert set(reader.seen.values()) == {1}
    assert len(reader.runs) < 200
    assert offsets == list(reader.checkpoint.values())


@pytest.mark.asyncio
async def test_the_broker_gathers_and_records_stay_as_they_were_read(kafka_topics: str) -> None:
    """Both stand on names inside aiokafka: one that is renamed would only make the worker slow."""
    produce(kafka_topics, CLICKS, 0, 50)
    async with reading(kafka_topics, f"g-{uuid.uuid4()}", Reader()) as reader:
        await until(lambda: len(reader.seen) == 50)
        fetcher = reader.stream.consumer._thread._consumer._fetcher
        asked = fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes
        async with asyncio.timeout(60):
            while fetcher._fetch_max_wait_ms > LEAST_SECONDS * 1000:
                await asyncio.to_thread(produce, kafka_topics, CLICKS, 50, 2_000)

    assert asked == (GATHERING_SECONDS * 1000, ENOUGH_BYTES)
    assert {type(record) for run in reader.runs for record in run.records} == {DefaultRecord}


@pytest.mark.asyncio
async def test_topics_that_the_broker_does_not_know_yet_are_read_once_it_does(
    kafka_bootstrap: str, make_topics: Callable[[int], str], caplog: pytest.LogCaptureFixture
) -> None:
    """A broker that starts may say so of all topics: aiokafka assigned none, and asked again after five minutes."""
    delete_topics(kafka_bootstrap)
    async with reading(kafka_bootstrap, f"g-{uuid.uuid4()}", Reader()) as reader:
        await until(lambda: "Ignoring missing topic" in caplog.text)
        make_topics(2)
        produce(kafka_bootstrap, CLICKS, 0, 50)
        await until(lambda: len(reader.seen) == 50)


@pytest.mark.asyncio
async def test_topics_are_read_though_the_first_question_for_them_failed(
    kafka_topics: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that started as the broker went away led a group without partitions, for five minutes."""
    update = AIOKafkaClient._metadata_update

    async def fails_at_first(self: Any, cluster: Any, topics: Any) -> Any:
        return "Ignoring missing topic" in caplog.text and await update(self, cluster, topics)

    monkeypatch.setattr(AIOKafkaClient, "_metadata_update", fails_at_first)
    async with reading(kafka_topics, f"g-{uuid.uuid4()}", Reader()) as reader:
        produce(kafka_topics, CLICKS, 0, 50)
        await until(lambda: len(reader.seen) == 50)


@pytest.mark.asyncio
async def test_an_agent_that_raises_loses_nothing(kafka_topics: str) -> None:
    produce(kafka_topics, CLICKS, 0, 500)
    reader = Reader()
    raised: list[RecordBatch] = []

    def once(run: RecordBatch) -> bool:
        if not raised and run.topic == CLICKS:
            raised.append(run)
            return True
        return False

    reader.raises = once
    async with reading(kafka_topics, f"g-{uuid.uuid4()}", reader):
        await until(lambda: bool(raised))
        at_the_raise = await committed(reader, CLICKS, raised[0].partition)
        produce(kafka_topics, CLICKS, 500, 500)
        await until(lambda: len(reader.seen) == 1_000)

    assert at_the_raise is None
    assert set(reader.seen.values()) == {1}


@pytest.mark.asyncio
async def test_a_rebalance_loses_nothing(kafka_topics: str) -> None:
    group = f"g-{uuid.uuid4()}"
    produce(kafka_topics, CLICKS, 0, 1_000)
    produce(kafka_topics, PURCHASES, 0, 1_000)
    first, second = Reader(), Reader()
    second.checkpoint = first.checkpoint

    async with reading(kafka_topics, group, first):
        await until(lambda: len(first.seen) == 2_000)
        async with reading(kafka_topics, group, second):
            await until(lambda: bool(second.begun))
            produce(kafka_topics, CLICKS, 1_000, 1_000)
            produce(kafka_topics, PURCHASES, 1_000, 1_000)
            await until(lambda: len(first.seen + second.seen) == 4_000)
        produce(kafka_topics, CLICKS, 2_000, 500)
        await until(lambda: len(first.seen + second.seen) == 4_500)

    mine = {partition for topic, partition in second.begun[-1] if topic == CLICKS}
    assert mine == {partition for topic, partition in second.begun[-1] if topic == PURCHASES}
    assert mine


@pytest.mark.asyncio
async def test_a_partition_without_room_waits_alone_and_goes_on_when_it_has_some(kafka_topics: str) -> None:
    reader = Reader()
    reader.held = {(CLICKS, 0)}
    async with reading(kafka_topics, f"g-{uuid.uuid4()}", reader):
        await until(lambda: bool(reader.begun))
        for start in range(0, 4_000, 1_000):
            produce(kafka_topics, CLICKS, start, 1_000)
            await until(lambda end=start + 1_000: len(reader.seen) >= 0.7 * end)  # type: ignore[misc]  # lambda's default
        others = {partition for _, partition, _ in reader.seen}
        reader.held = set()
        reader.stream.wake()
        await until(lambda: len(reader.seen) == 4_000, 0.5)

    assert others == {1, 2, 3}
    assert set(reader.seen.values()) == {1}
