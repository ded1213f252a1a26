"""A record that makes our own code raise goes to dead letters; the partition goes on, and nothing else is lost."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pytest

from streamseg import pipeline
from streamseg.errors import StoreUnavailableError
from streamseg.events.record import RecordBatch
from streamseg.events.rejection import ERROR_HEADERS
from streamseg.pipeline import ticks
from streamseg.ports import Flush
from streamseg.topics import CLICKS, DEAD_LETTERS, PURCHASES
from streamseg.worker.clock import WallClock
from tests.support.partition import NUMBER, SNAPSHOT, OnePartition, Servers, fill, until

EVENTS = 60
POISONED = "c-3"
"""Customer whose records raise."""

Break = Callable[[pytest.MonkeyPatch, Servers], None]


def decoding(monkeypatch: pytest.MonkeyPatch, _: Servers) -> None:
    take = pipeline.take

    def raising(decoder: Any, source: int, run: Any, *rest: Any) -> Any:
        if any(record.key == POISONED.encode() for record in run.records):
            raise ZeroDivisionError
        return take(decoder, source, run, *rest)

    monkeypatch.setattr(pipeline, "take", raising)


def absorbing(monkeypatch: pytest.MonkeyPatch, _: Servers) -> None:
    absorb = pipeline.absorb

    def raising(rows: Any, source: int, taken: Any, money: Any) -> Any:
        answer = absorb(rows, source, taken, money)  # after the rows have changed
        if any(event.customer_id == POISONED for event in taken.events):
            raise KeyError(POISONED)
        return answer

    monkeypatch.setattr(ticks, "absorb", raising)


def flushing(monkeypatch: pytest.MonkeyPatch, servers: Servers) -> None:
    flush = servers.state.flush

    async def raising(partition: int, one: Flush) -> str | None:
        if any(customer == POISONED for customer, _ in one.rows):
            raise OverflowError
        return await flush(partition, one)

    monkeypatch.setattr(servers.state, "flush", raising)


async def letters(servers: Servers) -> list[tuple[str, str, str]]:
    """Topic, reason and detail of each dead letter, once for each record."""
    found = {}
    for record in servers.log.records[DEAD_LETTERS]:
        why = {
            name.removeprefix(ERROR_HEADERS): (value or b"").decode()
            for name, value in record.headers
            if name.startswith(ERROR_HEADERS)
        }
        found[why["topic"], why["offset"]] = (why["topic"], why["reason"], why["detail"])
        original = servers.log.records[why["topic"]][int(why["offset"])]
        assert (record.key, record.value) == (original.key, original.value)
        assert record.key == POISONED.encode()
    return list(found.values())


async def work_off(servers: Servers) -> OnePartition:
    worker = OnePartition(servers, "worker", rejected_share_window=50)
    await worker.begin()
    try:
        await until(lambda: worker.is_done or bool(worker.failures), 60.0)
    finally:
        await worker.close()
    return worker


@pytest.mark.parametrize(
    ("break_it", "error"), [(decoding, "ZeroDivisionError"), (absorbing, "KeyError"), (flushing, "OverflowError")]
)
def test_a_record_that_raises_at_any_stage_goes_to_dead_letters(
    break_it: Break, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        servers = Servers()
        await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        fill(servers.log, 0, EVENTS)
        with monkeypatch.context() as broken:
            break_it(broken, servers)
            worker = await work_off(servers)
        assert not worker.failures
        expected = sum(
            record.key == POISONED.encode()
            for topic in servers.log.records
            if topic in {CLICKS, "streamseg.purchases", "streamseg.consents", "streamseg.erasures"}
            for record in servers.log.records[topic]
        )
        found = await letters(servers)
        assert len(found) == expected
        assert {(reason, detail) for _, reason, detail in found} == {("internal", error)}
        report = await servers.verdict()
        assert report.counts() == report.counts() | {"lost": 0, "doubled": 0, "different": 0}
        stored = dict((await servers.state.scan(0, 0, 1_000))[1])
        assert set(stored) == {f"c-{n}" for n in range(6)} - {POISONED}

    asyncio.run(go())


class StaleRuns(OnePartition):
    """After every rewind, a run of the former session still arrives, before the first of the new one."""

    async def _feed(self, places: dict[str, int]) -> None:
        first = self.servers.log.records[CLICKS][:1]
        self.partition.offer(RecordBatch.of(CLICKS, NUMBER, self._sessions[CLICKS] - 1, 0, first))
        await asyncio.sleep(0.01)  # the partition takes it by itself
        await super()._feed(places)


class OtherRuns(OnePartition):
    """After every rewind, there is a new purchase of another customer, and purchases arrive first."""

    async def _feed(self, places: dict[str, int]) -> None:
        log = self.servers.log
        number = len(log.records[PURCHASES])
        money = {"currency": "EUR", "value": 1.0, "transaction_id": f"late-{number}"}
        log.event(PURCHASES, "c-2", f"late-{number}", EVENTS * 60.0, **money)
        purchases = {PURCHASES: places[PURCHASES]}
        with suppress(TimeoutError):
            async with asyncio.timeout(0.02):  # the partition takes them by themselves
                await super()._feed(purchases)
        await super()._feed(places | purchases)


@pytest.mark.parametrize("kind", [StaleRuns, OtherRuns])
def test_a_record_that_raises_is_found_although_other_runs_pass_between_the_attempts(
    kind: type[OnePartition], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def go() -> None:
        servers = Servers()
        for n in range(EVENTS):
            servers.log.event(CLICKS, f"c-{n % 7}", f"e-{n}", n, event_name="view_item")
        decoding(monkeypatch, servers)
        worker = kind(servers, "worker", rejected_share_window=50)
        await worker.begin()
        try:
            await until(lambda: worker.is_done)
        finally:
            await worker.close()
        assert {topic for topic, _, _ in await letters(servers)} == {CLICKS}

    asyncio.run(go())


def test_an_error_that_passes_sets_nothing_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        servers = Servers()
        fill(servers.log, 0, EVENTS)
        flush, failures = servers.state.flush, iter(range(4))

        async def passing(partition: int, one: Flush) -> str | None:
            if one.rows and next(failures, None) is not None:
                raise OverflowError
            return await flush(partition, one)

        monkeypatch.setattr(servers.state, "flush", passing)
        await work_off(servers)
        assert await letters(servers) == []
        report = await servers.verdict()
        assert report.counts()["lost"] == 0
        assert report.customers == 6

    asyncio.run(go())


def test_an_outage_of_the_store_sets_nothing_aside(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        servers = Servers()
        fill(servers.log, 0, EVENTS)
        load, failures = servers.state.load, iter(range(30))

        async def away(partition: int, customers: Sequence[str]) -> list[bytes | None]:
            if next(failures, None) is not None:
                raise StoreUnavailableError("away")
            return await load(partition, customers)

        monkeypatch.setattr(servers.state, "load", away)
        await work_off(servers)
        assert await letters(servers) == []
        assert (await servers.verdict()).customers == 6

    asyncio.run(go())


def test_when_most_records_raise_the_worker_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> list[Exception]:
        servers = Servers()
        for n in range(100):
            servers.log.event(CLICKS, f"c-{n % 7}", f"e-{n}", n, event_name="view_item")

        def raising(*_: Any) -> Any:
            raise RuntimeError

        monkeypatch.setattr(ticks, "absorb", raising)
        return (await work_off(servers)).failures

    (failure,) = asyncio.run(go())
    assert "of streamseg.clicks were rejected" in str(failure)


def test_a_record_that_raises_costs_partitions_that_share_its_cycles_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        made = [Servers(), Servers()]
        broken = OnePartition(made[0], "worker", run=5, rejected_share_window=50, clock=WallClock())
        other = OnePartition(made[1], "worker", run=5, clock=WallClock(), beside=broken)
        fill(made[0].log, 0, EVENTS)
        for n in range(2 * EVENTS):
            made[1].log.event(CLICKS, f"d-{n % 7}", f"e-{n}", n * 60.0, event_name="view_item")
        shared = list[int]()
        run = pipeline.Cycle.absorb

        def noting(cycle: Any, *rest: Any) -> Any:
            shared.append(len(cycle._given))
            return run(cycle, *rest)

        monkeypatch.setattr(pipeline.Cycle, "absorb", noting)
        absorbing(monkeypatch, made[0])
        for worker in (broken, other):
            await worker.begin()
        try:
            await until(lambda: (broken.is_done and other.is_done) or bool(broken.failures), 60.0)
        finally:
            await broken.close()
            await other.close()
        assert not broken.failures
        assert 2 in shared
        assert {detail for _, _, detail in await letters(made[0])} == {"KeyError"}
        for servers in made:
            report = await servers.verdict()
            assert report.counts() == report.counts() | {"lost": 0, "doubled": 0, "different": 0}
        assert [one.samples for one in other.metrics.resets.collect()] == [[]]

    asyncio.run(go())
