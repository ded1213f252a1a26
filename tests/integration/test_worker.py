"""Workers as processes on real Kafka and Redis: takeover, co-partitioning, bad records among good ones."""

import random
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streamseg.events.record import MemoryRecord
from streamseg.kafka.partitioner import partition_of
from streamseg.sources.fitgear import FitGear
from streamseg.sources.mutations import mutated_record
from streamseg.topics import CLICKS, DEAD_LETTERS, INPUT_TOPICS, PURCHASES
from streamseg.wiring.derived import derive
from tests.support.processes import members, send, settings_of, start_worker, stored_rows, until, until_absorbed, worker
from tests.support.reference_rows import assert_same, single_pass

pytestmark = pytest.mark.integration


def read_all(bootstrap: str, topic: str) -> list[tuple[bytes | None, bytes | None, dict[str, bytes]]]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "test-reader", "enable.auto.commit": False})
    try:
        parts = [TopicPartition(topic, p) for p in consumer.list_topics(topic, 10).topics[topic].partitions]
        left = sum(consumer.get_watermark_offsets(part, 10)[1] for part in parts)
        consumer.assign([TopicPartition(topic, part.partition, 0) for part in parts])
        found: list[tuple[bytes | None, bytes | None, dict[str, bytes]]] = []
        while len(found) < left:
            for message in consumer.consume(1_000, 1.0):
                assert message.error() is None
                found.append((message.key(), message.value(), dict(message.headers() or ())))
    finally:
        consumer.close()
    return found


