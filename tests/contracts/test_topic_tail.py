"""The tail of topics: what comes after the first look, a bounded number, the rest skipped, nothing after a close."""

import asyncio
from collections.abc import Callable

import pytest
from confluent_kafka import Producer

from streamseg.kafka import topic_tail
from streamseg.kafka.topic_reader import LogUnavailableError
from streamseg.kafka.topic_tail import TopicTail
from streamseg.settings import KafkaSettings
from streamseg.topics import CLICKS, PURCHASES

pytestmark = pytest.mark.integration
PARTITIONS = 3


def test_the_tail_has_what_comes_and_skips_what_is_too_much(
    make_topics: Callable[[int], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(topic_tail, "MOST", 10)
    bootstrap = make_topics(PARTITIONS)
    producer = Producer({"bootstrap.servers": bootstrap})

    def produce(topic: str, keys: range) -> None:
        for number in keys:
            producer.produce(topic, key=f"c-{number}", value=b"{}", partition=number % PARTITIONS)
        assert producer.flush(30) == 0

    async def looked(tail: TopicTail, looks: int = 10) -> tuple[set[str], bool]:
        found, skipped = set[str](), False
        for _ in range(looks):
            records, more = await tail.look()
            assert len(records) <= 10
            found |= {(one.key or b"").decode() for one in records}
            skipped |= more
        return found, skipped

    async def go() -> None:
        tail = TopicTail(KafkaSettings(bootstrap=bootstrap), (CLICKS, PURCHASES))
        try:
            produce(CLICKS, range(1000, 1003))
            await looked(tail, 3)
            produce(CLICKS, range(3))
            produce(PURCHASES, range(3, 6))
            assert await looked(tail, 6) == ({f"c-{number}" for number in range(6)}, False)
            produce(CLICKS, range(5_000))
            found, skipped = await looked(tail)
            assert skipped
            assert len(found) < 200
            await tail.close()
            produce(CLICKS, range(7, 8))
            await tail.look()
            produce(CLICKS, range(8, 9))
            assert (await looked(tail, 6))[0] == {"c-8"}
        finally:
            await tail.close()

    asyncio.run(go())


def test_a_broker_that_is_away_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_tail, "TIMEOUT_SECONDS", 0.5)

    async def go() -> None:
        tail = TopicTail(KafkaSettings(bootstrap="127.0.0.1:1"), (CLICKS,))
        with pytest.raises(LogUnavailableError):
            await tail.look()
        await tail.close()

    asyncio.run(go())
