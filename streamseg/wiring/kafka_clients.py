"""Builds the Kafka clients that commands use beside the workers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from streamseg.kafka.admin import TopicAdmin, TopicDifference
from streamseg.kafka.change_feed import ChangeFeed
from streamseg.kafka.producer import KafkaProducer
from streamseg.kafka.topic_reader import TopicReader
from streamseg.kafka.transactions import TransactionalProducer
from streamseg.settings import Settings
from streamseg.sources.known_events import NewEventsSink


def create_topics(settings: Settings) -> list[str]:
    """Create the missing topics. Returns their names. Raises `SettingsError`."""
    return TopicAdmin(settings.kafka).create()


def topic_differences(settings: Settings) -> list[TopicDifference]:
    """Compare the topics with what they should be. Raises `SettingsError`."""
    return TopicAdmin(settings.kafka).check()


def group_lag(settings: Settings) -> dict[tuple[str, int], int]:
    """Return the records that the workers have not committed yet, by (topic, partition). Raises `SettingsError`."""
    return TopicAdmin(settings.kafka).group_lag()


def event_sink(settings: Settings) -> KafkaProducer:
    """Open a producer of events. The caller closes it."""
    return KafkaProducer(settings.kafka)


def transactional_sink(settings: Settings, name: str) -> TransactionalProducer:
    """Open a producer whose every `send` is one transaction. The caller closes it."""
    return TransactionalProducer(settings.kafka, name)


def new_events_sink(settings: Settings, reading: Callable[[str, int], object]) -> NewEventsSink:
    """Open a producer of events that leaves out those that the topics already hold. The caller closes it."""
    return NewEventsSink(KafkaProducer(settings.kafka), TopicReader(settings.kafka), reading)


@asynccontextmanager
async def change_feed(settings: Settings, purpose: str) -> AsyncIterator[ChangeFeed]:
    """Open a feed of change records in a consumer group of its own, named after `purpose`."""
    feed = ChangeFeed(settings.kafka, purpose)
    try:
        yield feed
    finally:
        await feed.close()
