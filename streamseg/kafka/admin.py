"""Topics made and checked, offsets asked, through librdkafka's admin client."""

import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, NewTopic, ResourceType

from streamseg.errors import SettingsError
from streamseg.kafka.client_config import client_config
from streamseg.settings import KafkaSettings
from streamseg.topics import INPUT_TOPICS, MEMBERSHIPS, SAMPLES, TOPICS, TopicSpec

TIMEOUT_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 0.25
COORDINATOR_IS_COMING: Final = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
BUILT_IN_CLUSTER: Final = "mockCluster"
"""How the cluster ids of librdkafka's built-in broker begin."""


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """A topic that is not as the table says."""

    topic: str
    setting: str
    wanted: str
    found: str


class TopicAdmin:
    """Asks and changes topics. Every call may raise `SettingsError` when the broker does not answer."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._admin = AdminClient(client_config(kafka))

    def create(self) -> list[str]:
        """Make the topics that are missing; their names."""
        existing = self._partitions()
        missing = [spec for spec in TOPICS if spec.name not in existing]
        made = [
            NewTopic(
                spec.name,
                num_partitions=spec.partitions or self._kafka.partitions,
                replication_factor=self._kafka.replication,
                config=spec.config(),
            )
            for spec in missing
        ]
        for topic, future in (self._admin.create_topics(made) if made else {}).items():
            try:
                future.result(TIMEOUT_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise SettingsError(f"topic {topic} could not be made: {error.args[0].str()}") from None
        self._wait_for({spec.name for spec in missing})
        return [spec.name for spec in missing]

    def _wait_for(self, topics: set[str]) -> None:
        """The controller has made them; a worker started next asks a broker, which may not have heard yet."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while not topics <= self._partitions().keys():
            if time.monotonic() > until:
                raise SettingsError("the topics were made, but the broker does not show them yet")
            time.sleep(RETRY_SECONDS)

    def check(self) -> list[TopicDifference]:
        """What is not as the table says, topic by topic."""
        counts = self._partitions()
        present = [spec for spec in TOPICS if spec.name in counts]
        found = [TopicDifference(spec.name, "topic", "there", "missing") for spec in TOPICS if spec not in present]
        inputs = Counter(counts[spec.name] for spec in present if spec.name in INPUT_TOPICS)
        for spec in present:
            # The setting is for making topics; a shop may have more. What must hold is that the inputs are equal.
            usual = inputs.most_common(1)[0][0] if spec.name in (*INPUT_TOPICS, MEMBERSHIPS) else counts[spec.name]
            wanted = spec.partitions or usual
            if counts[spec.name] != wanted:
                found.append(TopicDifference(spec.name, "partitions", str(wanted), str(counts[spec.name])))
        asked = {spec.name: ConfigResource(ResourceType.TOPIC, spec.name) for spec in present}
        if asked:
            answers = self._admin.describe_configs(list(asked.values()), request_timeout=TIMEOUT_SECONDS)
            for spec in present:
                found += _config_differences(spec, _result(answers[asked[spec.name]]))
        return found

    def topic_ids(self) -> dict[str, tuple[str, int]]:
        """Id and partition count of each input topic; librdkafka's built-in broker knows no ids, they are empty there.

        Raises `SettingsError` when one is missing or the counts are unequal.
        """
        metadata = self._metadata()
        counts = _counts(metadata)
        equal_partitions(counts)
        if str(metadata.cluster_id).startswith(BUILT_IN_CLUSTER):
            return {topic: ("", counts[topic]) for topic in INPUT_TOPICS}
        described = self._admin.describe_topics(TopicCollection(list(INPUT_TOPICS)), request_timeout=TIMEOUT_SECONDS)
        return {topic: (str(_result(future).topic_id), counts[topic]) for topic, future in described.items()}

    def group_lag(self) -> dict[tuple[str, int], int]:
        """Records of the input topics and the samples that the group has not committed yet."""
        counts = self._partitions()
        partitions = [TopicPartition(t, p) for t in (*INPUT_TOPICS, SAMPLES) for p in range(counts.get(t, 0))]
        consumer = Consumer(client_config(self._kafka) | {"group.id": self._kafka.group, "enable.auto.commit": False})
        lag = {}
        try:
            for committed in self._committed(consumer, partitions):
                start, end = consumer.get_watermark_offsets(committed, timeout=TIMEOUT_SECONDS)
                lag[committed.topic, committed.partition] = max(0, end - max(start, committed.offset))
        except KafkaException as error:
            raise SettingsError(f"Kafka did not answer: {error.args[0].str()}") from None
        finally:
            consumer.close()
        return lag

    def _committed(self, consumer: Consumer, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """The group's commits; a broker that has just started is asked again until it knows who coordinates."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while True:
            try:
                committed: list[TopicPartition] = consumer.committed(partitions, timeout=TIMEOUT_SECONDS)
            except KafkaException as error:
                if error.args[0].code() not in COORDINATOR_IS_COMING or time.monotonic() > until:
                    raise
                time.sleep(RETRY_SECONDS)
            else:
                return committed

    def _partitions(self) -> dict[str, int]:
        return _counts(self._metadata())

    def _metadata(self) -> ClusterMetadata:
        try:
            return self._admin.list_topics(timeout=TIMEOUT_SECONDS)
        except KafkaException as error:
            raise SettingsError(f"no answer from Kafka at {self._kafka.bootstrap}: {error.args[0].str()}") from None


def _counts(metadata: ClusterMetadata) -> dict[str, int]:
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def equal_partitions(counts: dict[str, int]) -> int:
    """The partition count of the input topics. Raises `SettingsError` when one is missing or they are unequal."""
    missing = [topic for topic in INPUT_TOPICS if topic not in counts]
    if missing:
        raise SettingsError(f"topic {missing[0]} is missing: run `streamseg topics create` before the workers")
    of = {topic: counts[topic] for topic in INPUT_TOPICS}
    if len(set(of.values())) > 1:
        told = ", ".join(f"{topic} {count}" for topic, count in of.items())
        raise SettingsError(f"the input topics have unequal partition counts ({told}): a customer would be split")
    if counts.get(MEMBERSHIPS, of[INPUT_TOPICS[0]]) != of[INPUT_TOPICS[0]]:
        raise SettingsError(
            f"{MEMBERSHIPS} has {counts[MEMBERSHIPS]} partitions and the input topics {of[INPUT_TOPICS[0]]}: "
            "grow it to as many, a partition's changes are announced under its own number"
        )
    return of[INPUT_TOPICS[0]]


def _config_differences(spec: TopicSpec, entries: dict[str, Any]) -> list[TopicDifference]:
    return [
        TopicDifference(spec.name, name, wanted, entries[name].value)
        for name, wanted in spec.config().items()
        if name in entries and entries[name].value != wanted
    ]


def _result(future: "Future[Any]") -> Any:
    ask: Callable[[float], Any] = future.result
    try:
        return ask(TIMEOUT_SECONDS)
    except KafkaException as error:
        raise SettingsError(f"Kafka did not answer: {error.args[0].str()}") from None
    except TimeoutError:
        raise SettingsError("Kafka did not answer in time") from None


def describe_differences(differences: Sequence[TopicDifference]) -> list[str]:
    """One line per difference, for people."""
    return [f"{one.topic}: {one.setting} is {one.found}, wanted {one.wanted}" for one in differences]
