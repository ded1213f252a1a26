"""Creates and checks topics and reads their ids, through librdkafka's admin client."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, NewTopic, ResourceType

from streamseg.errors import ServerUnavailableError, SettingsError
from streamseg.kafka.client_config import AWAY, client_config
from streamseg.settings import KafkaSettings
from streamseg.topics import HISTORY, INPUT_TOPICS, MEMBERSHIPS, TOPICS, TopicSpec

TIMEOUT_SECONDS: Final = 15.0
SILENT_SECONDS: Final = 2.0
"""Time without an answer after which a line says that we wait."""
RETRY_SECONDS: Final = 0.25
NO_COORDINATOR_YET: Final = (
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
)
NO_GROUP: Final = (*NO_COORDINATOR_YET, KafkaError.GROUP_ID_NOT_FOUND)
REFUSALS: Final = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001  librdkafka's own codes start with an underscore
"""Codes of a broker that refuses our login or certificate, or whose certificate we do not trust."""
BUILT_IN_CLUSTER: Final = "mockCluster"
"""Prefix of the cluster ids of librdkafka's built-in broker."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopicDifference:
    """A setting of a topic that differs from `streamseg.topics`."""

    topic: str
    setting: str
    wanted: str
    found: str


class TopicAdmin:
    """Creates and describes topics. Calls block, and raise `ServerUnavailableError` when the broker does not answer."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._refusal: KafkaError | None = None
        self._admin = AdminClient(client_config(kafka) | {"error_cb": self._note})

    def _note(self, error: KafkaError) -> None:
        """Keep why a broker refuses the connection: later errors only say that none is up."""
        if error.code() in REFUSALS:
            self._refusal = error

    def create(self) -> list[str]:
        """Create the missing topics; return their names once the broker shows them."""
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
                    raise _created_error(topic, error.args[0]) from None
        self._wait_for({spec.name for spec in missing})
        return [spec.name for spec in missing]

    def _wait_for(self, topics: set[str]) -> None:
        """Wait until the broker shows the topics: a worker started next would not see them otherwise."""
        until = time.monotonic() + TIMEOUT_SECONDS
        while not topics <= self._partitions().keys():
            if time.monotonic() > until:
                raise ServerUnavailableError("the topics were created, but the broker does not show them yet")
            time.sleep(RETRY_SECONDS)

    def check(self) -> list[TopicDifference]:
        """Return every difference from `streamseg.topics`."""
        counts = self._partitions()
        present = [spec for spec in TOPICS if spec.name in counts]
        found = [TopicDifference(spec.name, "topic", "there", "missing") for spec in TOPICS if spec not in present]
        inputs = Counter(counts[spec.name] for spec in present if spec.name in INPUT_TOPICS)
        for spec in present:
            # The partition setting only applies to creation: a shop may add some later, but to all inputs alike.
            usual = inputs.most_common(1)[0][0] if spec.name in (*INPUT_TOPICS, MEMBERSHIPS) else counts[spec.name]
            wanted = spec.partitions or usual
            if counts[spec.name] != wanted:
                found.append(TopicDifference(spec.name, "partitions", str(wanted), str(counts[spec.name])))
        resources = {spec.name: ConfigResource(ResourceType.TOPIC, spec.name) for spec in present}
        if resources:
            answers = self._admin.describe_configs(list(resources.values()), request_timeout=TIMEOUT_SECONDS)
            for spec in present:
                found += _config_differences(spec, _result(answers[resources[spec.name]]))
        return found

    def topic_ids(self) -> dict[str, tuple[str, int]]:
        """Return (id, partition count) of each input topic. Ids are empty on librdkafka's built-in broker.

        Raises `SettingsError` when one of them or the history is missing, or the counts are unequal.
        """
        metadata = self._metadata()
        counts = _counts(metadata)
        equal_partitions(counts)
        if str(metadata.cluster_id).startswith(BUILT_IN_CLUSTER):
            return {topic: ("", counts[topic]) for topic in INPUT_TOPICS}
        _check_present([HISTORY], counts)  # without it, no change could be delivered
        described = self._admin.describe_topics(TopicCollection(list(INPUT_TOPICS)), request_timeout=TIMEOUT_SECONDS)
        return {topic: (str(_result(future).topic_id), counts[topic]) for topic, future in described.items()}

    def partition_counts(self) -> dict[str, int]:
        """Return the partition count of each of our topics that is there."""
        counts = self._partitions()
        return {spec.name: counts[spec.name] for spec in TOPICS if spec.name in counts}

    def group_has_members(self) -> bool:
        """Return whether workers are in the consumer group."""
        self._metadata()  # says that it waits, and gives up in time
        group = self._kafka.group
        described = self._admin.describe_consumer_groups([group], request_timeout=TIMEOUT_SECONDS)[group]
        try:
            return bool(described.result(TIMEOUT_SECONDS).members)
        except KafkaException as error:
            if error.args[0].code() in NO_GROUP:
                return False
            raise ServerUnavailableError(f"Kafka did not answer: {error.args[0].str()}") from None
        except TimeoutError:
            raise ServerUnavailableError("Kafka did not answer in time") from None

    def check_group(self) -> None:
        """Raise `SettingsError` when Kafka forbids us the consumer group: joining it would wait for ever."""
        if str(self._metadata().cluster_id).startswith(BUILT_IN_CLUSTER):
            return
        group = self._kafka.group
        described = self._admin.describe_consumer_groups([group], request_timeout=TIMEOUT_SECONDS)[group]
        try:
            described.result(TIMEOUT_SECONDS)
        except KafkaException as error:
            if error.args[0].code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
                raise SettingsError(f"Kafka forbids us the consumer group {group}: {error.args[0].str()}") from None
        except TimeoutError:
            raise ServerUnavailableError("Kafka did not answer in time") from None

    def delete(self) -> list[str]:
        """Delete all topics of `streamseg.topics`, and the consumer group. Return the topics that were there."""
        present = list(self.partition_counts())
        deleted = self._admin.delete_topics(present, request_timeout=TIMEOUT_SECONDS) if present else {}
        for future in deleted.values():
            _result(future)
        group = self._admin.delete_consumer_groups([self._kafka.group], request_timeout=TIMEOUT_SECONDS)
        with suppress(KafkaException):  # there is no such group
            group[self._kafka.group].result(TIMEOUT_SECONDS)
        return present

    def _raise_refusal(self) -> None:
        """Raise `SettingsError` if a broker has refused the connection: waiting would not help."""
        self._admin.poll(0)
        if self._refusal is not None:
            reason = self._refusal.str().rpartition("]: ")[2].partition(" (after ")[0]
            raise SettingsError(f"Kafka at {self._kafka.bootstrap} and we do not come together: {reason}")

    def _partitions(self) -> dict[str, int]:
        return _counts(self._metadata())

    def _metadata(self) -> ClusterMetadata:
        address = self._kafka.bootstrap
        try:
            return self._admin.list_topics(timeout=SILENT_SECONDS)
        except KafkaException:
            self._raise_refusal()
            log.warning("Kafka at %s does not answer; waiting up to %g s for it", address, TIMEOUT_SECONDS)
        try:
            return self._admin.list_topics(timeout=TIMEOUT_SECONDS - SILENT_SECONDS)
        except KafkaException as error:
            self._raise_refusal()
            raise ServerUnavailableError(f"no answer from Kafka at {address}: {error.args[0].str()}") from None


def _counts(metadata: ClusterMetadata) -> dict[str, int]:
    return {name: len(topic.partitions) for name, topic in metadata.topics.items()}


def _check_present(topics: Sequence[str], counts: dict[str, int]) -> None:
    missing = [topic for topic in topics if topic not in counts]
    if missing:
        raise SettingsError(f"topic {missing[0]} is missing: run `streamseg topics create` before the workers")


def equal_partitions(counts: dict[str, int]) -> int:
    """Return the partition count of the input topics. Raises `SettingsError` when one is missing or counts differ."""
    _check_present(INPUT_TOPICS, counts)
    if len({counts[topic] for topic in INPUT_TOPICS}) > 1:
        listed = ", ".join(f"{topic} {counts[topic]}" for topic in INPUT_TOPICS)
        raise SettingsError(
            f"the input topics have unequal partition counts ({listed}): give all as many, or customers would be split"
        )
    partitions = counts[INPUT_TOPICS[0]]
    if counts.get(MEMBERSHIPS, partitions) != partitions:
        raise SettingsError(
            f"{MEMBERSHIPS} has {counts[MEMBERSHIPS]} partitions and the input topics {partitions}: "
            "give it as many, changes are published under the number of their partition"
        )
    return partitions


def _config_differences(spec: TopicSpec, entries: dict[str, Any]) -> list[TopicDifference]:
    return [
        TopicDifference(spec.name, name, wanted, entries[name].value)
        for name, wanted in spec.config().items()
        if name in entries and entries[name].value != wanted
    ]


def _result(future: "Future[Any]") -> Any:
    result: Callable[[float], Any] = future.result
    try:
        return result(TIMEOUT_SECONDS)
    except KafkaException as error:
        raise ServerUnavailableError(f"Kafka did not answer: {error.args[0].str()}") from None
    except TimeoutError:
        raise ServerUnavailableError("Kafka did not answer in time") from None


def _created_error(topic: str, error: KafkaError) -> ServerUnavailableError | SettingsError:
    """Kafka refused to create the topic, or did not answer."""
    away = error.retriable() or error.code() in AWAY
    kind = ServerUnavailableError if away else SettingsError
    return kind(f"topic {topic} could not be created: {error.str()}")


def describe_differences(differences: Sequence[TopicDifference]) -> list[str]:
    """Return one line for people per difference."""
    return [f"{one.topic}: {one.setting} is {one.found}, wanted {one.wanted}" for one in differences]
