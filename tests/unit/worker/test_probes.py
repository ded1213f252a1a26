"""Probes: sent to every partition of the worker, at the same moments in all workers, while Kafka is away or not."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from streamseg.errors import StreamsegError
from streamseg.events.record import MemoryRecord
from streamseg.ports import OutgoingRecord
from streamseg.service.foreign_data import foreign_topic
from streamseg.topics import CLICKS, MEMBERSHIPS
from streamseg.worker.probes import Probes, probe
from tests.support.partition import MemoryLog

NOW = 1_795_416_003.125


class Sink:
    """Refuses the first `failures` calls, and ends the test's loop after the last one."""

    def __init__(self, failures: int = 0, calls: int = 1) -> None:
        self.sent: list[Sequence[OutgoingRecord]] = []
        self._failures = failures
        self._calls = calls

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        self.sent.append(records)
        if len(self.sent) == self._calls:
            raise asyncio.CancelledError
        if len(self.sent) <= self._failures:
            raise StreamsegError("Kafka did not acknowledge a record")


def run(sink: Sink, numbers: set[int], monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Run until the sink ends it; how long it slept each time."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("streamseg.worker.probes.asyncio.sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(Probes(sink, lambda: numbers, 5.0, lambda: NOW).run())
    return slept


def test_each_partition_gets_a_probe_at_a_multiple_of_the_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink()
    assert run(sink, {7, 2}, monkeypatch) == [1.875]
    assert [*sink.sent[0]] == [probe(2, NOW), probe(7, NOW)]
    assert {(one.topic, one.key, one.partition) for one in sink.sent[0]} == {(CLICKS, None, 2), (CLICKS, None, 7)}


def test_probes_go_on_after_kafka_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    sink = Sink(failures=2, calls=3)
    run(sink, {1}, monkeypatch)
    assert len(sink.sent) == 3


def test_a_worker_without_partitions_sends_nothing() -> None:
    sink = Sink()
    asyncio.run(Probes(sink, set, 5.0, lambda: NOW).send())
    assert sink.sent == []


def test_probes_are_nobody_s_data() -> None:
    """The demo and `simulate` go on where workers have sent probes."""
    log = MemoryLog()
    asyncio.run(log.send([probe(0, NOW)]))
    assert asyncio.run(foreign_topic(log, {CLICKS: 1})) is None
    log.append(CLICKS, b"c-81", b"{}")
    assert asyncio.run(foreign_topic(log, {CLICKS: 1})) == CLICKS


def test_a_shop_with_few_events_is_found_without_reading_its_probes() -> None:
    log = MemoryLog()
    asyncio.run(log.send([probe(0, NOW)] * 500))
    log.event(CLICKS, "of-a-shop", "e-1", 0.0, event_name="view_item")
    log.append(MEMBERSHIPS, b"of-a-shop", b"{}")
    read = list[str]()

    class Counted(MemoryLog):
        async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[MemoryRecord]]:
            async for records in log.read(topic, partition, start, end):
                read.extend([topic] * len(records))
                yield records

        async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
            return await log.bounds(topic, partition)

    assert asyncio.run(foreign_topic(Counted(), {CLICKS: 1, MEMBERSHIPS: 1})) == MEMBERSHIPS
    assert read == [MEMBERSHIPS]
