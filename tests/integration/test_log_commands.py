"""verify, dead-letters and rebuild as a person runs them, on real Kafka and Redis."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import redis
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streamseg.store import keys
from streamseg.topics import CLICKS
from tests.support.processes import run, start_worker, until_absorbed, worker

pytestmark = pytest.mark.integration

PARTITIONS = 2
GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0}


@pytest.fixture
def environment(make_topics: Callable[[int], str], clean_redis: str, group: str) -> dict[str, str]:
    return {
        "STREAMSEG_KAFKA__BOOTSTRAP": make_topics(PARTITIONS),
        "STREAMSEG_KAFKA__GROUP": group,
        "STREAMSEG_REDIS__URL": clean_redis,
        "STREAMSEG_CLOCK": "event",
        "STREAMSEG_WORKER__METRICS_PORT": "0",
    }


def simulate(environment: Mapping[str, str], seed: int) -> int:
    told = run(environment, "simulate", "--customers", "120", "--days", "10", "--seed", str(seed), "--wait")
    return int(told["events"])


def refused(environment: Mapping[str, str], tmp_path: Path) -> str:
    """The line with which a worker ends at its start, or at its first look at the store."""
    process = start_worker(environment, tmp_path / "refused.log")
    try:
        assert process.wait(60) in {1, 2}
    finally:
        process.kill()
    return (tmp_path / "refused.log").read_text().strip().splitlines()[-1]


def test_the_store_is_what_the_log_says_until_somebody_meddles(environment: dict[str, str], tmp_path: Path) -> None:
    with worker(environment, tmp_path / "worker.log"):
        sent = simulate(environment, 1)
        whole = run(environment, "verify")
        assert whole == whole | GOOD | {"events": sent}
        assert whole["customers"] > 50

        admin = AdminClient({"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"]})
        places = [TopicPartition(CLICKS, number, 100) for number in range(PARTITIONS)]
        for gone in admin.delete_records(places).values():
            gone.result(10)
        window = run(environment, "verify", "--window", "0.5")
        assert window == window | GOOD | {"customers": whole["customers"]}

    with redis.Redis.from_url(environment["STREAMSEG_REDIS__URL"]) as client:
        string = next(client.scan_iter(f"{keys.MEMBERSHIP_PREFIX}*", count=1_000))
        client.delete(string)
    done = subprocess.run(
        [sys.executable, "-m", "streamseg.commands", "verify", "--window", "0", "--json"],
        env=os.environ | environment, capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert b'"changes_missing": 1' in done.stdout


def test_dead_letters_are_told_and_sent_in_again_once(environment: dict[str, str], tmp_path: Path) -> None:
    producer = Producer(
        {"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"], "partitioner": "murmur2_random"}
    )
    for number in range(5):
        producer.produce(CLICKS, key=f"c-{number}", value=b"not json")
    assert producer.flush(30) == 0
    with worker(environment, tmp_path / "worker.log"):
        until_absorbed(environment)
        told = run(environment, "dead-letters", "list", "--limit", "2")
        assert told["reasons"] == [{"topic": CLICKS, "reason": "not_json", "count": 5}]
        assert len(told["latest"]) == 2
        assert run(environment, "dead-letters", "redrive", "--reason", "schema") == {"redriven": 0, "chosen": 0}
        assert run(environment, "dead-letters", "redrive") == {"redriven": 5, "chosen": 5}
        until_absorbed(environment)
        again = run(environment, "dead-letters", "list")
    places = {(one["partition"], one["offset"]) for one in told["latest"]}
    assert again["count"] == 5  # still no JSON: rejected again, under their new offsets
    assert not places & {(one["partition"], one["offset"]) for one in again["latest"]}


def test_a_changed_layout_needs_a_rebuild_and_gets_one(environment: dict[str, str], tmp_path: Path) -> None:
    with worker(environment, tmp_path / "worker.log"):
        simulate(environment, 2)
    with redis.Redis.from_url(environment["STREAMSEG_REDIS__URL"]) as client:
        served = {name: client.get(name) for name in client.scan_iter(f"{keys.MEMBERSHIP_PREFIX}*", count=1_000)}
        environment["STREAMSEG_FEATURES__CATEGORIES"] = '["shoes", "yoga"]'
        assert "streamseg rebuild" in refused(environment, tmp_path)

        made = run(environment, "rebuild")

        assert made["customers"] >= len(served)
        assert {name: client.get(name) for name in served} == served
    with worker(environment, tmp_path / "worker.log"):
        simulate(environment, 3)
        found = run(environment, "verify")
    assert found == found | GOOD


def test_a_topic_made_anew_is_refused(
    environment: dict[str, str], make_topics: Callable[[int], str], tmp_path: Path
) -> None:
    with worker(environment, tmp_path / "worker.log"):
        simulate(environment, 4)
    make_topics(PARTITIONS)
    assert "was made anew since its rows were written" in refused(environment, tmp_path)


def test_a_redis_that_drops_rows_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    with redis.Redis.from_url(environment["STREAMSEG_REDIS__URL"]) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "set maxmemory-policy to noeviction" in refused(environment, tmp_path)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
