"""Customers who do nothing are looked at again, also those that are only in the store."""

import asyncio
from dataclasses import replace
from typing import Any

from streamseg.clustering.identity import id_of
from streamseg.features.rows import Rows
from streamseg.membership.encoding import decode
from streamseg.membership.types import Membership
from streamseg.topics import CLICKS
from tests.support.partition import LAYOUT, NOON, NUMBER, QUICK, SNAPSHOT, OnePartition, Servers, until

HOUR = 3_600.0
BOUND = 24 * HOUR
SILENT = [f"c-{number}" for number in range(12)]
ACTIVE = "c-active"


async def strings(servers: Servers) -> list[Membership]:
    read = await servers.memberships.read(SILENT)
    return [decode(string) for string in read if string is not None]


def standing_of(membership: Membership) -> str | None:
    standing = membership.segments["behaviour"]
    return None if standing is None else standing.id


async def fallen_silent() -> tuple[Servers, OnePartition]:
    """Twelve customers acted once; the worker that saw it has ended, so that the next has none of them in memory."""
    servers = Servers()
    await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    for number, customer in enumerate(SILENT):
        for view in range(1 + number):
            servers.log.event(CLICKS, customer, f"{customer}-{view}", number * 60.0, event_name="view_item")
    first = OnePartition(servers, "first")
    await first.begin()
    await until(lambda: first.is_done)
    await first.close()
    second = OnePartition(servers, "second")
    await second.begin()
    return servers, second


async def until_all(servers: Servers, oldest: float) -> None:
    async with asyncio.timeout(20.0):
        while len(told := await strings(servers)) < len(SILENT) or min(one.as_of for one in told) < oldest:
            await asyncio.sleep(0.005)


def test_no_membership_gets_older_than_the_bound_while_a_worker_is_healthy() -> None:
    async def go() -> None:
        servers, worker = await fallen_silent()
        for step in range(1, 33):
            at = step * BOUND / 8
            servers.log.event(CLICKS, ACTIVE, f"a-{step}", at, event_name="view_item")
            await until(lambda: worker.is_done)
            await until_all(servers, NOON + at - BOUND)
        # They were looked at where they are, in the store: between two pieces of a sweep memory has none of them.
        await until(lambda: set(worker.partition._state.rows.slots) == {ACTIVE})
        await worker.close()

    asyncio.run(go())


def test_everybody_is_looked_at_at_once_when_a_model_was_adopted() -> None:
    async def go() -> None:
        servers, worker = await fallen_silent()
        for n in range(3):  # three events start the clock of a new owner
            servers.log.event(CLICKS, ACTIVE, f"a-{n}", HOUR, event_name="view_item")
        await until(lambda: worker.is_done)
        fresh = tuple(id_of("behaviour", code) for code in (55, 66, 77, 88))
        adopted = replace(SNAPSHOT, version=2, parent=1, generation=2, segments=fresh)
        assert await servers.models.publish("behaviour", 2, 1, adopted.to_json())
        await worker.models.refresh()
        async with asyncio.timeout(20.0):
            while not {standing_of(one) for one in await strings(servers)} <= {*fresh}:
                await asyncio.sleep(0.005)
        assert {one.model["behaviour"] for one in await strings(servers)} == {2}
        await worker.close()

    asyncio.run(go())


def test_a_late_event_makes_no_verdict_of_long_ago() -> None:
    async def go() -> None:
        servers, worker = await fallen_silent()
        for n in range(3):
            servers.log.event(CLICKS, ACTIVE, f"a-{n}", 5 * BOUND, event_name="view_item")
        await until(lambda: worker.is_done)
        servers.log.event(CLICKS, "c-late", "late", HOUR, event_name="view_item")
        await until(lambda: worker.is_done)
        rows = worker.partition._state.rows
        assert rows.looked_at[rows.slots["c-late"], 0] == NOON + 5 * BOUND - BOUND / 4
        await worker.close()

    asyncio.run(go())


def test_a_sweep_shows_when_the_oldest_membership_was_published() -> None:
    async def go() -> None:
        servers, worker = await fallen_silent()
        for n in range(3):
            servers.log.event(CLICKS, ACTIVE, f"a-{n}", HOUR, event_name="view_item")
        await until(lambda: worker.is_done)
        assert worker.partition.signs.oldest_membership is None
        await worker.sweep()
        stored = dict((await servers.state.scan(0, 0, 1_000))[1])
        rows = Rows(LAYOUT, len(stored))
        published = rows.published_wall[rows.load(list(stored), list(stored.values()))]
        assert worker.partition.signs.oldest_membership == published[published > 0].min() > 0
        assert worker.metrics.registry.get_sample_value("streamseg_membership_sweep_seconds_count") == worker.sweeps
        await worker.close()

    asyncio.run(go())


def test_a_partition_without_events_trims_its_outbox() -> None:
    """Its entries would be read again by each new owner, for ever."""

    async def go() -> None:
        servers = Servers()
        await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
        for number, customer in enumerate(SILENT):
            servers.log.event(CLICKS, customer, f"{customer}-0", number * 60.0, event_name="view_item")
        pace = replace(QUICK, outbox_trim=0.01)
        worker = OnePartition(servers, "idle", pace=pace, redelivery_window=0.5)
        await worker.begin()
        await until(lambda: worker.is_done)
        assert await servers.state.outbox_flushes(NUMBER) > 0
        async with asyncio.timeout(10):
            while await servers.state.outbox_flushes(NUMBER):
                await asyncio.sleep(0.01)
        await worker.close()

    asyncio.run(go())


def note_pieces(servers: Servers) -> list[int]:
    """Return a list that each piece of a sweep adds its size to."""
    pieces, scan = list[int](), servers.state.scan

    def noted(partition: int, cursor: int, count: int) -> Any:
        pieces.append(count)
        return scan(partition, cursor, count)

    servers.state.scan = noted  # type: ignore[method-assign]  # the worker asks this store for its pieces
    return pieces


def test_pieces_stay_small_in_the_pauses_between_events() -> None:
    async def go() -> None:
        servers, before = await fallen_silent()
        await before.close()
        worker = OnePartition(servers, "third", pace=replace(QUICK, quiet=60.0))
        await worker.begin()
        for n in range(3):  # three events start the clock of a new owner
            servers.log.event(CLICKS, ACTIVE, f"a-{n}", HOUR, event_name="view_item")
        await until(lambda: worker.is_done)
        await worker.sweep()
        pieces = note_pieces(servers)
        await worker.sweep()
        assert set(pieces) == {QUICK.sweep_piece_between}
        await worker.close()

    asyncio.run(go())


def test_a_sweep_takes_smaller_pieces_while_events_come() -> None:
    """After a backfill everybody is sampled: events once waited 0.4 to 1.1 s for pieces of all partitions."""

    async def go() -> None:
        servers, worker = await fallen_silent()
        pieces = note_pieces(servers)
        for n in range(3):  # three events start the clock of a new owner
            servers.log.event(CLICKS, ACTIVE, f"a-{n}", HOUR, event_name="view_item")
        await until(lambda: worker.is_done)
        await worker.sweep()
        pieces.clear()
        await worker.sweep()
        assert set(pieces) == {QUICK.sweep_piece}, "while nothing comes"
        pieces.clear()
        for n in range(2_000):
            servers.log.event(CLICKS, ACTIVE, f"b-{n}", HOUR + n / 1_000, event_name="view_item")
        await worker.sweep()
        assert QUICK.sweep_piece_between in pieces
        await worker.close()

    asyncio.run(go())
