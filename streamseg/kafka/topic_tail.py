"""Reads the newest records of topics as they come, so many at a time: what is more is skipped, not caught up with."""

import asyncio
from collections.abc import Sequence
from typing import Final

from confluent_kafka import OFFSET_END, Consumer, KafkaException, TopicPartition

from streamseg.events.record import MemoryRecord
from streamseg.kafka.client_config import client_config
from streamseg.kafka.topic_reader import TIMEOUT_SECONDS, LogUnavailableError, is_fault, record_of
from streamseg.settings import KafkaSettings

MOST: Final = 500
"""Records of one look."""
LOOK_SECONDS: Final = 0.5


class TopicTail:
    """A `Tail` on Kafka. It connects with the first look, and commits nothing."""

    def __init__(self, kafka: KafkaSettings, topics: Sequence[str]) -> None:
        self._kafka, self._topics = kafka, topics
        self._consumer: Consumer | None = None
        self._places: list[TopicPartition] = []

    async def look(self) -> tuple[list[MemoryRecord], bool]:
        """See the port."""
        return await asyncio.to_thread(self._look)

    def _look(self) -> tuple[list[MemoryRecord], bool]:
        try:
            if self._consumer is None:
                self._open()
            assert self._consumer is not None
            messages = self._consumer.consume(MOST, LOOK_SECONDS)
            found = [record_of(one) for one in messages if not is_fault(one, f"{self._kafka.group}-reader")]
            if len(messages) == MOST:
                self._consumer.assign(self._places)
        except KafkaException as error:
            raise LogUnavailableError(f"no answer from Kafka: {error.args[0].str()}") from None
        return found, len(messages) == MOST

    def _open(self) -> None:
        consumer = Consumer(
            {
                **client_config(self._kafka),
                "group.id": f"{self._kafka.group}-reader",  # librdkafka requires one; nothing is committed
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "latest",
                "allow.auto.create.topics": False,
                "isolation.level": self._kafka.isolation_level,
                "queued.max.messages.kbytes": 1_024,
                "fetch.message.max.bytes": 65_536,
            }
        )
        try:
            for topic in self._topics:
                partitions = consumer.list_topics(topic, TIMEOUT_SECONDS).topics[topic].partitions
                self._places += [TopicPartition(topic, one, OFFSET_END) for one in partitions]
            consumer.assign(self._places)
        except KafkaException:
            self._places = []
            consumer.close()
            raise
        self._consumer = consumer

    async def close(self) -> None:
        """Close the connections; the next look opens others."""
        consumer, self._consumer, self._places = self._consumer, None, []
        if consumer is not None:
            await asyncio.to_thread(consumer.close)
