"""Writes records through librdkafka: idempotent, acknowledged by all replicas in sync, partitioned as in Java."""

import asyncio
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streamseg.errors import RecordRefusedError, ServerUnavailableError, StreamsegError
from streamseg.kafka.client_config import AWAY, producer_config
from streamseg.ports import OutgoingRecord
from streamseg.settings import KafkaSettings

DELIVERY_TIMEOUT_SECONDS = 30.0
CLOSE_SECONDS = 1.0
POLL_SECONDS = 0.002
ANY_PARTITION = -1
"""librdkafka's RD_KAFKA_PARTITION_UA: the partitioner chooses."""


FATAL = frozenset({KafkaError._FATAL, KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT})  # noqa: SLF001
"""Errors after which a producer accepts nothing more. Only librdkafka itself purges, and only after a fatal error."""
REFUSED = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_RECORD, KafkaError.RECORD_LIST_TOO_LARGE})
"""Errors of a record that no retry cures."""


class NotDeliveredError(StreamsegError):
    """Kafka has not acknowledged a record, which may be written all the same."""


class KafkaAwayError(NotDeliveredError, ServerUnavailableError):
    """No broker has answered within the delivery timeout."""


class Acknowledgements:
    """Counts the acknowledgements that a `send` waits for; librdkafka calls it from within `poll`."""

    def __init__(self, records: int) -> None:
        self.waiting = records
        self.error: KafkaError | None = None
        self.topic: str | None = None
        """Of the record that failed first."""

    def __call__(self, error: KafkaError | None, message: Message) -> None:
        """Note that one record was acknowledged, or failed with `error`."""
        self.waiting -= 1
        if error is not None and self.error is None:
            self.error, self.topic = error, message.topic()


class _Client:
    """One librdkafka producer. After a fatal error it accepts nothing more, and the next `send` gets a new one."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.is_dead = False
        self.producer = Producer(config)

    def note(self, error: KafkaError) -> None:
        """Note an error. A fatal one shows by its code too, where `fatal()` is False."""
        self.is_dead = self.is_dead or error.fatal() or error.code() in FATAL

    async def poll(self) -> None:
        """Serve acknowledgements, and wait for a moment if there are none."""
        try:
            served = self.producer.poll(0)
        except KafkaException as error:  # a fatal error comes out of `poll`; the records under way fail one by one
            self.note(error.args[0])
            return
        if not served:
            await asyncio.sleep(POLL_SECONDS)


class KafkaProducer:
    """An `EventSink` on Kafka."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._config: dict[str, Any] = {
            **producer_config(kafka),
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": 1,
            "delivery.timeout.ms": int(DELIVERY_TIMEOUT_SECONDS * 1000),
            "queue.buffering.max.messages": 200_000,
            "queue.buffering.max.kbytes": 131_072,
        }
        self._client = _Client(self._config)

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """See the port. Raises `NotDeliveredError` and `RecordRefusedError`.

        Waits on the client that the records were queued to, also when another `send` has replaced it meanwhile.
        """
        if self._client.is_dead:
            self._client = _Client(self._config)
        client, acknowledgements, queued = self._client, Acknowledgements(len(records)), 0
        while (queued := self._queue(client, records, queued, acknowledgements)) < len(records):
            # The local queue is full: wait for the broker.
            await client.poll()
        while acknowledgements.waiting:
            await client.poll()
        if acknowledgements.error is not None:
            raise self._not_delivered(client, acknowledgements.error, acknowledgements.topic)

    def _queue(
        self, client: _Client, records: Sequence[OutgoingRecord], start: int, acknowledgements: Acknowledgements
    ) -> int:
        """Queue the records from `start` on until the local queue is full; return how many are queued in total."""
        produce, at = client.producer.produce, start
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
            raise self._not_delivered(client, error.args[0], records[at].topic) from None
        return len(records)

    def _not_delivered(self, client: _Client, error: KafkaError, topic: str | None) -> StreamsegError:
        client.note(error)
        if error.code() in REFUSED:
            return RecordRefusedError(f"Kafka refuses a record of {topic}: {error.str()}")
        kind = KafkaAwayError if error.code() in AWAY else NotDeliveredError
        return kind(f"Kafka did not acknowledge a record of {topic}: {error.str()}")

    async def close(self) -> None:
        """Wait up to a second for records that no `send` waits for."""
        await asyncio.to_thread(self._client.producer.flush, CLOSE_SECONDS)
