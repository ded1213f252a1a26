"""Records out, through librdkafka: idempotent, acknowledged by all in-sync replicas, keyed like Java's producer."""

import asyncio
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streamseg.errors import StreamsegError
from streamseg.kafka.client_config import client_config
from streamseg.ports import OutgoingRecord
from streamseg.settings import KafkaSettings

DELIVERY_TIMEOUT_SECONDS = 30.0
CLOSE_SECONDS = 1.0
POLL_SECONDS = 0.002
ANY_PARTITION = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner decides."""


class NotDeliveredError(StreamsegError):
    """Kafka has not acknowledged a record: it may or may not be there."""


class Delivery:
    """Counts the acknowledgements of one sending; called by librdkafka from within `poll`."""

    def __init__(self, records: int) -> None:
        self.waiting = records
        self.error: KafkaError | None = None

    def __call__(self, error: KafkaError | None, _: Message) -> None:
        """One record was acknowledged, or given up."""
        self.waiting -= 1
        self.error = self.error or error


class KafkaProducer:
    """An `EventSink`. Sendings may overlap; each returns when all of its records are acknowledged."""

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
        """Write the records and wait for their acknowledgement. Raises `NotDeliveredError`."""
        delivery = Delivery(len(records))
        queued = 0
        while (queued := self._queue(records, queued, delivery)) < len(records):
            # The local queue is full: give the broker time, and whoever feeds us a reason to wait.
            await self._poll()
        while delivery.waiting:
            await self._poll()
        if delivery.error is not None:
            raise self._not_delivered(delivery.error)

    def _queue(self, records: Sequence[OutgoingRecord], start: int, delivery: Delivery) -> int:
        """Queue the records from `start` on; how many are queued when the local queue is full, or all are."""
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
                    on_delivery=delivery,
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
        if error.fatal():  # an idempotent producer that lost its place in the sequence takes nothing any more
            self._producer = Producer(self._config)
        return NotDeliveredError(f"Kafka did not take a record: {error.str()}")

    async def close(self) -> None:
        """Let go; what no `send` has waited for gets a moment."""
        await asyncio.to_thread(self._producer.flush, CLOSE_SECONDS)
