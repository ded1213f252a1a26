"""Records out, through librdkafka: idempotent, acknowledged by all in-sync replicas, keyed like Java's producer."""

import asyncio
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streamseg.errors import StreamsegError
from streamseg.ports import OutgoingRecord
from streamseg.settings import KafkaSettings
from streamseg.stream.admin import client_config

DELIVERY_TIMEOUT_SECONDS = 30.0
POLL_SECONDS = 0.002


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


class KafkaSink:
    """An `EventSink`. Sendings may overlap; each returns when all of its records are acknowledged."""

    def __init__(self, kafka: KafkaSettings) -> None:
        config: dict[str, Any] = {
            **client_config(kafka),
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "compression.type": "lz4",
            "linger.ms": 1,
            "delivery.timeout.ms": int(DELIVERY_TIMEOUT_SECONDS * 1000),
            "message.max.bytes": 2_000_000,
            "queue.buffering.max.messages": 200_000,
        }
        self._producer = Producer(config)

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Write the records and wait for their acknowledgement. Raises `NotDeliveredError`."""
        delivery = Delivery(len(records))
        for record in records:
            await self._produce(record, delivery)
        while delivery.waiting:
            if not self._producer.poll(0):
                await asyncio.sleep(POLL_SECONDS)
        if delivery.error is not None:
            raise NotDeliveredError(f"Kafka did not take a record: {delivery.error.str()}")

    async def _produce(self, record: OutgoingRecord, delivery: Delivery) -> None:
        partition = {} if record.partition is None else {"partition": record.partition}
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    key=record.key,
                    value=record.value,
                    headers=list(record.headers) or None,
                    on_delivery=delivery,
                    **partition,
                )
            except BufferError:
                # The local queue is full: give the broker time, and whoever feeds us a reason to wait.
                self._producer.poll(0)
                await asyncio.sleep(POLL_SECONDS)
            except KafkaException as error:
                raise NotDeliveredError(f"Kafka did not take a record: {error.args[0].str()}") from None
            else:
                return

    async def close(self) -> None:
        """Wait for what is under way, as long as a delivery may take."""
        await asyncio.to_thread(self._producer.flush, DELIVERY_TIMEOUT_SECONDS)
