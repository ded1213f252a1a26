"""Kafka and Redis for the whole session, emptied for each test."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from streamseg.embedded import RedisServer
from streamseg.embedded.redis_server import DURABLE
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import delete_groups, remake_topics

PARTITIONS = 4


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """A real broker: that of STREAMSEG_TEST_KAFKA (its streamseg topics are deleted!), else one started here."""
    given = os.environ.get("STREAMSEG_TEST_KAFKA")
    if given:
        yield given
        return
    with KafkaServer() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis: that of STREAMSEG_TEST_REDIS (it is flushed!), else one started here."""
    given = os.environ.get("STREAMSEG_TEST_REDIS")
    if given:
        yield given
        return
    with RedisServer() as server:
        yield server.url


@pytest.fixture
def make_topics(kafka_bootstrap: str) -> Callable[[int], str]:
    """A function that recreates all topics with a partition count and returns the bootstrap servers."""

    def make(partitions: int) -> str:
        remake_topics(kafka_bootstrap, partitions)
        return kafka_bootstrap

    return make


@pytest.fixture
def kafka_topics(make_topics: Callable[[int], str]) -> str:
    """The bootstrap servers of a broker with all topics recreated, with four partitions each."""
    return make_topics(PARTITIONS)


@pytest.fixture
def group(kafka_bootstrap: str) -> Iterator[str]:
    """The name of a consumer group for this test."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    delete_groups(kafka_bootstrap, [name])


@pytest.fixture
def clean_redis(redis_url: str) -> str:
    """The URL of an empty Redis."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture
def start_kafka() -> Iterator[Callable[[], KafkaServer]]:
    """A function that starts a broker for this test, which may kill it; it ends with the test."""
    with ExitStack() as brokers:
        yield lambda: brokers.enter_context(KafkaServer())


@pytest.fixture
def start_redis_server() -> Iterator[Callable[..., RedisServer]]:
    """A function that starts a durable Redis with further options for this test; it ends with the test."""
    with ExitStack() as servers:
        yield lambda *options: servers.enter_context(RedisServer(options=(*DURABLE, *options)))
