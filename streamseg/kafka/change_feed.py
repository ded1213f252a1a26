"""Reads `streamseg.memberships` in a group of its own, committing what its reader is done with."""

import asyncio
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException

from streamseg.errors import StreamsegError
from streamseg.kafka.client_config import client_config
from streamseg.settings import KafkaSettings
from streamseg.topics import MEMBERSHIPS

POLL_SECONDS: Final = 0.5
RECORDS_AT_ONCE: Final = 500


class ChangesUnavailableError(StreamsegError):
    """Kafka did not answer."""


class ChangeFeed:
    """Change records from the moment at which the group first asked, each until it was committed."""

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

    async def next(self) -> list[tuple[bytes, bytes | None, str]]:
        """The next records as (key, value, "partition-offset"); often none. Raises `ChangesUnavailableError`."""
        messages: list[Any] = await asyncio.to_thread(self._consumer.consume, RECORDS_AT_ONCE, POLL_SECONDS)
        for message in messages:
            if message.error() is not None:
                raise ChangesUnavailableError(f"no changes from Kafka: {message.error().str()}")
        return [(each.key() or b"", each.value(), f"{each.partition()}-{each.offset()}") for each in messages]

    async def commit(self) -> None:
        """Nothing handed out so far will come again. Raises `ChangesUnavailableError`."""
        try:
            await asyncio.to_thread(self._consumer.commit, asynchronous=False)
        except KafkaException as error:
            raise ChangesUnavailableError(f"Kafka took no commit: {error.args[0].str()}") from None

    async def close(self) -> None:
        """Leave the group."""
        await asyncio.to_thread(self._consumer.close)
