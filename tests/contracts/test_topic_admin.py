"""Topics are created and checked, ids and lag read: on a real broker, and what the demo needs on the embedded one."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewPartitions,
    ResourceType,
)
from pydantic import SecretStr

from streamseg.commands import Invocation, streamseg
from streamseg.embedded import EmbeddedBroker
from streamseg.errors import ServerUnavailableError, SettingsError, StreamsegError
from streamseg.kafka.admin import TopicAdmin
from streamseg.kafka.client_config import client_config
from streamseg.kafka.offsets import group_lag, input_ends
from streamseg.settings import KafkaSettings, load_settings
from streamseg.topics import CLICKS, HISTORY, INPUT_TOPICS, PURCHASES, SAMPLES, TOPICS
from tests.support.kafka.topics import delete_topics

pytestmark = pytest.mark.integration
PARTITIONS = 4


@pytest.fixture
def empty(kafka_bootstrap: str) -> KafkaSettings:
    """A broker without any topic of streamseg."""
    delete_topics(kafka_bootstrap)
    return KafkaSettings(bootstrap=kafka_bootstrap, partitions=PARTITIONS)


@pytest.fixture(params=["kafka", "embedded"])
def kafka(request: pytest.FixtureRequest) -> Iterator[KafkaSettings]:
    """A broker with all topics, four partitions each, and a consumer group for this test."""
    group = f"admin-{uuid.uuid4().hex[:8]}"
    if request.param == "kafka":
        yield KafkaSettings(bootstrap=request.getfixturevalue("make_topics")(PARTITIONS), group=group)
        return
    with EmbeddedBroker() as broker:
        yield KafkaSettings(bootstrap=broker.bootstrap, group=group)


def topics(kafka: KafkaSettings, *arguments: str) -> tuple[int, str, Exception | None]:
    """Run `streamseg topics ...`; return its exit code, stdout, and the error that `main` would print."""
    invocation = Invocation()
    invocation.settings = load_settings(None, kafka=kafka.model_dump())
    group = streamseg.get_command(None, "topics")  # type: ignore[arg-type]  # the group does not use the context
    assert group is not None
    answer = CliRunner().invoke(group, list(arguments), obj=invocation)
    error = answer.exception if isinstance(answer.exception, Exception) else None
    return answer.exit_code, answer.stdout, error


def until_true(met: Callable[[], bool]) -> None:
    """Wait until `met()`: the controller answers before its brokers know."""
    for _ in range(100):
        if met():
            return
        time.sleep(0.1)
    assert met()


def test_create_follows_the_topic_table_and_check_agrees(empty: KafkaSettings) -> None:
    admin = TopicAdmin(empty)
    assert {one.found for one in admin.check()} >= {"missing"}
    assert sorted(admin.create()) == sorted(spec.name for spec in TOPICS)
    assert admin.check() == []
    assert admin.create() == []
    client = AdminClient({"bootstrap.servers": empty.bootstrap})
    made = client.list_topics(timeout=10).topics
    assert {spec.name: len(made[spec.name].partitions) for spec in TOPICS} == {
        spec.name: spec.partitions or PARTITIONS for spec in TOPICS
    }
    asked = ConfigResource(ResourceType.TOPIC, CLICKS)
    config = client.describe_configs([asked])[asked].result(10)
    assert config["message.timestamp.type"].value == "LogAppendTime"
    assert config["retention.ms"].value == str(7 * 86_400_000)


def test_check_lists_each_difference(empty: KafkaSettings) -> None:
    TopicAdmin(empty).create()
    client = AdminClient({"bootstrap.servers": empty.bootstrap})
    changed = ConfigResource(
        ResourceType.TOPIC,
        PURCHASES,
        incremental_configs=[ConfigEntry("retention.ms", "1000", incremental_operation=AlterConfigOpType.SET)],
    )
    for future in client.incremental_alter_configs([changed]).values():
        future.result(10)
    for future in client.create_partitions([NewPartitions(SAMPLES, 3)]).values():
        future.result(10)

    until_true(
        lambda: (
            {(one.topic, one.setting, one.wanted, one.found) for one in TopicAdmin(empty).check()}
            == {(PURCHASES, "retention.ms", str(28 * 86_400_000), "1000"), (SAMPLES, "partitions", "1", "3")}
        )
    )

    code, printed, error = topics(empty, "check", "--json")
    assert code
    assert isinstance(error, StreamsegError)
    assert {one["topic"] for one in json.loads(printed)["differences"]} == {PURCHASES, SAMPLES}


def test_unequal_partition_counts_are_refused_in_one_line(empty: KafkaSettings) -> None:
    admin = TopicAdmin(empty)
    admin.create()
    client = AdminClient({"bootstrap.servers": empty.bootstrap})
    for future in client.create_partitions([NewPartitions(CLICKS, PARTITIONS + 1)]).values():
        future.result(10)
    until_true(lambda: [(one.topic, one.wanted, one.found) for one in admin.check()] == [(CLICKS, "4", "5")])
    with pytest.raises(SettingsError, match=f"{CLICKS} 5, {PURCHASES} 4") as refused:
        admin.topic_ids()
    assert "\n" not in str(refused.value)


def test_a_missing_topic_is_refused_with_what_to_do(empty: KafkaSettings) -> None:
    with pytest.raises(SettingsError, match="streamseg topics create"):
        TopicAdmin(empty).topic_ids()


def test_a_missing_history_is_refused_with_what_to_do(empty: KafkaSettings) -> None:
    """Issue 13, item 26: a worker of this release could deliver no change to a broker of the release before."""
    admin = TopicAdmin(empty)
    admin.create()
    client = AdminClient({"bootstrap.servers": empty.bootstrap})
    client.delete_topics([HISTORY])[HISTORY].result(10)
    until_true(lambda: HISTORY not in client.list_topics(timeout=10).topics)
    with pytest.raises(SettingsError, match=f"{HISTORY} is missing: run `streamseg topics create`"):
        admin.topic_ids()
    assert admin.create() == [HISTORY]
    assert set(admin.topic_ids()) == set(INPUT_TOPICS)


def test_a_recreated_topic_has_another_id(make_topics: Callable[[int], str]) -> None:
    admin = TopicAdmin(KafkaSettings(bootstrap=make_topics(PARTITIONS)))
    before = admin.topic_ids()
    make_topics(PARTITIONS)
    after = admin.topic_ids()
    assert set(before) == set(after) == set(INPUT_TOPICS)
    assert len({*before.values(), *after.values()}) == 2 * len(INPUT_TOPICS)


def test_partition_counts_come_with_the_ids(kafka: KafkaSettings) -> None:
    assert {topic: count for topic, (_, count) in TopicAdmin(kafka).topic_ids().items()} == dict.fromkeys(
        INPUT_TOPICS, PARTITIONS
    )


def test_lag_is_what_the_group_has_not_committed(kafka: KafkaSettings) -> None:
    producer = Producer({"bootstrap.servers": kafka.bootstrap, "log_level": 3})
    for number in range(10):
        producer.produce(CLICKS, value=b"%d" % number, partition=1)
    assert producer.flush(20) == 0
    assert {tp: records for tp, records in group_lag(kafka).items() if records} == {(CLICKS, 1): 10}

    consumer = Consumer({"bootstrap.servers": kafka.bootstrap, "group.id": kafka.group, "log_level": 3})
    consumer.commit(offsets=[TopicPartition(CLICKS, 1, 7)], asynchronous=False)
    consumer.close()
    lag = group_lag(kafka)
    assert {tp: records for tp, records in lag.items() if records} == {(CLICKS, 1): 3}
    assert set(INPUT_TOPICS) <= {topic for topic, _ in lag}

    ends = input_ends(kafka)
    assert {place: end for place, end in ends.items() if end} == {(CLICKS, 1): 10}
    producer.produce(CLICKS, value=b"later", partition=1)
    assert producer.flush(20) == 0
    assert group_lag(kafka)[CLICKS, 1] == 4
    assert group_lag(kafka, ends)[CLICKS, 1] == 3


def test_records_removed_by_retention_are_no_lag(make_topics: Callable[[int], str], group: str) -> None:
    bootstrap = make_topics(1)
    producer = Producer({"bootstrap.servers": bootstrap})
    for number in range(10):
        producer.produce(CLICKS, value=b"%d" % number)
    assert producer.flush(20) == 0
    client = AdminClient({"bootstrap.servers": bootstrap})
    for future in client.delete_records([TopicPartition(CLICKS, 0, 6)]).values():
        future.result(10)
    assert group_lag(KafkaSettings(bootstrap=bootstrap, group=group))[CLICKS, 0] == 4


def test_commands_print_text_or_json(empty: KafkaSettings) -> None:
    code, printed, _ = topics(empty, "create", "--json")
    assert code == 0
    assert sorted(json.loads(printed)["created"]) == sorted(spec.name for spec in TOPICS)
    assert topics(empty, "create")[:2] == (0, "all topics exist already\n")
    assert topics(empty, "check")[:2] == (0, "no differences\n")


def test_an_absent_broker_is_an_error_of_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.kafka.admin.TIMEOUT_SECONDS", 0.5)
    monkeypatch.setattr("streamseg.kafka.admin.SILENT_SECONDS", 0.2)
    with pytest.raises(ServerUnavailableError, match=r"127\.0\.0\.1:1") as refused:
        TopicAdmin(KafkaSettings(bootstrap="127.0.0.1:1")).create()
    assert "\n" not in str(refused.value)


def test_security_settings_reach_the_client() -> None:
    config = client_config(
        KafkaSettings(
            bootstrap="k:9093",
            security_protocol="SASL_SSL",
            sasl_mechanism="SCRAM-SHA-512",
            sasl_username="shop",
            sasl_password=SecretStr("s3cret"),
            ssl_ca_file=Path("ca.pem"),
        )
    )
    assert (
        config.items()
        >= {
            "bootstrap.servers": "k:9093",
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": "shop",
            "sasl.password": "s3cret",
            "ssl.ca.location": "ca.pem",
        }.items()
    )
