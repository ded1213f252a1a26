"""Ranges of a topic are read one after the other without a wait in between: a takeover reads two for each partition."""

import asyncio
import time
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from streamseg.kafka.topic_reader import TopicReader
from streamseg.settings import KafkaSettings
from streamseg.topics import MEMBERSHIPS

pytestmark = pytest.mark.integration
PARTITIONS = 12


def test_many_ranges_are_read_in_a_moment(make_topics: Callable[[int], str]) -> None:
    bootstrap = make_topics(PARTITIONS)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(100 * PARTITIONS):
        producer.produce(MEMBERSHIPS, key=f"c-{number}", value=b"{}", partition=number % PARTITIONS)
    assert producer.flush(30) == 0

    async def read() -> tuple[list[int], float]:
        reader = TopicReader(KafkaSettings(bootstrap=bootstrap))
        began = time.monotonic()
        found = [
            sum([len(records) async for records in reader.read(MEMBERSHIPS, partition, 20, 100)])
            for partition in range(PARTITIONS)
        ]
        seconds = time.monotonic() - began
        await reader.close()
        return found, seconds

    found, seconds = asyncio.run(read())
    assert found == [80] * PARTITIONS
    assert seconds < 3.0  # half a second each at librdkafka's default
