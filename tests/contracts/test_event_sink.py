"""Records are on the topic when `send` returns: on a real broker and on the embedded one."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator

import pytest
from aiokafka.partitioner import murmur2
from confluent_kafka import OFFSET_BEGINNING, Consumer, Message, TopicPartition

from streamseg.embedded import EmbeddedBroker
from streamseg.errors import RecordRefusedError
from streamseg.kafka.producer import KafkaProducer, NotDeliveredError
from streamseg.kafka.transactions import TransactionalProducer
from streamseg.ports import OutgoingRecord
from streamseg.settings import KafkaSettings
from streamseg.topics import CLICKS, DEAD_LETTERS, MEMBERSHIPS
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics

pytestmark = pytest.mark.integration
PARTITIONS = 4


@pytest.fixture(params=["kafka", "embedded"])
def bootstrap(request: pytest.FixtureRequest) -> Iterator[str]:
    """A broker with all topics, empty, with four partitions each."""
    if request.param == "kafka":
        yield request.getfixturevalue("make_topics")(PARTITIONS)
        return
    with EmbeddedBroker() as broker:
        yield broker.bootstrap


def read(bootstrap: str, topic: str, count: int) -> list[Message]:
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "log_level": 3})
    consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in range(PARTITIONS)])
    found: list[Message] = []
    for _ in range(100):
        found += consumer.consume(count, 0.1)
        if len(found) >= count:
            break
    consumer.close()
    return found


def send(bootstrap: str, *runs: list[OutgoingRecord]) -> None:
    """Send all runs concurrently."""

    async def sent() -> None:
        sink = KafkaProducer(KafkaSettings(bootstrap=bootstrap))
        try:
            await asyncio.gather(*(sink.send(run) for run in runs))
        finally:
            await sink.close()

    asyncio.run(sent())


def test_records_arrive_where_java_would_put_them(bootstrap: str) -> None:
    keys = [f"c-{number}".encode() for number in range(200)]
    send(bootstrap, *([OutgoingRecord(CLICKS, key, b"{}") for key in keys[start::2]] for start in (0, 1)))
    found = {message.key(): message.partition() for message in read(bootstrap, CLICKS, len(keys))}
    assert found == {key: (murmur2(key) & 0x7FFFFFFF) % PARTITIONS for key in keys}


def test_key_value_headers_and_partition_arrive_unchanged(bootstrap: str) -> None:
    headers = (("reason", b"not_json"), ("offset", b"17"))
    send(bootstrap, [OutgoingRecord(DEAD_LETTERS, None, b"\x00\xff", headers, partition=3)])
    (message,) = read(bootstrap, DEAD_LETTERS, 1)
    assert (message.key(), message.value(), message.partition()) == (None, b"\x00\xff", 3)
    assert message.headers() == list(headers)


def test_a_record_without_value_is_a_tombstone(bootstrap: str) -> None:
    send(bootstrap, [OutgoingRecord(MEMBERSHIPS, b"c-1", None)])
    (message,) = read(bootstrap, MEMBERSHIPS, 1)
    assert (message.key(), message.value()) == (b"c-1", None)


def test_a_record_that_is_too_large_is_an_error_and_the_rest_arrives(bootstrap: str) -> None:
    records = [OutgoingRecord(CLICKS, b"c-1", value) for value in (b"a", b"x" * 3_000_000, b"b")]
    with pytest.raises(RecordRefusedError, match="too large"):
        send(bootstrap, [records[1]])
    send(bootstrap, [records[0], records[2]])
    assert [message.value() for message in read(bootstrap, CLICKS, 2)] == [b"a", b"b"]


def test_a_full_queue_makes_the_sender_wait(bootstrap: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = KafkaProducer(KafkaSettings(bootstrap=bootstrap))
    tight = type(sink._client)(sink._config | {"queue.buffering.max.messages": 10})
    monkeypatch.setattr(sink, "_client", tight)
    asyncio.run(sink.send([OutgoingRecord(CLICKS, b"c-1", b"%d" % number) for number in range(500)]))
    assert [message.value() for message in read(bootstrap, CLICKS, 500)] == [b"%d" % number for number in range(500)]


def test_a_send_survives_a_broker_that_is_killed_and_restarted(start_kafka: Callable[[], KafkaServer]) -> None:
    broker = start_kafka()
    remake_topics(broker.bootstrap, PARTITIONS)
    records = [OutgoingRecord(CLICKS, b"c-1", b"%d" % number) for number in range(100)]

    async def through_a_crash() -> None:
        sink = KafkaProducer(KafkaSettings(bootstrap=broker.bootstrap))
        await sink.send(records[:50])
        broker.kill()
        sending = asyncio.create_task(sink.send(records[50:]))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(broker.start)
        await sending
        await sink.close()

    asyncio.run(through_a_crash())
    assert [message.value() for message in read(broker.bootstrap, CLICKS, 100)] == [r.value for r in records]


def test_a_fatal_error_fails_the_sends_under_way_and_later_ones_work(make_topics: Callable[[int], str]) -> None:
    """A real one: with gapless delivery librdkafka ends the producer when the broker refuses one record for good."""
    bootstrap = make_topics(PARTITIONS)
    refused = OutgoingRecord(CLICKS, b"c-1", random.Random(1).randbytes(1_800_000), partition=0)
    many = [OutgoingRecord(CLICKS, b"c-2", b"%d" % number, partition=0) for number in range(2_000)]

    async def go() -> list[BaseException | None]:
        sink = KafkaProducer(KafkaSettings(bootstrap=bootstrap))
        sink._client = type(sink._client)(sink._config | {"enable.gapless.guarantee": True})
        first = sink._client
        async with asyncio.timeout(60):
            outcomes = await asyncio.gather(
                *(sink.send(many) for _ in range(3)),
                sink.send([refused]),
                *(sink.send(many) for _ in range(3)),
                return_exceptions=True,
            )
            for attempt in range(3):  # as callers do; the first one may only learn of the error
                try:
                    await sink.send([OutgoingRecord(DEAD_LETTERS, b"c-3", b"after")])
                except NotDeliveredError:
                    assert attempt < 2
                else:
                    break
        assert sink._client is not first
        await sink.close()
        return outcomes

    outcomes = asyncio.run(go())
    failed = [one for one in outcomes if one is not None]
    assert failed
    assert all(isinstance(one, NotDeliveredError | RecordRefusedError) for one in failed)
    assert [message.value() for message in read(bootstrap, DEAD_LETTERS, 1)] == [b"after"]


def test_a_transaction_is_visible_as_a_whole_or_not_at_all(make_topics: Callable[[int], str]) -> None:
    bootstrap = make_topics(PARTITIONS)
    few = [OutgoingRecord(DEAD_LETTERS, b"c-%d" % number, b"%d" % number) for number in range(20)]
    refused = OutgoingRecord(DEAD_LETTERS, b"c-1", random.Random(1).randbytes(1_950_000))

    async def go() -> None:
        sink = TransactionalProducer(KafkaSettings(bootstrap=bootstrap, group=f"g-{time.time_ns()}"), "test")
        with pytest.raises(NotDeliveredError):
            await sink.send([*few, refused])
        await sink.send(few[:5])
        await sink.close()

    asyncio.run(go())
    assert sorted(message.value() or b"" for message in read(bootstrap, DEAD_LETTERS, 20)) == [
        b"%d" % number for number in range(5)
    ]
