"""Builds the Kafka clients that commands use beside the workers."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager

from streamseg.kafka import offsets
from streamseg.kafka.admin import TopicAdmin, TopicDifference
from streamseg.kafka.change_feed import ChangeFeed
from streamseg.kafka.offsets import NO_ENDS
from streamseg.kafka.producer import KafkaProducer
from streamseg.kafka.topic_reader import TopicReader
from streamseg.kafka.transactions import TransactionalProducer
from streamseg.ports import Log
from streamseg.settings import Settings
from streamseg.sources.known_events import ClosableSink, NewEventsSink


def create_topics(settings: Settings) -> list[str]:
    """Create the missing topics. Returns their names. Raises `ServerUnavailableError`."""
    return TopicAdmin(settings.kafka).create()


def topic_differences(settings: Settings) -> list[TopicDifference]:
    """Compare the topics with what they should be. Raises `ServerUnavailableError`."""
    return TopicAdmin(settings.kafka).check()


def group_lag(settings: Settings, ends: Mapping[tuple[str, int], int] = NO_ENDS) -> dict[tuple[str, int], int]:
    """Return the records that the workers have not committed yet, by (topic, partition); none at or after `ends`.

    Raises `ServerUnavailableError`.
    """
    return offsets.group_lag(settings.kafka, ends)


def input_ends(settings: Settings) -> dict[tuple[str, int], int]:
    """Return the next offset to be written of each partition of the input topics. Raises `ServerUnavailableError`."""
    return offsets.input_ends(settings.kafka)


async def topic_ids(settings: Settings) -> dict[str, tuple[str, int]]:
    """Return id and partition count of each input topic. Raises `SettingsError` and `ServerUnavailableError`."""
    return await asyncio.to_thread(TopicAdmin(settings.kafka).topic_ids)


def event_sink(settings: Settings) -> KafkaProducer:
    """Open a producer of events. The caller closes it."""
    return KafkaProducer(settings.kafka)


def transactional_sink(settings: Settings, name: str) -> TransactionalProducer:
    """Open a producer whose every `send` is one transaction. The caller closes it."""
    return TransactionalProducer(settings.kafka, name)


def new_events_sink(settings: Settings, producer: ClosableSink, reading: Callable[[str, int], object]) -> NewEventsSink:
    """Open a sink before `producer` that leaves out events that the topics already hold. The caller closes it."""
    return NewEventsSink(producer, TopicReader(settings.kafka), reading)


@asynccontextmanager
async def change_feed(settings: Settings, purpose: str) -> AsyncIterator[ChangeFeed]:
    """Open a feed of change records in a consumer group of its own, named after `purpose`."""
    feed = ChangeFeed(settings.kafka, purpose)
    try:
        yield feed
    finally:
        await feed.close()


@asynccontextmanager
async def late_log(settings: Settings) -> AsyncIterator[Callable[[], Log]]:
    """Yield a function that opens a log when it is first called: who never asks has no connection to Kafka."""
    opened: list[TopicReader] = []

    def log() -> Log:
        if not opened:
            opened.append(TopicReader(settings.kafka))
        return opened[0]

    try:
        yield log
    finally:
        for one in opened:
            await one.close()
