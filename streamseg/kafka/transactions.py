"""Writes groups of records that become visible together, or not at all."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from confluent_kafka import KafkaException, Producer

from streamseg.kafka.client_config import producer_config
from streamseg.kafka.producer import ANY_PARTITION, CLOSE_SECONDS, NotDeliveredError
from streamseg.ports import OutgoingRecord
from streamseg.settings import KafkaSettings

TIMEOUT_SECONDS = 30.0


class TransactionalProducer:
    """An `EventSink` whose every `send` is one transaction. Readers of committed records see all of it or nothing.

    A second producer of the same name ends the transactions of the first.

    Args:
        kafka: where the broker is.
        name: of the producer's work, unique in the group.
    """

    def __init__(self, kafka: KafkaSettings, name: str) -> None:
        self._config = {**producer_config(kafka), "transactional.id": f"{kafka.group}-{name}"}
        self._producer: Producer | None = None

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        """Write the records in one transaction. Raises `NotDeliveredError`: then none of them is visible."""
        await asyncio.to_thread(self._send, records)

    def _send(self, records: Sequence[OutgoingRecord]) -> None:
        try:
            if self._producer is None:
                self._producer = Producer(self._config)
                self._producer.init_transactions(TIMEOUT_SECONDS)
            self._producer.begin_transaction()
            for one in records:
                self._producer.produce(
                    one.topic,
                    one.value,
                    one.key,
                    partition=ANY_PARTITION if one.partition is None else one.partition,
                    headers=list(one.headers) or None,
                )
            self._producer.commit_transaction(TIMEOUT_SECONDS)
        except KafkaException as error:
            self._abort()
            raise NotDeliveredError(f"Kafka did not commit the records: {error.args[0].str()}") from None

    def _abort(self) -> None:
        """End the transaction and the producer: after a refused record it would skip sequence numbers."""
        producer, self._producer = self._producer, None
        if producer is not None:
            # If this fails too, the broker ends the transaction: after its timeout, or when the next producer begins.
            with suppress(KafkaException):
                producer.abort_transaction(TIMEOUT_SECONDS)

    async def close(self) -> None:
        """Close the connections."""
        if self._producer is not None:
            await asyncio.to_thread(self._producer.flush, CLOSE_SECONDS)
