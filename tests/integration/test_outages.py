"""A worker whose store or broker is away: bounded memory, its place in the group kept, and on by itself."""

import re
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from confluent_kafka import Producer

from streamseg.embedded import RedisServer
from streamseg.embedded.child import free_port
from streamseg.sources.event import rfc3339
from streamseg.topics import CLICKS
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics
from tests.support.processes import members, run, until, until_absorbed, worker

pytestmark = pytest.mark.integration

GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}
AWAY_SECONDS = 10.0
"""Longer than the session timeout."""
PADDING_BYTES = 4_000
BACKLOG = 60_000
GROWTH_BYTES = 120_000_000
"""Half of the backlog: all runs that can be under way are less, at the largest poll of this test."""


def clicks(bootstrap: str, first: int, count: int) -> None:
    """Clicks of some customers, made large by a field that nobody knows."""
    producer = Producer({"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "linger.ms": 20})
    now, padding = time.time() - 1e6, "x" * PADDING_BYTES
    for number in range(first, first + count):
        customer = f"c-{number % 997}"
        value = (
            f'{{"event_id":"e-{number}","customer_id":"{customer}","event_name":"view_item",'
            f'"occurred_at":"{rfc3339(now + number)}","pad":"{padding}"}}'
        )
        while True:
            try:
                producer.produce(CLICKS, key=customer, value=value)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(60) == 0


def resident_bytes(pid: int) -> int:
    """What the process holds in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmRSS"))


def waiting(port: int) -> list[float]:
    """The gauge of each partition that has one."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    shown = (line for line in lines if line.startswith("streamseg_flow_waiting{") and 'reason="store"' in line)
    return [float(line.rpartition(" ")[2]) for line in shown]


@pytest.fixture
def servers(
    environment: dict[str, str],
    start_kafka: Callable[[], KafkaServer],
    start_redis_server: Callable[[], RedisServer],
) -> tuple[KafkaServer, RedisServer, Mapping[str, str]]:
    """A broker and a store of the test's own, and the settings for them."""
    kafka, store = start_kafka(), start_redis_server()
    remake_topics(kafka.bootstrap, 2)
    return (
        kafka,
        store,
        environment
        | {
            "STREAMSEG_KAFKA__BOOTSTRAP": kafka.bootstrap,
            "STREAMSEG_REDIS__URL": store.url,
            "STREAMSEG_REDIS__TIMEOUT_SECONDS": "1",
            "STREAMSEG_WORKER__METRICS_PORT": str(free_port()),
            "STREAMSEG_WORKER__MAX_POLL_RECORDS": "500",
        },
    )


def test_while_the_store_is_away_memory_is_bounded_and_the_place_in_the_group_is_kept(
    servers: tuple[KafkaServer, RedisServer, dict[str, str]], tmp_path: Path
) -> None:
    kafka, store, environment = servers
    port = int(environment["STREAMSEG_WORKER__METRICS_PORT"])
    log = tmp_path / "worker.log"
    with worker(environment, log) as process:
        clicks(kafka.bootstrap, 0, 2_000)
        until_absorbed(environment)
        before, held = members(environment), resident_bytes(process.pid)
        store.kill()
        clicks(kafka.bootstrap, 2_000, BACKLOG)
        time.sleep(AWAY_SECONDS)
        grown = resident_bytes(process.pid) - held
        assert grown < GROWTH_BYTES < BACKLOG * PADDING_BYTES, f"{grown:,} bytes more"
        assert waiting(port) == [1.0, 1.0]
        assert members(environment) == before
        assert log.read_text().count("waits for the store") == 2
        store.start()
        until_absorbed(environment, 120.0)
        assert waiting(port) == [0.0, 0.0]
        assert members(environment) == before
        found = run(environment, "verify")
    told = log.read_text()
    assert len(re.findall(r"partition \d continues after", told)) == 2
    assert told.count("the trainer waits for the servers") == 1  # issue 13, item 24: not once a second
    assert told.count("WARNING") < 10, told
    assert found == found | GOOD | {"events": 2_000 + BACKLOG}


def test_a_worker_goes_on_by_itself_when_its_broker_is_back(
    servers: tuple[KafkaServer, RedisServer, dict[str, str]], tmp_path: Path
) -> None:
    kafka, _, environment = servers
    log = tmp_path / "worker.log"
    with worker(environment, log) as process:
        clicks(kafka.bootstrap, 0, 2_000)
        until_absorbed(environment)
        kafka.kill()
        time.sleep(AWAY_SECONDS)
        kafka.start()
        clicks(kafka.bootstrap, 2_000, 2_000)
        until(lambda: "Kafka answers again" in log.read_text(), "told")
        until_absorbed(environment)
        assert process.poll() is None
        found = run(environment, "verify")
    told = log.read_text()
    assert told.count("Kafka does not answer") == 1
    assert sum("aiokafka" in line for line in told.splitlines()) < 40
    assert found == found | GOOD | {"events": 4_000}


def test_a_worker_that_is_started_before_its_store_waits_for_it(
    servers: tuple[KafkaServer, RedisServer, dict[str, str]], tmp_path: Path
) -> None:
    kafka, store, environment = servers
    log = tmp_path / "worker.log"
    store.kill()
    with worker(environment, log) as process:
        time.sleep(4.0)
        assert process.poll() is None
        store.start()
        until(lambda: "worker is up" in log.read_text(), "up")
        clicks(kafka.bootstrap, 0, 100)
        until_absorbed(environment)
