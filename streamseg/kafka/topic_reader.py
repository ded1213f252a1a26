"""Reads the log beside the workers: any partition, any stretch, joining no group and committing nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from streamseg.errors import StreamsegError
from streamseg.events.record import MemoryRecord
from streamseg.kafka.client_config import client_config
from streamseg.settings import KafkaSettings

POLL_SECONDS: Final = 0.5
TIMEOUT_SECONDS: Final = 15.0
RECORDS_AT_ONCE: Final = 5_000


class LogUnavailableError(StreamsegError):
    """Kafka did not answer, or no longer has what was asked for."""


class TopicReader:
    """One reader of topic partitions; one stretch at a time."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._consumer = Consumer(
            {
                **client_config(kafka),
                "group.id": f"{kafka.group}-reader",  # librdkafka wants a name; nothing is ever committed under it
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "allow.auto.create.topics": False,
            }
        )

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset kept, and next offset to be written. Raises `LogUnavailableError`."""
        try:
            first, after = await asyncio.to_thread(
                self._consumer.get_watermark_offsets, TopicPartition(topic, partition), TIMEOUT_SECONDS, cached=False
            )
        except KafkaException as error:
            raise LogUnavailableError(f"no answer from Kafka about {topic}: {error.args[0].str()}") from None
        return int(first), int(after)

    async def partitions(self, topic: str) -> int:
        """How many the topic has. Raises `LogUnavailableError`, also for a topic that is not there."""
        try:
            metadata = await asyncio.to_thread(self._consumer.list_topics, topic, TIMEOUT_SECONDS)
        except KafkaException as error:
            raise LogUnavailableError(f"no answer from Kafka about {topic}: {error.args[0].str()}") from None
        count = len(metadata.topics[topic].partitions)
        if not count:
            raise LogUnavailableError(f"there is no topic {topic}: run `streamseg topics create`")
        return count

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[MemoryRecord]]:
        """Records from `start` up to but not including `end`, in pieces. Raises `LogUnavailableError`.

        Where compaction left holes, the last records before `end` may be missing: the stretch ends when the reader's
        position reaches `end`.
        """
        if start >= end:
            return
        place = TopicPartition(topic, partition, start)
        self._consumer.assign([place])
        heard, wanted_at_most = time.monotonic(), end - start
        try:
            while True:
                at_once = min(RECORDS_AT_ONCE, wanted_at_most)  # librdkafka waits until it has so many
                messages = await asyncio.to_thread(self._consumer.consume, at_once, POLL_SECONDS)
                records = [_record(message) for message in messages if not _fault(message)]
                wanted = [record for record in records if record.offset < end]
                if wanted:
                    heard = time.monotonic()
                    yield wanted
                wanted_at_most = end - max(self._position(place), start)
                if len(wanted) < len(records) or wanted_at_most <= 0:
                    return
                if time.monotonic() - heard > TIMEOUT_SECONDS:
                    raise LogUnavailableError(f"Kafka sent nothing of {topic} for {TIMEOUT_SECONDS:g} s")
        finally:
            self._consumer.unassign()

    def _position(self, place: TopicPartition) -> int:
        return int(self._consumer.position([place])[0].offset)

    async def close(self) -> None:
        """Let the connections go."""
        await asyncio.to_thread(self._consumer.close)


def _fault(message: Message) -> bool:
    """Whether the message tells of trouble instead of a record. Raises `LogUnavailableError` for what will not pass."""
    error: KafkaError | None = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  librdkafka's own codes begin with one
        raise LogUnavailableError(f"{message.topic()} no longer has what was asked for: retention removed it")
    if error.retriable() or error.code() in {KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}:  # noqa: SLF001
        return True
    raise LogUnavailableError(f"Kafka refuses to read {message.topic()}: {error.str()}")


def _record(message: Message) -> MemoryRecord:
    headers: Any = message.headers() or ()
    topic, partition, offset = message.topic(), message.partition(), message.offset()
    assert topic is not None
    assert partition is not None
    assert offset is not None
    return MemoryRecord(
        topic,
        partition,
        offset,
        message.timestamp()[1],
        _bytes(message.key()),
        _bytes(message.value()),
        tuple((name, value or b"") for name, value in headers),
    )


def _bytes(content: Any) -> bytes | None:
    return content if content is None or isinstance(content, bytes) else str(content).encode()