def test_a_killed_worker_is_replaced_in_the_middle_and_the_rows_are_those_of_one_pass(
    environment: dict[str, str], tmp_path: Path
) -> None:
    events = list(FitGear(150, 30, 7, ends_at=time.time()))
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    first = start_worker(environment, tmp_path / "first.log")
    try:
        send(bootstrap, events[: len(events) // 3])
        until(lambda: len(stored_rows(environment)) > 0, "at work")
        send(bootstrap, events[len(events) // 3 : 2 * len(events) // 3])
    finally:
        first.kill()
        first.wait()
    with worker(environment, tmp_path / "second.log"):
        send(bootstrap, events[2 * len(events) // 3 :])
        until_absorbed(environment)

    assert_same(stored_rows(environment), single_pass(environment, events))


def test_with_three_workers_clicks_and_purchases_of_a_customer_meet(
    environment: dict[str, str], tmp_path: Path
) -> None:
    with (
        worker(environment, tmp_path / "1.log"),
        worker(environment, tmp_path / "2.log"),
        worker(environment, tmp_path / "3.log"),
    ):
        until(
            lambda: len(standing := members(environment)) == 3 and all(standing.values()),
            "three members with partitions",
        )
        events = list(FitGear(60, 20, 3, ends_at=time.time()))
        send(environment["STREAMSEG_KAFKA__BOOTSTRAP"], events)
        until_absorbed(environment)
        standing = members(environment).values()

    for member in standing:
        numbers = [{p for topic, p in member if topic == wanted} for wanted in INPUT_TOPICS]
        assert all(one == numbers[0] for one in numbers)
    assert sorted(p for member in standing for topic, p in member if topic == CLICKS) == [0, 1, 2, 3]
    assert_same(stored_rows(environment), single_pass(environment, events))


def test_a_producer_with_librdkafkas_default_partitioner_is_refused_with_the_reason(
    environment: dict[str, str], tmp_path: Path
) -> None:
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    events = [event for event in FitGear(40, 10, 4, ends_at=time.time()) if event.topic in (CLICKS, PURCHASES)][:400]
    settings = settings_of(environment)

    with worker(environment, tmp_path / "worker.log"):
        send(bootstrap, events, partitioner="consistent_random")
        until_absorbed(environment)

    letters = read_all(bootstrap, DEAD_LETTERS)
    assert {headers["__streamseg.errors.reason"] for _, _, headers in letters} == {b"wrong_partition"}
    assert all(b"murmur2" in headers["__streamseg.errors.detail"] for _, _, headers in letters)
    assert {
        partition_of(key.decode(), 4) != int(headers["__streamseg.errors.partition"])
        for key, _, headers in letters
        if key is not None
    } == {True}
    rows = stored_rows(environment)
    counted = int(rows.events[rows.slots_of(list(rows.slots))].sum())
    assert counted + len(letters) == len(events)
    assert counted > 0
    assert settings.kafka.partitioner == "murmur2"


def test_among_ten_thousand_mutated_records_every_good_one_counts_and_every_bad_one_is_kept(
    environment: dict[str, str], tmp_path: Path
) -> None:
    environment["STREAMSEG_WORKER__REJECTED_SHARE_LIMIT"] = "1"
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    decoder = derive(settings_of(environment)).decoder
    rng = random.Random(11)
    now_ms = int(time.time() * 1000)
    good = [event for event in FitGear(200, 20, 11, ends_at=time.time()) if event.topic == CLICKS][:10_000]
    assert len(good) == 10_000
    records = [MemoryRecord(CLICKS, 0, 0, now_ms, event.customer_id.encode(), event.value) for event in good]
    mutated = [mutated_record(record, rng, largest_bytes=500_000) for record in records]
    fitting = [record for record in mutated if len(record.key or b"") + len(record.value or b"") < 900_000]
    assert len(fitting) > 9_900  # the broker itself refuses the others
    sent = records + fitting
    rng.shuffle(sent)

    producer = Producer(
        {"bootstrap.servers": bootstrap, "partitioner": "murmur2_random", "message.max.bytes": 1_000_000}
    )
    for record in sent:
        producer.produce(CLICKS, key=record.key, value=record.value, headers=list(record.headers))
        producer.poll(0)
    assert producer.flush(60) == 0
    bad = sum(len(decoder.decode_run(0, [record]).rejected) for record in sent)
    with worker(environment, tmp_path / "worker.log"):
        until_absorbed(environment)

    letters = read_all(bootstrap, DEAD_LETTERS)
    assert len(letters) == bad
    assert all(headers["__streamseg.errors.reason"] for _, _, headers in letters)
    originals = Counter((record.key, record.value) for record in sent)
    assert not Counter((key, value) for key, value, _ in letters) - originals
    rows = stored_rows(environment)
    kept = {record.key for record in records}
    assert {customer.encode() for customer in rows.slots} >= kept


def test_records_of_megabytes_stop_no_partition(environment: dict[str, str], tmp_path: Path) -> None:
    """Compressed they pass the topic's limit; the good records behind them count, and each leaves a dead letter."""
    bootstrap = environment["STREAMSEG_KAFKA__BOOTSTRAP"]
    good = [event for event in FitGear(30, 10, 12, ends_at=time.time()) if event.topic == CLICKS][:200]
    huge = [
        (b"c-huge", b'{"event_id": "' + b"x" * 10_000_000 + b'"}'),
        (b"k" * 1_000_000, b'{"customer_id": "' + b"k" * 1_000_000 + b'"}'),
        (b"k" * 1_000_000, None),
        (None, b"[" * 5_000_000),
    ]
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "partitioner": "murmur2_random",
            "message.max.bytes": 20_000_000,
            "compression.type": "gzip",
        }
    )
    for partition in range(4):
        for key, value in huge:
            producer.produce(CLICKS, key=key, value=value, partition=partition)
            producer.flush(30)
    for event in good:
        producer.produce(CLICKS, key=event.customer_id.encode(), value=event.value)
    assert producer.flush(30) == 0
    with worker(environment, tmp_path / "worker.log"):
        until_absorbed(environment)

    letters = [headers for _, _, headers in read_all(bootstrap, DEAD_LETTERS)]
    reasons = Counter(headers["__streamseg.errors.reason"] for headers in letters)
    assert reasons == {b"too_large": 8, b"schema": 4, b"no_value": 4}
    assert sum("__streamseg.errors.cut" in headers for headers in letters) == 12
    rows = stored_rows(environment)
    assert int(rows.events[rows.slots_of(list(rows.slots))].sum()) == len(good)


def test_a_topic_that_is_mostly_rejected_stops_the_worker_in_one_line(
    environment: dict[str, str], tmp_path: Path
) -> None:
    producer = Producer(
        {"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"], "partitioner": "murmur2_random"}
    )
    for number in range(8_000):
        producer.produce(CLICKS, key=f"c{number}", value=b'{"new": "format"}')
    assert producer.flush(30) == 0
    log = tmp_path / "worker.log"

    process = start_worker(environment, log)
    try:
        assert process.wait(30) == 1
    finally:
        process.kill()

    last = log.read_text().strip().splitlines()[-1]
    assert last.startswith("streamseg: ")
    assert "worker.rejected_share_limit" in last


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("STREAMSEG_FEATURES__TIME_ZONE", "Mars/Olympus", "time_zone"),
        ("STREAMSEG_SEGMENTATIONS__BEHAVIOUR__FEATURES", '["no_such_feature"]', "no_such_feature"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_line(
    environment: dict[str, str], tmp_path: Path, name: str, value: str, said: str
) -> None:
    environment[name] = value
    process = start_worker(environment, tmp_path / "worker.log")

    assert process.wait(30) == 2
    lines = (tmp_path / "worker.log").read_text().strip().splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_unequal_partition_counts_stop_the_start(
    make_topics: Callable[[int], str], environment: dict[str, str], tmp_path: Path
) -> None:
    from confluent_kafka.admin import NewPartitions

    admin = AdminClient({"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"]})
    admin.create_partitions([NewPartitions(PURCHASES, 6)])[PURCHASES].result(10)
    process = start_worker(environment, tmp_path / "worker.log")

    assert process.wait(30) == 2
    assert "unequal partition counts" in (tmp_path / "worker.log").read_text()


@pytest.mark.parametrize("reached", ["TablelessApp]: Starting", "FetchingThread]: Starting", "assigned partitions"])
def test_a_worker_that_is_stopped_while_it_starts_stops_quietly(
    environment: dict[str, str], tmp_path: Path, reached: str
) -> None:
    """Its consumer may not have begun: a stack trace told so, after a line that the worker was up."""
    log = tmp_path / "worker.log"
    with worker(environment, log) as process:
        until(lambda: reached in log.read_text(), f"at {reached!r}", pause=0.001)
        process.terminate()
        assert process.wait(20) == 0
    told = log.read_text()
    assert "Traceback" not in told
    assert "ERROR" not in told
