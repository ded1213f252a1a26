"""Customers leave and enter audiences when a window of time ends, without an event. Issue 16."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.features.rows import Rows
from streamseg.membership.encoding import decode
from streamseg.metrics import Metrics
from streamseg.pipeline import split_sizes
from streamseg.store.memory import MemoryModelStore
from streamseg.topics import CLICKS, CONSENTS, ERASURES
from streamseg.wiring.declared_audiences import live_audiences
from streamseg.worker.layout_check import RowLayouts
from streamseg.worker.model_cache import ModelCache
from tests.support.declared import declared
from tests.support.partition import LAYOUT, NOON, SNAPSHOT, OnePartition, Servers, until

HOUR = 3_600.0
WITH_AUDIENCES = replace(LAYOUT, audiences=3)
LAYOUTS = RowLayouts(WITH_AUDIENCES, frozenset(), frozenset(LAYOUT.segmentations))
SILENT = [f"c-{number:02}" for number in range(12)]
ACTIVE = "c-active"
RECENT = {"event": "visit", "within": "1 hours"}
AWAY = {"all": [{"event": "visit"}, {"event": "visit", "none_within": "1 hours"}]}
LOOKS_AT_SEGMENTS = (
    "segment", "candidate", "streak", "since", "looked_at", "learned_at", "held_segment", "held_candidate",
    "held_streak",
)  # fmt: skip


async def declare(servers: Servers, audiences: DeclaredAudiences) -> None:
    stored = await servers.models.declared_generation()
    assert await servers.models.declare(audiences.generation, stored, audiences.encode())


async def shop(servers: Servers, name: str = "first") -> OnePartition:
    """A worker that has taken in what silent customers did, one each minute."""
    await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    await declare(servers, declared({"recent": RECENT, "away": AWAY}, 3))
    for number, customer in enumerate(SILENT):
        servers.log.event(CLICKS, customer, f"{customer}-1", number * 60.0, event_name="view_item")
    return await worker_of(servers, name)


async def worker_of(servers: Servers, name: str) -> OnePartition:
    worker = OnePartition(servers, name, rows=LAYOUTS)
    await worker.begin()
    await until(lambda: worker.is_done and worker.sweeps > 0)
    return worker


async def time_passes(servers: Servers, worker: OnePartition, to: float) -> None:
    """Let the active customer move the clock."""
    for n in range(3):
        servers.log.event(CLICKS, ACTIVE, f"a-{to}-{n}", to, event_name="scroll")
    await until(lambda: worker.is_done)


async def audiences_of(servers: Servers, customers: list[str]) -> list[tuple[str, ...] | None]:
    strings = await servers.memberships.read(customers)
    return [None if one is None else decode(one).audiences for one in strings]


async def until_audiences(servers: Servers, expected: Mapping[str, tuple[str, ...]]) -> None:
    async with asyncio.timeout(10.0):
        while await audiences_of(servers, [*expected]) != [*expected.values()]:
            await asyncio.sleep(0.005)


def due(servers: Servers) -> dict[str, int]:
    return servers.state._of(0).due


async def stored(servers: Servers) -> dict[str, Any]:
    """Return the stored rows by customer, each a record."""
    found = dict((await servers.state.scan(0, 0, 1_000))[1])
    rows = Rows(WITH_AUDIENCES, len(found))
    slots = rows.load(list(found), list(found.values()))
    return dict(zip(found, rows.slab[slots].copy(), strict=True))


def sizes(servers: Servers) -> dict[str, int]:
    metadata = servers.state._of(0).metadata
    assert metadata is not None
    return split_sizes(metadata.sizes)[0]


def test_customers_leave_when_their_window_ends_and_not_before() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        sweeps = worker.sweeps
        await until_audiences(servers, dict.fromkeys(SILENT, ("recent",)))
        assert due(servers) == {one: NOON + n * 60 + HOUR for n, one in enumerate(SILENT)}

        await time_passes(servers, worker, HOUR + 5 * 60)
        left, others = SILENT[:6], SILENT[6:]
        expected = dict.fromkeys(left, ("away",)) | dict.fromkeys(others, ("recent",))
        await until_audiences(servers, expected | {ACTIVE: ("recent",)})
        assert due(servers) == {one: NOON + n * 60 + HOUR for n, one in enumerate(SILENT) if one in others} | {
            ACTIVE: NOON + 2 * HOUR + 5 * 60
        }
        await until(lambda: worker.partition.relay.is_idle)
        assert sizes(servers) == {"recent": 7, "away": 6}
        rows = await stored(servers)
        assert [int(rows[one]["entered"].max()) for one in left] == [int(NOON + HOUR + 5 * 60)] * 6
        assert worker.sweeps == sweeps, "it was no sweep that found them"
        await worker.close()

    asyncio.run(go())


def test_a_look_on_time_leaves_the_segments_alone() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        for n in range(20):
            servers.log.event(CLICKS, SILENT[0], f"more-{n}", 10 * 60.0, event_name="view_item")
        await until(lambda: worker.is_done)
        before = await stored(servers)
        assert any(row["candidate"].any() for row in before.values()), "a streak is under way"
        await time_passes(servers, worker, 2 * HOUR)
        await until_audiences(servers, dict.fromkeys(SILENT, ("away",)))
        after = await stored(servers)
        for customer in SILENT:
            for name in LOOKS_AT_SEGMENTS:
                np.testing.assert_array_equal(after[customer][name], before[customer][name], err_msg=name)
        await worker.close()

    asyncio.run(go())


def test_customers_that_are_only_in_the_store_leave_too_also_after_an_outage() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        await worker.close()
        for n in range(3):
            servers.log.event(CLICKS, ACTIVE, f"a-{n}", 5 * HOUR, event_name="scroll")
        second = await worker_of(servers, "second")
        await until_audiences(servers, dict.fromkeys(SILENT, ("away",)))
        await until(lambda: set(second.partition._state.rows.slots) == {ACTIVE})
        await second.close()

    asyncio.run(go())


def test_entries_of_the_index_without_a_reason_are_taken_out() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        await time_passes(servers, worker, 2 * HOUR)
        await until_audiences(servers, dict.fromkeys(SILENT, ("away",)))
        await until(lambda: set(due(servers)) == {ACTIVE})
        # More than a piece, and earlier than all others: they would be in the way for ever.
        due(servers).update({f"gone-{n}": 1 for n in range(7)} | dict.fromkeys(SILENT, 2))
        servers.log.event(CLICKS, "c-late", "late", 1.5 * HOUR, event_name="view_item")
        await time_passes(servers, worker, 3 * HOUR)
        await until_audiences(servers, {"c-late": ("away",)})
        await until(lambda: set(due(servers)) == {ACTIVE})
        assert not [one for one in await stored(servers) if one.startswith("gone")]
        await worker.close()

    asyncio.run(go())


def test_a_sweep_makes_a_lost_index_anew() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        before = dict(due(servers))
        assert len(before) == len(SILENT)
        due(servers).clear()
        await worker.sweep()
        assert due(servers) == before
        await worker.close()

    asyncio.run(go())


def test_erased_and_dropped_are_not_due() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        servers.log.event(ERASURES, SILENT[0], "x", 20 * 60.0)
        await until(lambda: worker.is_done)
        assert set(due(servers)) == {*SILENT[1:]}
        every = declared({"recent": RECENT, "away": AWAY}, 3)
        await declare(servers, every.without("recent").without("away"))
        await worker.models.refresh()
        await until_audiences(servers, dict.fromkeys(SILENT[1:], ()))
        await until(lambda: not due(servers))
        assert sizes(servers) == {}
        await worker.close()

    asyncio.run(go())


def test_declared_changed_and_dropped_without_an_event() -> None:
    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        first = declared({"recent": RECENT, "away": AWAY}, 3)
        changed = declared({"recent": {"event": "visit", "within": "5 minutes"}, "all": {"event": "visit"}}, 3, first)
        await declare(servers, changed)
        await worker.models.refresh()
        now = {one: ("all", "recent") if n > 6 else ("all",) for n, one in enumerate(SILENT)}
        await until_audiences(servers, now)
        assert sizes(servers) == {"all": 12, "recent": 5}
        await declare(servers, changed.without("all"))
        await worker.models.refresh()
        await until_audiences(servers, {one: names[1:] for one, names in now.items()})
        assert sizes(servers) == {"recent": 5}
        await worker.close()

    asyncio.run(go())


def test_members_who_consent_are_counted_through_answers_erasures_and_sweeps() -> None:
    def consenting(servers: Servers) -> dict[str, int]:
        metadata = servers.state._of(0).metadata
        assert metadata is not None
        return split_sizes(metadata.sizes)[1]

    async def go() -> None:
        servers = Servers()
        worker = await shop(servers)
        await until_audiences(servers, dict.fromkeys(SILENT, ("recent",)))
        assert consenting(servers) == sizes(servers) == {"recent": 12}
        for number, allows in ((0, False), (1, False), (2, False), (0, True), (3, False)):
            given = {"personalisation": allows}
            servers.log.event(CONSENTS, SILENT[number], f"c-{number}-{allows}", 700.0 + 2 * allows, consent=given)
        servers.log.event(ERASURES, SILENT[3], "gone", 705.0)
        servers.log.event(ERASURES, SILENT[4], "gone-too", 705.0)
        await until(lambda: worker.is_done and worker.partition.relay.is_idle)
        assert (sizes(servers), consenting(servers)) == ({"recent": 10}, {"recent": 8})
        sweeps = worker.sweeps
        await time_passes(servers, worker, 8 * HOUR)
        await until(lambda: worker.sweeps > sweeps)
        await until(lambda: worker.is_done and worker.partition.relay.is_idle)
        assert (sizes(servers), consenting(servers)) == ({"recent": 1, "away": 10}, {"recent": 1, "away": 8})
        assert worker.metrics.sizes_corrected._value.get() == 0
        await worker.close()

    asyncio.run(go())


def test_a_worker_follows_audiences_that_a_row_knows_before_it_does() -> None:
    class Counting(MemoryModelStore):
        asked = 0

        async def declared_generation(self) -> int:
            self.asked += 1
            return await super().declared_generation()

    async def go() -> None:
        store = Counting()
        models = ModelCache(store, [], Metrics(), compile_audiences=partial(live_audiences, WITH_AUDIENCES))
        audiences = declared({"recent": RECENT}, 3)
        await store.declare(audiences.generation, 0, audiences.encode())
        await models.reach(0)
        assert (models.audiences, store.asked) == (None, 0)
        await models.reach(audiences.generation)
        assert models.audiences is not None
        assert models.audiences.ids == ("recent",)
        lost = audiences.generation + 1
        for _ in range(3):
            await models.reach(lost)  # the store has lost it: asking again and again would help nobody
        assert store.asked == 2

    asyncio.run(go())
