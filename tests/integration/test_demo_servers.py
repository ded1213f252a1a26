"""Issue 13, item 22: the demo and `simulate` never mix FitGear into a live shop."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import redis
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from streamseg.topics import CLICKS, MEMBERSHIPS, TOPICS
from tests.support.processes import worker

pytestmark = pytest.mark.integration


def command(environment: Mapping[str, str], *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "streamseg.commands", *arguments],
        env=os.environ | dict(environment),
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def produce(bootstrap: str, topic: str, key: str) -> None:
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, key=key, value=b"{}")
    assert producer.flush(20) == 0


def records(bootstrap: str) -> int:
    """Number of records ever written to the clicks."""
    admin = AdminClient({"bootstrap.servers": bootstrap})
    partitions = admin.list_topics(CLICKS, 10).topics[CLICKS].partitions
    asked = {TopicPartition(CLICKS, one): OffsetSpec.latest() for one in partitions}
    return sum(found.result(30).offset for found in admin.list_offsets(asked).values())


@pytest.fixture
def store(clean_redis: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(clean_redis) as client:
        yield client


@pytest.mark.parametrize("topic", [CLICKS, MEMBERSHIPS])
def test_simulate_is_refused_on_topics_of_a_live_shop(environment: dict[str, str], topic: str) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    produce(bootstrap, topic, "c-81")
    before = records(bootstrap)

    code, _, said = command(environment, "simulate", "--customers", "20", "--days", "2")

    assert code == 2
    assert f"customers who are not FitGear's ({topic}): add --into-live" in said
    assert records(bootstrap) == before
    assert command(environment, "simulate", "--customers", "20", "--days", "2", "--into-live")[0] == 0
    assert records(bootstrap) > before


def test_simulate_goes_on_where_it_was_before(environment: dict[str, str]) -> None:
    for _ in range(2):
        code, _, said = command(environment, "simulate", "--customers", "20", "--days", "2")
        assert code == 0, said


def demo(environment: Mapping[str, str], *further: str) -> tuple[int, str, str]:
    servers = (
        *("--kafka", environment["STREAMSEG_KAFKA__BOOTSTRAP"]),
        *("--redis", environment["STREAMSEG_REDIS__URL"]),
    )
    return command(environment, "demo", *servers, *further)


def test_the_demo_is_refused_on_the_kafka_of_a_live_shop(environment: dict[str, str], store: redis.Redis) -> None:
    produce(environment["STREAMSEG_KAFKA__BOOTSTRAP"], CLICKS, "c-81")

    for further in (("--for", "5s"), ("--remove",)):
        code, _, said = demo(environment, *further)
        assert code == 2
        assert "give the demo a Kafka of its own" in said
    assert store.keys("ssg:*") == []


@pytest.mark.parametrize("key", ["ssg:v1:m:c-81", "ssg:v1:part:{0}", "ssg:v1:keys"])
def test_the_demo_is_refused_on_the_redis_of_a_live_shop(
    environment: dict[str, str], store: redis.Redis, key: str
) -> None:
    store.hset(key, "some", "thing")

    for further in (("--for", "5s"), ("--remove",)):
        code, _, said = demo(environment, *further)
        assert code == 2
        assert "give the demo a Redis of its own" in said
    assert store.keys("ssg:*") == [key.encode()]


def test_a_live_shop_after_a_demo_on_the_same_redis_is_seen(environment: dict[str, str], store: redis.Redis) -> None:
    store.set("ssg:v1:demo", "1")
    store.set("ssg:v1:m:fg-000001", "{}")
    store.set("ssg:v1:m:c-81", "{}")

    assert demo(environment, "--for", "5s")[0] == 2


def test_the_demo_takes_no_partitions_of_a_running_worker(
    environment: dict[str, str], store: redis.Redis, tmp_path: Path
) -> None:
    log, kafka = tmp_path / "worker.log", environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    with worker(environment, log):
        from tests.support.processes import members, until

        until(lambda: bool(members(environment)), "in the group")
        code, _, said = command(environment, "demo", "--kafka", kafka, "--for", "5s")

    assert code == 2
    assert "a worker is running on Kafka" in said
    assert store.exists("ssg:v1:demo") == 0


def test_a_demo_can_be_repeated_and_removed(environment: dict[str, str], store: redis.Redis) -> None:
    group = environment["STREAMSEG_KAFKA__GROUP"]
    admin = AdminClient({"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"]})
    for _ in range(2):
        code, printed, said = demo(environment, "--for", "12s", "--customers", "100", "--days", "60", "--json")
        assert code == 0, said
        assert json.loads(printed)["events"] > 0
    groups = {one.group_id for one in admin.list_consumer_groups().result(10).valid}
    assert f"{group}-demo" in groups
    assert group not in groups

    code, printed, said = demo(environment, "--remove", "--json")

    assert code == 0, said
    assert json.loads(printed)["topics"] == len(TOPICS)
    assert store.keys("ssg:*") == []
    assert {spec.name for spec in TOPICS} & admin.list_topics(timeout=10).topics.keys() == set()


@pytest.mark.parametrize("speed", ["quick", "0x", "-1", "nan"])
def test_a_speed_that_is_none_is_refused_at_once(speed: str) -> None:
    """Issue 13, item 24: `demo --speed quick` hung."""
    code, _, said = command({}, "demo", "--speed", speed)

    assert code == 2
    assert "is neither max nor a multiple such as 100x" in said
