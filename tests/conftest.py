"""Servers for the whole session, and clean ground for each test."""

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import redis

from streamseg.embedded import RedisServer
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import delete_groups, remake_topics

PARTITIONS = 4


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """A real broker: the one STREAMSEG_TEST_KAFKA names (its streamseg topics are deleted!), else our own."""
    given = os.environ.get("STREAMSEG_TEST_KAFKA")
    if given:
        yield given
        return
    with KafkaServer() as broker:
        yield broker.bootstrap


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """A real Redis: the one STREAMSEG_TEST_REDIS names (it is flushed!), else our own."""
    given = os.environ.get("STREAMSEG_TEST_REDIS")
    if given:
        yield given
        return
    with RedisServer() as server:
        yield server.url


@pytest.fixture
def make_topics(kafka_bootstrap: str) -> Callable[[int], str]:
    """Call it with a partition count: all topics are made anew; the bootstrap servers."""

    def make(partitions: int) -> str:
        remake_topics(kafka_bootstrap, partitions)
        return kafka_bootstrap

    return make


@pytest.fixture
def kafka_topics(make_topics: Callable[[int], str]) -> str:
    """All topics made anew with four partitions; the bootstrap servers."""
    return make_topics(PARTITIONS)


@pytest.fixture
def group(kafka_bootstrap: str) -> Iterator[str]:
    """A consumer group of this test's own."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    yield name
    delete_groups(kafka_bootstrap, [name])


@pytest.fixture
def clean_redis(redis_url: str) -> str:
    """An empty Redis; its URL."""
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    return redis_url


@pytest.fixture
def start_kafka() -> Iterator[Callable[[], KafkaServer]]:
    """Starts brokers of the test's own, to be killed and restarted; they end with the test."""
    with ExitStack() as brokers:
        yield lambda: brokers.enter_context(KafkaServer())


@pytest.fixture
def start_redis_server() -> Iterator[Callable[[], RedisServer]]:
    """Starts durable Redis servers of the test's own, to be killed and restarted; they end with the test."""
    with ExitStack() as servers:
        yield lambda: servers.enter_context(RedisServer())
