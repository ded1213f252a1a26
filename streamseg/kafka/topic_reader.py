"""Reads any range of any topic partition, without joining a group or committing."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.admin import ClusterMetadata

from streamseg.errors import ServerUnavailableError, SettingsError, StreamsegError
from streamseg.events.record import MemoryRecord
from streamseg.kafka.client_config import AWAY, client_config
from streamseg.settings import KafkaSettings

POLL_SECONDS: Final = 0.5
EMPTY_FETCH_SECONDS: Final = 0.01
"""How long the broker may keep a fetch that finds nothing. The next range waits for the last fetch of the one before:
half a second for each at librdkafka's default."""
TIMEOUT_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 2.0
"""Time without an answer after which a line says that we wait."""
RECORDS_AT_ONCE: Final = 5_000

log = logging.getLogger(__name__)


class LogUnavailableError(ServerUnavailableError):
    """Kafka did not answer."""


class OffsetsRemovedError(StreamsegError):
    """Retention has removed the requested offsets."""


class TopicReader:
    """A `Log` on Kafka; one range at a time."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._bootstrap = kafka.bootstrap
        self._group = f"{kafka.group}-reader"
        self._consumer = Consumer(
            {
                **client_config(kafka),
                "group.id": self._group,  # librdkafka requires one; nothing is committed
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "error",
                "allow.auto.create.topics": False,
                "isolation.level": kafka.isolation_level,
                "enable.partition.eof": True,
                "fetch.wait.max.ms": int(EMPTY_FETCH_SECONDS * 1000),
            }
        )

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """See the port. Raises `LogUnavailableError`."""
        try:
            first, after = await asyncio.to_thread(
                self._consumer.get_watermark_offsets, TopicPartition(topic, partition), TIMEOUT_SECONDS, cached=False
            )
        except KafkaException as error:
            raise LogUnavailableError(f"no answer from Kafka about {topic}: {error.args[0].str()}") from None
        return int(first), int(after)

    async def partitions(self, topic: str) -> int:
        """Return the topic's partition count. Raises `LogUnavailableError`, and `SettingsError` if it is missing."""
        try:
            metadata = await asyncio.to_thread(self._metadata, topic)
        except KafkaException as error:
            raise LogUnavailableError(f"no answer from Kafka about {topic}: {error.args[0].str()}") from None
        count = len(metadata.topics[topic].partitions)
        if not count:
            raise SettingsError(f"topic {topic} is missing: run `streamseg topics create`")
        return count

    def _metadata(self, topic: str) -> ClusterMetadata:
        try:
            return self._consumer.list_topics(topic, SILENT_SECONDS)
        except KafkaException:
            log.warning("Kafka at %s does not answer; waiting up to %g s for it", self._bootstrap, TIMEOUT_SECONDS)
        return self._consumer.list_topics(topic, TIMEOUT_SECONDS - SILENT_SECONDS)

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[MemoryRecord]]:
        """See the port. Raises `LogUnavailableError`, also after 15 s without a record.

        The last offsets before `end` may hold no record: compaction removes some, and transactions write markers. So
        the range ends when the position or the end of the partition reaches `end`.
        """
        if start >= end:
            return
        place = TopicPartition(topic, partition, start)
        self._consumer.assign([place])
        received_at, remaining = time.monotonic(), end - start
        try:
            while True:
                at_once = min(RECORDS_AT_ONCE, remaining)  # librdkafka waits until it has this many
                messages = await asyncio.to_thread(self._consumer.consume, at_once, POLL_SECONDS)
                records = [record_of(message) for message in messages if not is_fault(message, self._group)]
                wanted = [record for record in records if record.offset < end]
                if wanted:
                    received_at = time.monotonic()
                    yield wanted
                remaining = end - max(self._position(place), start)
                if len(wanted) < len(records) or remaining <= 0 or any(_ends(one, end) for one in messages):
                    return
                if time.monotonic() - received_at > TIMEOUT_SECONDS:
                    raise LogUnavailableError(f"Kafka sent nothing of {topic} for {TIMEOUT_SECONDS:g} s")
        finally:
            self._consumer.unassign()

    def _position(self, place: TopicPartition) -> int:
        return int(self._consumer.position([place])[0].offset)

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.to_thread(self._consumer.close)


def _ends(message: Message, end: int) -> bool:
    """Return whether the message says that the partition ends at or after `end`."""
    error, offset = message.error(), message.offset()
    return error is not None and error.code() == KafkaError._PARTITION_EOF and (offset or 0) >= end  # noqa: SLF001


def is_fault(message: Message, group: str) -> bool:
    """Return whether the message is a passing error and no record. Raises `StreamsegError` for a lasting one."""
    error: KafkaError | None = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001  librdkafka's own codes start with an underscore
        return True
    if error.code() == KafkaError._AUTO_OFFSET_RESET:  # noqa: SLF001  librdkafka's own codes start with an underscore
        raise OffsetsRemovedError(f"{message.topic()} no longer has the requested offsets: retention removed them")
    if error.retriable() or error.code() in AWAY:
        return True
    raise StreamsegError(f"Kafka refuses to read {message.topic() or f'in the group {group}'}: {error.str()}")


def record_of(message: Message) -> MemoryRecord:
    """Return a message as the rest of us reads it."""
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
        tuple((name, value) for name, value in headers),
    )


def _bytes(content: Any) -> bytes | None:
    return content if content is None or isinstance(content, bytes) else str(content).encode()
