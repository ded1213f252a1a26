"""The commands verify, dead-letters and rebuild, beside workers on real Kafka and Redis."""

import asyncio
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import redis
from confluent_kafka import OFFSET_END, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions

from streamseg.kafka.partitioner import partition_of
from streamseg.repair.stored_rows import copy_partition
from streamseg.sources.fitgear import FitGear
from streamseg.store import key_names as keys
from streamseg.topics import CLICKS, INPUT_TOPICS, MEMBERSHIPS
from streamseg.wiring.stores import stores
from tests.support.processes import (
    refused,
    run,
    send,
    settings_of,
    stored_rows,
    until,
    until_absorbed,
    worker,
)
from tests.support.reference_rows import assert_same, single_pass

pytestmark = pytest.mark.integration

PARTITIONS = 2
GOOD = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}


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
    report = run(environment, "simulate", "--customers", "120", "--days", "10", "--seed", str(seed), "--wait")
    return int(report["events"])


def test_verify_finds_no_difference_until_a_membership_is_deleted(environment: dict[str, str], tmp_path: Path) -> None:
    with worker(environment, tmp_path / "worker.log"):
        sent = simulate(environment, 1)
        whole = run(environment, "verify")
        assert whole == {"customers": whole["customers"], "events": sent} | GOOD
        assert whole["customers"] > 50

        admin = AdminClient({"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"]})
        beginnings = [TopicPartition(CLICKS, number, 100) for number in range(PARTITIONS)]
        for gone in admin.delete_records(beginnings).values():
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


def test_dead_letters_are_listed_and_sent_again_once(environment: dict[str, str], tmp_path: Path) -> None:
    producer = Producer(
        {"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"], "partitioner": "murmur2_random"}
    )
    for number in range(5):
        producer.produce(CLICKS, key=f"c-{number}", value=b"not json")
    assert producer.flush(30) == 0
    with worker(environment, tmp_path / "worker.log"):
        until_absorbed(environment)
        listed = run(environment, "dead-letters", "list", "--limit", "2")
        assert listed["reasons"] == [{"topic": CLICKS, "reason": "not_json", "count": 5}]
        assert len(listed["latest"]) == 2
        assert run(environment, "dead-letters", "redrive", "--reason", "schema") == {"redriven": 0, "chosen": 0}
        assert run(environment, "dead-letters", "redrive") == {"redriven": 5, "chosen": 5}
        noted = [(one["action"], one["after"]) for one in run(environment, "audit")["changes"]]
        assert noted == [("redrive", {"topic": None, "reason": reason}) for reason in ("schema", None)]
        until_absorbed(environment)
        again = run(environment, "dead-letters", "list")
    places = {(one["partition"], one["offset"]) for one in listed["latest"]}
    assert again["count"] == 5  # still not JSON: rejected again, with new offsets
    assert not places & {(one["partition"], one["offset"]) for one in again["latest"]}


def test_rebuild_lets_workers_start_with_a_changed_layout(environment: dict[str, str], tmp_path: Path) -> None:
    with worker(environment, tmp_path / "worker.log"):
        simulate(environment, 2)
    with redis.Redis.from_url(environment["STREAMSEG_REDIS__URL"]) as client:
        served = {name: client.get(name) for name in client.scan_iter(f"{keys.MEMBERSHIP_PREFIX}*", count=1_000)}
        environment["STREAMSEG_FEATURES__CATEGORIES"] = '["shoes", "yoga"]'
        assert "streamseg rebuild" in refused(environment, tmp_path)

        made = run(environment, "rebuild")
        assert [(one["action"], one["after"]) for one in run(environment, "audit")["changes"]] == [
            ("rebuild", {"partial": False})
        ]

        assert made["customers"] >= len(served)
        assert {name: client.get(name) for name in served} == served
    with worker(environment, tmp_path / "worker.log"):
        simulate(environment, 3)
        found = run(environment, "verify")
    assert found == found | GOOD


def grow(environment: Mapping[str, str], partitions: int) -> None:
    admin = AdminClient({"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"]})
    asked = [NewPartitions(topic, partitions) for topic in (*INPUT_TOPICS, MEMBERSHIPS)]
    for future in admin.create_partitions(asked).values():
        future.result(10)


def outbox_flushes(environment: Mapping[str, str]) -> int:
    """Return the number of flushes that the outboxes still have."""
    with redis.Redis.from_url(environment["STREAMSEG_REDIS__URL"]) as client:
        return sum(client.xlen(keys.outbox(partition)) for partition in range(PARTITIONS))


