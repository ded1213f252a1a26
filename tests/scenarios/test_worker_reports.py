"""What a worker reports of its partitions: the age of memberships, and what it waits for. Issue 15."""

import asyncio

import pytest

from streamseg.errors import ServerUnavailableError, StoreUnavailableError
from streamseg.membership.encoding import decode
from streamseg.topics import CLICKS
from tests.support.partition import LAYOUT, NOON, NUMBER, OnePartition, Servers, until

HOUR = 3_600.0
CUSTOMERS = [f"c-{n}" for n in range(7)]


async def begun() -> tuple[Servers, OnePartition]:
    """A worker that has absorbed one click of each customer, an hour apart."""
    servers = Servers()
    for n, customer in enumerate(CUSTOMERS):
        servers.log.event(CLICKS, customer, f"e-{n}", n * 60.0, event_name="view_item")
    worker = OnePartition(servers, "w")
    await worker.begin()
    await until(lambda: worker.is_done)
    return servers, worker


def waits_for(worker: OnePartition) -> set[str]:
    return {wait.whom for wait in worker.partition.waits()}


def test_the_oldest_membership_is_that_which_the_last_sweep_left() -> None:
    async def go() -> None:
        servers, worker = await begun()
        assert worker.partition.report().oldest_membership is None, "no sweep yet"
        for step in range(3):
            servers.log.event(CLICKS, "c-0", f"a-{step}", (5 + step) * HOUR, event_name="view_item")
            await until(lambda: worker.is_done)
            await worker.sweep()
            read = await servers.memberships.read(CUSTOMERS)
            oldest = min(decode(string).as_of for string in read if string is not None)
            report = worker.partition.report()
            assert report.oldest_membership == oldest
            assert report.now == NOON + (5 + step) * HOUR
            assert oldest < report.now, "the others did nothing"
        await worker.close()

    asyncio.run(go())


def test_a_partition_that_works_waits_for_nothing() -> None:
    async def go() -> None:
        _, worker = await begun()
        assert worker.partition.waits() == []
        await worker.close()

    asyncio.run(go())


async def away(*_: object, **__: object) -> None:
    raise StoreUnavailableError("Redis: away")


async def away_kafka(*_: object) -> None:
    raise ServerUnavailableError("Kafka did not answer")


def test_waiting_for_redis_is_reported_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        servers, worker = await begun()
        with monkeypatch.context() as patched:
            for call in ("flush", "metadata"):
                patched.setattr(servers.state, call, away)
            servers.log.event(CLICKS, "c-0", "more", HOUR, event_name="view_item")
            await until(lambda: waits_for(worker) == {"Redis"})
        await until(lambda: worker.is_done and not worker.partition.waits())
        await worker.close()

    asyncio.run(go())


def test_waiting_for_kafka_is_reported_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        servers, worker = await begun()
        with monkeypatch.context() as patched:
            patched.setattr(servers.log, "send", away_kafka)
            servers.log.event(CLICKS, "c-new", "more", HOUR, event_name="view_item")
            await until(lambda: waits_for(worker) == {"Kafka"})
        await until(lambda: worker.is_done and not worker.partition.waits())
        await worker.close()

    asyncio.run(go())


def test_yielding_to_a_newer_owner_is_reported() -> None:
    async def go() -> None:
        servers, worker = await begun()
        await servers.state.claim(NUMBER, "newer", LAYOUT.fingerprint, 2_000_000_000_000)
        await until(lambda: waits_for(worker) == {"a newer owner of the partition"})
        await worker.close()

    asyncio.run(go())


def test_a_partition_is_warm_while_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    async def go() -> None:
        servers, worker = await begun()
        assert worker.partition.is_warm
        with monkeypatch.context() as patched:
            patched.setattr(servers.state, "load", away)
            servers.log.event(CLICKS, "c-new", "more", HOUR, event_name="view_item")
            await until(lambda: not worker.partition.is_warm)
        await until(lambda: worker.is_done and worker.partition.is_warm)
        await worker.close()

    asyncio.run(go())
