"""Writes records through librdkafka: idempotent, acknowledged by all replicas in sync, partitioned as in Java."""

import asyncio
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streamseg.errors import ServerUnavailableError, StreamsegError
from streamseg.kafka.client_config import AWAY, client_config
from streamseg.ports import OutgoingRecord
from streamseg.settings import KafkaSettings

DELIVERY_TIMEOUT_SECONDS = 30.0
CLOSE_SECONDS = 1.0
POLL_SECONDS = 0.002
ANY_PARTITION = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner chooses."""


class NotDeliveredError(StreamsegError):
    """Kafka has not acknowledged a record, which may be written all the same."""


class KafkaAwayError(NotDeliveredError, ServerUnavailableError):
    """No broker has answered within the delivery timeout."""


class Acknowledgements:
    """Counts the acknowledgements that a `send` waits for; librdkafka calls it from within `poll`."""

    def __init__(self, records: int) -> None:
        self.waiting = records
        self.error: KafkaError | None = None

    def __call__(self, error: KafkaError | None, _: Message) -> None:
        """Note that one record was acknowledged, or failed with `error`."""
        self.waiting -= 1
        self.error = self.error or error


class KafkaProducer:
    """An `EventSink` on Kafka."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._config: dict[str, Any] = {
            **client_config(kafka),
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 1,
            "delivery.timeout.ms": int(DELIVERY_TIMEOUT_SECONDS * 1000),
            "message.max.bytes": 2_000_000,
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 131_072,
        }
        self._producer = Producer(self._config)

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """See the port. Raises `NotDeliveredError`."""
        acknowledgements = Acknowledgements(len(records))
        queued = 0
        while (queued := self._queue(records, queued, acknowledgements)) < len(records):
            # The local queue is full: wait for the broker.
            await self._poll()
        while acknowledgements.waiting:
            await self._poll()
        if acknowledgements.error is not None:
            raise self._not_delivered(acknowledgements.error)

    def _queue(self, records: Sequence[OutgoingRecord], start: int, acknowledgements: Acknowledgements) -> int:
        """Queue the records from `start` on until the local queue is full; return how many are queued in total."""
        produce, at = self._producer.produce, start
        try:
            for at in range(start, len(records)):
                one = records[at]
                produce(
                    one.topic,
                    one.value,
                    one.key,
                    partition=ANY_PARTITION if one.partition is None else one.partition,
                    headers=list(one.headers) or None,
                    on_delivery=acknowledgements,
                )
        except BufferError:
            return at
        except KafkaException as error:
            raise self._not_delivered(error.args[0]) from None
        return len(records)

    async def _poll(self) -> None:
        if not self._producer.poll(0):
            await asyncio.sleep(POLL_SECONDS)

    def _not_delivered(self, error: KafkaError) -> NotDeliveredError:
        if error.fatal():  # after a sequence error an idempotent producer accepts nothing more
            self._producer = Producer(self._config)
        kind = KafkaAwayError if error.code() in AWAY else NotDeliveredError
        return kind(f"Kafka did not acknowledge a record: {error.str()}")

    async def close(self) -> None:
        """Wait up to a second for records that no `send` waits for."""
        await asyncio.to_thread(self._producer.flush, CLOSE_SECONDS)
