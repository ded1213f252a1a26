"""Reads what `streamseg status` shows of Kafka: members of the group, lag with its age, dead letters."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, MemberDescription, OffsetSpec

from streamseg.errors import ServerUnavailableError
from streamseg.kafka.admin import NO_GROUP, TopicAdmin
from streamseg.kafka.client_config import client_config
from streamseg.kafka.offsets import committed_offsets
from streamseg.ports import GroupMember, KafkaView, TopicLag
from streamseg.settings import KafkaSettings
from streamseg.time_units import HOUR_SECONDS
from streamseg.topics import CLICKS, DEAD_LETTERS, INPUT_TOPICS, SAMPLES, SAMPLES_PARTITION

TIMEOUT_SECONDS: Final = 15.0
OLDEST_SECONDS: Final = 3.0
"""How long to read for the first records that wait; the age of the others is unknown."""
FETCHED_BYTES: Final = 16_384
"""Of a partition at once; only its first record is wanted."""


def read_kafka_view(kafka: KafkaSettings) -> KafkaView:
    """Ask the brokers. Blocks; raises `ServerUnavailableError`, and `SettingsError` when a topic is missing."""
    counts = TopicAdmin(kafka).partition_counts()
    inputs = [(topic, number) for topic in INPUT_TOPICS for number in range(counts.get(topic, 0))]
    letters = [(DEAD_LETTERS, number) for number in range(counts.get(DEAD_LETTERS, 0))]
    samples = [(SAMPLES, SAMPLES_PARTITION)] if SAMPLES in counts else []
    admin = AdminClient(client_config(kafka))
    try:
        first = _offsets(admin, [*inputs, *samples, *letters], OffsetSpec.earliest())
        ends = _offsets(admin, [*inputs, *samples, *letters], OffsetSpec.latest())
        hour_ago = _offsets(admin, [*inputs, *letters], OffsetSpec.for_timestamp(_milliseconds(HOUR_SECONDS)))
        members = _members(admin, kafka.group)
        lags = _lags(kafka, [*inputs, *samples], first, ends)
    except KafkaException as error:
        raise ServerUnavailableError(f"Kafka did not answer: {error.args[0].str()}") from None
    except TimeoutError:
        raise ServerUnavailableError("Kafka did not answer in time") from None

    def in_hour(places: Sequence[tuple[str, int]]) -> int:
        """Without a record since, Kafka gives no offset (-1)."""
        return sum(ends[place] - hour_ago[place] for place in places if hour_ago[place] >= 0)

    return KafkaView(
        members=tuple(members),
        partitions=counts.get(CLICKS, 0),
        lags=tuple(lags),
        dead_letters=sum(ends[place] - first[place] for place in letters),
        dead_letters_in_hour=in_hour(letters),
        records_in_hour=in_hour(inputs),
    )


def _milliseconds(seconds_ago: float) -> int:
    return int((time.time() - seconds_ago) * 1000)


def _offsets(admin: AdminClient, places: Sequence[tuple[str, int]], spec: OffsetSpec) -> dict[tuple[str, int], int]:
    if not places:
        return {}
    asked = admin.list_offsets({TopicPartition(*place): spec for place in places}, request_timeout=TIMEOUT_SECONDS)
    return {(one.topic, one.partition): int(found.result(TIMEOUT_SECONDS).offset) for one, found in asked.items()}


def _members(admin: AdminClient, group: str) -> list[GroupMember]:
    described = admin.describe_consumer_groups([group], request_timeout=TIMEOUT_SECONDS)[group]
    try:
        found = described.result(TIMEOUT_SECONDS).members
    except KafkaException as error:
        if error.args[0].code() in NO_GROUP:
            return []
        raise
    return sorted(map(_member, found), key=lambda one: (one.partitions[:1], one.name))


def _member(one: MemberDescription) -> GroupMember:
    held = [(place.topic, place.partition) for place in one.assignment.topic_partitions]
    return GroupMember(
        name=str(one.group_instance_id or one.member_id),
        host=str(one.host).lstrip("/"),
        partitions=tuple(sorted({number for topic, number in held if topic in INPUT_TOPICS})),
        trains=(SAMPLES, SAMPLES_PARTITION) in held,
    )


def _lags(
    kafka: KafkaSettings,
    places: Sequence[tuple[str, int]],
    first: Mapping[tuple[str, int], int],
    ends: Mapping[tuple[str, int], int],
) -> list[TopicLag]:
    consumer = Consumer(
        client_config(kafka)
        | {
            "group.id": kafka.group,
            "enable.auto.commit": False,
            "auto.offset.reset": "earliest",
            "isolation.level": kafka.isolation_level,
            "fetch.message.max.bytes": FETCHED_BYTES,
            "queued.min.messages": 1,
        }
    )
    try:
        asked = [TopicPartition(*place) for place in places]
        committed = {(one.topic, one.partition): int(one.offset) for one in committed_offsets(consumer, asked)}
        starts = {place: max(first[place], committed[place]) for place in places}
        behind = {place: start for place, start in starts.items() if start < ends[place]}
        oldest = _first_times(consumer, behind)
    finally:
        consumer.close()
    return [TopicLag(*place, max(0, ends[place] - starts[place]), oldest.get(place)) for place in places]


def _first_times(
    consumer: Consumer, starts: Mapping[tuple[str, int], int], clock: Callable[[], float] = time.monotonic
) -> dict[tuple[str, int], float]:
    """Return when Kafka got the first record at or after each offset, epoch seconds, as far as they come in time."""
    found: dict[tuple[str, int], float] = {}
    if not starts:
        return found
    consumer.assign([TopicPartition(*place, offset) for place, offset in starts.items()])
    until = clock() + OLDEST_SECONDS
    while len(found) < len(starts) and clock() < until:
        message: Any = consumer.poll(0.2)
        if message is None or message.error() is not None:
            continue
        place = message.topic(), message.partition()
        if place not in found:
            found[place] = message.timestamp()[1] / 1000.0
            consumer.pause([TopicPartition(*place)])
    return found