def places(environment: Mapping[str, str], partitions: int) -> dict[str, int]:
    """Return the partition of each row, and check that no customer has two rows."""

    async def look() -> dict[str, int]:
        found: dict[str, int] = {}
        async with stores(settings_of(environment)) as (state, _, _):
            for partition in range(partitions):
                for customer in (await copy_partition(state, partition)).rows:
                    assert customer not in found
                    found[customer] = partition
        return found

    return asyncio.run(look())


@pytest.mark.parametrize("grown", [3, 4])
def test_rebuild_moves_rows_to_their_new_partitions_after_topics_were_grown(
    environment: dict[str, str], tmp_path: Path, grown: int
) -> None:
    environment["STREAMSEG_REDIS__FAILOVER_MARGIN_SECONDS"] = "0.5"  # nothing is delivered again by who takes over
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    events = list(FitGear(150, 30, 9, ends_at=time.time()))
    middle = len(events) // 2
    with worker(environment, tmp_path / "worker.log"):
        send(bootstrap, events[:middle])
        until_absorbed(environment)
        until(lambda: "first at inertia" in (tmp_path / "worker.log").read_text(), "warm")
        time.sleep(2.0)
        until(lambda: outbox_flushes(environment) == 0, "delivered, and the outbox trimmed")
    before = places(environment, PARTITIONS)
    grow(environment, grown)
    assert f"had {PARTITIONS} partitions when its rows were written and has {grown} now" in refused(
        environment, tmp_path
    )
    with redis.Redis.from_url(environment["STREAMSEG_REDIS__URL"]) as client:
        served = {name: client.get(name) for name in client.scan_iter(f"{keys.MEMBERSHIP_PREFIX}*", count=1_000)}
        gaps: list[bytes] = []
        over = threading.Event()

        def ask() -> None:
            while not over.is_set():
                gaps.extend(name for name, string in zip(served, client.mget(list(served)), strict=True) if not string)

        asking = threading.Thread(target=ask)
        asking.start()
        try:
            made = run(environment, "rebuild")
            with worker(environment, tmp_path / "grown.log"):
                send(bootstrap, events[middle:])
                until_absorbed(environment)
                found = run(environment, "verify", "--window", "0.5")
        finally:
            over.set()
            asking.join()

    after = places(environment, grown)
    assert served
    assert gaps == []
    assert made["customers"] == len(before)
    assert after.keys() >= before.keys()
    assert all(partition == partition_of(customer, grown) for customer, partition in after.items())
    assert any(after[customer] != partition for customer, partition in before.items())
    assert found == found | GOOD | {"customers": len(after)}
    assert_same(stored_rows(environment), single_pass(environment, events))


def test_records_that_retention_removed_before_they_were_read_are_logged(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    clicks = [event for event in FitGear(50, 10, 3, ends_at=time.time()) if event.topic == CLICKS][:300]
    with worker(environment, tmp_path / "worker.log"):
        send(bootstrap, clicks[:100])
        until_absorbed(environment)
    send(bootstrap, clicks[100:200])
    admin = AdminClient({"bootstrap.servers": bootstrap})
    everything = [TopicPartition(CLICKS, number, OFFSET_END) for number in range(PARTITIONS)]
    for gone in admin.delete_records(everything).values():
        gone.result(10)
    with worker(environment, tmp_path / "late.log"):
        send(bootstrap, clicks[200:])
        until_absorbed(environment)
    assert "are no longer in the log" in (tmp_path / "late.log").read_text()
    rows = stored_rows(environment)
    assert int(rows.events[rows.slots_of(list(rows.slots))].sum()) == 200


def test_a_topic_that_was_created_again_is_refused(
    environment: dict[str, str], make_topics: Callable[[int], str], tmp_path: Path
) -> None:
    with worker(environment, tmp_path / "worker.log"):
        simulate(environment, 4)
    make_topics(PARTITIONS)
    assert "was created again since its rows were written" in refused(environment, tmp_path)


def test_a_redis_that_evicts_keys_is_refused(environment: dict[str, str], tmp_path: Path) -> None:
    with redis.Redis.from_url(environment["STREAMSEG_REDIS__URL"]) as client:
        client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            assert "set maxmemory-policy to noeviction" in refused(environment, tmp_path)
        finally:
            client.config_set("maxmemory-policy", "noeviction")
