"""Reads `streamseg.memberships` in a consumer group, committing what its caller has processed."""

import asyncio
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException

from streamseg.errors import StreamsegError
from streamseg.kafka.client_config import client_config
from streamseg.ports import ChangeRecord
from streamseg.settings import KafkaSettings
from streamseg.topics import MEMBERSHIPS

POLL_SECONDS: Final = 0.5
RECORDS_AT_ONCE: Final = 500


class ChangesUnavailableError(StreamsegError):
    """Kafka did not answer."""


class ChangeFeed:
    """Change records at least once, from the group's last commit on; a new group starts with the next record.

    Args:
        kafka: settings of the connection and of the workers' group.
        purpose: suffix of the consumer group's name, such as "webhooks".
    """

    def __init__(self, kafka: KafkaSettings, purpose: str) -> None:
        self._consumer = Consumer(
            {
                **client_config(kafka),
                "group.id": f"{kafka.group}-{purpose}",
                "enable.auto.commit": False,
                "auto.offset.reset": "latest",
                "allow.auto.create.topics": False,
            }
        )
        self._consumer.subscribe([MEMBERSHIPS])

    async def next(self) -> list[ChangeRecord]:
        """Return the next records, none after 0.5 s without any. Raises `ChangesUnavailableError`."""
        messages: list[Any] = await asyncio.to_thread(self._consumer.consume, RECORDS_AT_ONCE, POLL_SECONDS)
        for message in messages:
            if message.error() is not None:
                raise ChangesUnavailableError(f"no changes from Kafka: {message.error().str()}")
        return [
            ChangeRecord(
                each.key() or b"", each.value(), f"{each.partition()}-{each.offset()}", dict(each.headers() or ())
            )
            for each in messages
        ]

    async def commit(self) -> None:
        """Commit every record that `next` has returned. Raises `ChangesUnavailableError`."""
        try:
            await asyncio.to_thread(self._consumer.commit, asynchronous=False)
        except KafkaException as error:
            raise ChangesUnavailableError(f"Kafka refused a commit: {error.args[0].str()}") from None

    async def close(self) -> None:
        """Leave the group."""
        await asyncio.to_thread(self._consumer.close)
