"""`streamseg status` on real servers: a worker that runs and one that stopped, a lag, a server away. Issue 15."""

import json
import os
import signal
import subprocess
import time
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from streamseg.embedded import RedisServer
from streamseg.embedded.child import free_port
from streamseg.kafka.partitioner import partition_of
from streamseg.sources.event import SourceEvent
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics
from tests.support.processes import STREAMSEG, is_right, members, send, until, until_absorbed, worker

pytestmark = pytest.mark.integration

PARTITIONS = 2
IDS = [name for name in (f"c-{n}" for n in range(200)) if partition_of(name, PARTITIONS) == 0]


@pytest.fixture
def servers(
    environment: dict[str, str],
    start_kafka: Callable[[], KafkaServer],
    start_redis_server: Callable[[], RedisServer],
) -> tuple[KafkaServer, RedisServer, dict[str, str]]:
    """A broker and a store of the test's own, and the settings for them, on the wall clock."""
    kafka, store = start_kafka(), start_redis_server()
    remake_topics(kafka.bootstrap, PARTITIONS)
    own = {"STREAMSEG_KAFKA__BOOTSTRAP": kafka.bootstrap, "STREAMSEG_REDIS__URL": store.url, "STREAMSEG_CLOCK": "wall"}
    own |= {"STREAMSEG_REDIS__TIMEOUT_SECONDS": "1", "STREAMSEG_WORKER__METRICS_PORT": str(free_port())}
    return kafka, store, environment | own


def clicks(bootstrap: str, first: int, count: int) -> None:
    """Clicks on partition 0."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    send(bootstrap, [click(IDS[n % len(IDS)], n, now) for n in range(first, first + count)])


def click(customer: str, number: int, at: str) -> SourceEvent:
    event = {"event_id": f"e-{number}", "customer_id": customer, "occurred_at": at, "event_name": "view_item"}
    return SourceEvent("click", f"e-{number}", customer, 0.0, json.dumps(event).encode())


def status(environment: Mapping[str, str], *arguments: str) -> tuple[int, dict[str, Any], str]:
    """Exit code, the one document, and stderr."""
    done = subprocess.run(
        [*STREAMSEG, "status", "--json", *arguments],
        env=os.environ | dict(environment),
        capture_output=True,
        timeout=120,
        check=False,
    )
    return done.returncode, json.loads(done.stdout), done.stderr.decode()


def kinds(found: Mapping[str, Any]) -> set[str]:
    return {one["kind"] for one in found["problems"]}


def test_a_worker_that_runs_stops_and_leaves_a_lag_and_servers_that_are_away(
    servers: tuple[KafkaServer, RedisServer, dict[str, str]], tmp_path: Path
) -> None:
    kafka, store, environment = servers
    port = environment["STREAMSEG_WORKER__METRICS_PORT"]
    with worker(environment, tmp_path / "worker.log") as process:
        clicks(kafka.bootstrap, 0, 50)
        until_absorbed(environment)
        until(lambda: is_right(environment), "right")
        code, found, error = status(environment)
        assert (code, found["right"], error) == (0, True, "")
        (one,), (member,) = found["workers"], found["members"]
        assert member["trains"]
        assert one["trains"]
        assert one["partitions"] == member["partitions"] == [0, 1]
        assert [part["owner"] for part in found["partitions"]] == [one["owner"]] * PARTITIONS
        assert (found["freshness_seconds"] or 0.0) < 5.0, "a probe may be under way"
        letters = found["dead_letters"]
        assert letters == {"kept": 0, "in_hour": 0, "events_in_hour": letters["events_in_hour"]}
        assert abs(letters["events_in_hour"] - 50) <= PARTITIONS, "a probe may be under way"
        for path in ("livez", "readyz"):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=5) as answer:
                assert answer.read() == b"ok\n"
        store.kill()
        code, found, error = status(environment)
        assert code == 3
        assert found["workers"] is None
        assert len(found["members"]) == 1
        assert "Redis" in found["away"][0]
        assert "Redis" in error
        store.start()
        until(lambda: is_right(environment), "right again")
        process.send_signal(signal.SIGTERM)
        process.wait(20)
    until(lambda: not members(environment), "without members")
    clicks(kafka.bootstrap, 50, 30)
    code, found, error = status(environment, "--late", "0")
    assert code == 1
    assert kinds(found) == {"members", "late"}
    assert "no worker is in the consumer group" in error
    waiting, quiet = found["partitions"]
    assert (waiting["lag_records"], quiet["lag_records"]) == (30, 0)
    assert 0 < waiting["lag_seconds"] < 120
    assert found["freshness_seconds"] == waiting["lag_seconds"]
    kafka.kill()
    code, found, error = status(environment)
    assert code == 3
    assert found["members"] is None
    assert found["segments"] == []
    assert "Kafka" in found["away"][0]
