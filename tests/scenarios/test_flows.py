"""Moves between segments: after any stop of a worker, counted once each. Issue 13, item 26.

The moves are compared with the change records: each record has the entry or exit that its flush decided, once by
(epoch, seq), and every customer is public here.
"""

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import replace

import msgspec
import pytest

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.rows import Rows
from streamseg.pipeline.event_time import SUPPORT
from streamseg.ports import Flow
from streamseg.topics import CLICKS, HISTORY, MEMBERSHIPS
from streamseg.worker.partition import state
from tests.support.gate import Gate, Point
from tests.support.kill_points import calls_until_done, filled_servers
from tests.support.partition import LAYOUT, NUMBER, QUICK, SNAPSHOT, OnePartition, Servers, fill, until

EVENTS = 60
CUSTOMERS = 5
RUN = 15
"""Small enough for customers to be looked at often, and to move."""
NOTES = replace(QUICK, change_topic_end=0.01)


async def flows(servers: Servers) -> Counter[Flow]:
    total: Counter[Flow] = Counter()
    for one in await servers.state.flows(NUMBER):
        total.update(one.counts)
    return total


def decided(servers: Servers) -> Counter[Flow]:
    """The moves in the change records, each record once. An erased customer leaves without an exit."""
    seen: set[tuple[str, int, int]] = set()
    at: dict[str, str | None] = {}
    total: Counter[Flow] = Counter()
    for record in servers.log.records[MEMBERSHIPS]:
        assert record.key is not None
        customer = record.key.decode()
        if record.value is None:
            if at.get(customer) is not None:
                total[at.pop(customer), None] += 1
            continue
        change = msgspec.json.decode(record.value)
        order = (customer, change["epoch"], change["seq"])
        if order in seen:
            continue
        seen.add(order)
        now = (change["segments"]["behaviour"] or {}).get("id")
        if now != at.get(customer):
            total[at.get(customer), now] += 1
            at[customer] = now
    return total


Change = tuple[int, int, str]
"""Epoch, seq and the changes as JSON."""


def published(servers: Servers) -> dict[str, set[Change]]:
    """The change records of each customer since the latest tombstone."""
    found: defaultdict[str, set[Change]] = defaultdict(set)
    for record in servers.log.records[MEMBERSHIPS]:
        assert record.key is not None
        if record.value is None:
            found.pop(record.key.decode(), None)
        else:
            change = msgspec.json.decode(record.value)
            found[record.key.decode()].add((change["epoch"], change["seq"], json.dumps(change["changes"])))
    return dict(found)


def history(servers: Servers) -> dict[str, set[Change]]:
    """The history as a reader must take it: each record once, without what was to be forgotten."""
    found: defaultdict[str, set[Change]] = defaultdict(set)
    forgotten: dict[str, tuple[int, int]] = {}
    for record in servers.log.records[HISTORY]:
        assert record.value is not None
        one = msgspec.json.decode(record.value)
        customer, order = one["customer_id"], (one["epoch"], one["seq"])
        assert record.key == customer.encode()
        if one.get("forget"):
            forgotten[customer] = max(order, forgotten.get(customer, (0, 0)))
        else:
            found[customer].add((*order, json.dumps(one["changes"])))
    kept = {who: {one for one in all_ if one[:2] > forgotten.get(who, (0, 0))} for who, all_ in found.items()}
    return {who: changes for who, changes in kept.items() if changes}


async def members(servers: Servers) -> Counter[str]:
    """The customers of each segment, from the stored rows."""
    stored = dict((await servers.state.scan(NUMBER, 0, 1_000))[1])
    rows = Rows(LAYOUT, len(stored))
    slots = rows.load(list(stored), list(stored.values()))
    return Counter(id_of("behaviour", code) for code in rows.segment[slots, 0].tolist() if code != UNASSIGNED)


def net(moves: Counter[Flow]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for (before, after), count in moves.items():
        for segment, step in ((before, -count), (after, count)):
            if segment is not None:
                total[segment] += step
    return {segment: size for segment, size in total.items() if size}


async def points() -> list[Point]:
    return await calls_until_done(await filled_servers(EVENTS, CUSTOMERS), RUN)


async def kill_and_take_over(at: Point) -> None:
    made, gate = await filled_servers(EVENTS, CUSTOMERS), Gate(at)
    first, second = OnePartition(made, "first", gate, RUN), OnePartition(made, "second", run=RUN)
    await first.begin()
    try:
        await until(lambda: gate.stopped.is_set() or first.is_done)
        await first.close()
        await second.begin()
        fill(made.log, EVENTS, EVENTS, CUSTOMERS)
        await until(lambda: second.is_done)
    finally:
        await first.close()
        await second.close()
    counted = await flows(made)
    assert counted == decided(made)
    assert net(counted) == await members(made)
    assert history(made) == published(made)
    assert any(None not in flow for flow in counted)


@pytest.mark.slow
def test_after_a_kill_at_any_call_moves_equal_the_decided_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "FLUSH_ROWS", 4)  # several calls to a flush, and a kill between them
    for at in asyncio.run(points()):
        asyncio.run(kill_and_take_over(at))


async def roll_back(after: int) -> None:
    """Lose rows and moves from record `after` on, which were published run by run."""
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    fill(made.log, 0, after, CUSTOMERS)
    first, second = OnePartition(made, "first", run=1, pace=NOTES), OnePartition(made, "second", run=200, pace=NOTES)
    await first.begin()
    try:
        await until(lambda: first.is_done)
        copied = made.copy_store()
        fill(made.log, after, EVENTS - after, CUSTOMERS)
        await until(lambda: first.is_done)
        await first.close()
        made.go_back(copied)
        await second.begin()
        fill(made.log, EVENTS, 1, CUSTOMERS)
        await until(lambda: second.is_done)
        await until(lambda: not second.partition._state._catch_up)
    finally:
        await first.close()
        await second.close()
    assert net(await flows(made)) == await members(made)


@pytest.mark.parametrize("after", [12, 30, 45, 58])
def test_after_the_store_went_back_moves_add_up_to_the_members(after: int) -> None:
    asyncio.run(roll_back(after))


def test_a_rebuild_counts_no_move() -> None:
    async def go() -> None:
        made = await filled_servers(EVENTS, CUSTOMERS)
        worker = OnePartition(made, "worker", run=RUN)
        await worker.begin()
        await until(lambda: worker.is_done)
        await worker.close()
        counted, before = await flows(made), await members(made)
        metadata = await made.state.metadata(NUMBER)
        assert metadata is not None
        await made.state.unstage(NUMBER)
        stored = dict((await made.state.scan(NUMBER, 0, 1_000))[1])
        rows = Rows(LAYOUT, len(stored))
        slots = rows.load(list(stored), list(stored.values()))
        rows.segment[slots] = rows.seq[slots] = 0  # the input topics do not tell what was decided
        await made.state.stage(NUMBER, list(zip(stored, rows.dump(slots), strict=True)))
        inputs = {topic: at for topic, at in metadata.checkpoint.items() if topic != MEMBERSHIPS}
        await made.state.swap(NUMBER, replace(metadata, checkpoint=inputs, sizes={}))
        worker = OnePartition(made, "next", run=RUN)
        for n in range(SUPPORT):  # they start the clock of the new owner
            made.log.event(CLICKS, "c-0", f"again-{n}", EVENTS * 60.0, event_name="view_item")
        await worker.begin()
        await until(lambda: worker.is_done and not worker.partition._state._catch_up)
        await worker.close()
        assert await members(made) == before
        assert await flows(made) == counted

    asyncio.run(go())
