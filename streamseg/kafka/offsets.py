"""Reads where topics end and how far the group has come, through a consumer that joins no group."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streamseg.errors import ServerUnavailableError
from streamseg.kafka.admin import NO_COORDINATOR_YET, RETRY_SECONDS, TIMEOUT_SECONDS, TopicAdmin
from streamseg.kafka.client_config import client_config
from streamseg.settings import KafkaSettings
from streamseg.topics import INPUT_TOPICS, SAMPLES

NO_ENDS: Final[Mapping[tuple[str, int], int]] = {}
NO_LEADER_YET: Final = (KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE)


def input_ends(kafka: KafkaSettings) -> dict[tuple[str, int], int]:
    """Return the next offset to be written of each partition of the input topics.

    Raises `ServerUnavailableError`, as all functions here that take settings.
    """
    counts = TopicAdmin(kafka).partition_counts()
    with _asking(kafka) as consumer:
        return {
            (topic, partition): _watermarks(consumer, TopicPartition(topic, partition))[1]
            for topic in INPUT_TOPICS
            for partition in range(counts.get(topic, 0))
        }


def group_lag(kafka: KafkaSettings, ends: Mapping[tuple[str, int], int] = NO_ENDS) -> dict[tuple[str, int], int]:
    """Return the number of uncommitted records of each partition of the input topics and the samples.

    Records at or after `ends`, by (topic, partition), do not count.
    """
    counts = TopicAdmin(kafka).partition_counts()
    partitions = [TopicPartition(t, p) for t in (*INPUT_TOPICS, SAMPLES) for p in range(counts.get(t, 0))]
    lag = {}
    with _asking(kafka) as consumer:
        for committed in committed_offsets(consumer, partitions):
            start, end = _watermarks(consumer, committed)
            place = committed.topic, committed.partition
            lag[place] = max(0, min(end, ends.get(place, end)) - max(start, committed.offset))
    return lag


@contextmanager
def _asking(kafka: KafkaSettings) -> Iterator[Consumer]:
    consumer = Consumer(client_config(kafka) | {"group.id": kafka.group, "enable.auto.commit": False})
    try:
        yield consumer
    except KafkaException as error:
        raise ServerUnavailableError(f"Kafka did not answer: {error.args[0].str()}") from None
    finally:
        consumer.close()


def committed_offsets(consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
    """Return the group's commits; retry while a broker that has just started has no group coordinator."""
    until = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            committed: list[TopicPartition] = consumer.committed(partitions, timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            if error.args[0].code() not in NO_COORDINATOR_YET or time.monotonic() > until:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return committed


def _watermarks(consumer: Consumer, place: TopicPartition) -> tuple[int, int]:
    """Return the first offset kept and the next one; retry while topics that were just made have no leader."""
    until = time.monotonic() + TIMEOUT_SECONDS
    while True:
        try:
            start, end = consumer.get_watermark_offsets(place, timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            if error.args[0].code() not in NO_LEADER_YET or time.monotonic() > until:
                raise
            time.sleep(RETRY_SECONDS)
        else:
            return int(start), int(end)
