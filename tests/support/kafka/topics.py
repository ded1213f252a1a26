"""Deletes and recreates topics, and waits until the broker shows it."""

import time
from collections.abc import Collection, Sequence

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient, NewTopic

from streamseg.topics import TOPICS

TIMEOUT_SECONDS = 30.0
OURS = frozenset(spec.name for spec in TOPICS)


def delete_topics(bootstrap: str, names: Collection[str] = OURS) -> None:
    """Delete these topics; return when the broker shows none of them."""
    admin = _admin(bootstrap)
    wanted = set(names)
    there = [topic for topic in admin.list_topics(timeout=TIMEOUT_SECONDS).topics if topic in wanted]
    if there:
        for future in admin.delete_topics(there, operation_timeout=TIMEOUT_SECONDS).values():
            future.result(TIMEOUT_SECONDS)
        _wait(admin, dict.fromkeys(wanted, 0))


def remake_topics(bootstrap: str, partitions: int, names: Collection[str] = OURS) -> None:
    """Delete and create these topics; return when the broker shows each partition with a leader."""
    delete_topics(bootstrap, names)
    admin = _admin(bootstrap)
    made = [
        NewTopic(spec.name, num_partitions=spec.partitions or partitions, replication_factor=1, config=spec.config())
        for spec in TOPICS
        if spec.name in names
    ]
    for future in admin.create_topics(made, operation_timeout=TIMEOUT_SECONDS).values():
        future.result(TIMEOUT_SECONDS)
    _wait(admin, {topic.topic: topic.num_partitions for topic in made})


def delete_groups(bootstrap: str, groups: Sequence[str]) -> None:
    """Delete the groups with their committed offsets."""
    admin = _admin(bootstrap)  # kept until the end: its futures need it
    for future in admin.delete_consumer_groups(list(groups)).values():
        try:
            future.result(TIMEOUT_SECONDS)
        except KafkaException:
            continue  # it never existed, or its members have not left yet


def _admin(bootstrap: str) -> AdminClient:
    return AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})  # no log lines


def _wait(admin: AdminClient, wanted: dict[str, int]) -> None:
    until = time.monotonic() + TIMEOUT_SECONDS
    while True:
        topics = admin.list_topics(timeout=TIMEOUT_SECONDS).topics
        led = {
            name: sum(partition.leader >= 0 for partition in topics[name].partitions.values()) if name in topics else 0
            for name in wanted
        }
        if led == wanted:
            return
        assert time.monotonic() < until, f"topics are {led}, wanted {wanted}"
        time.sleep(0.05)
