"""Declared segments in one partition: through kills at any call, in silence, and when the rules change."""

import asyncio
import json
from collections import defaultdict
from dataclasses import replace

from streamseg.audiences.segment_rules import SegmentRules
from streamseg.clustering import identity
from streamseg.membership.encoding import decode
from streamseg.topics import CLICKS, MEMBERSHIPS, PURCHASES
from streamseg.worker.layout_check import RowLayouts
from tests.support.declared import segment_rules
from tests.support.gate import Gate, Point
from tests.support.partition import LAYOUT, SNAPSHOT, OnePartition, Servers, until

DAY = 86_400.0
BOTH = replace(LAYOUT, segmentations=(*LAYOUT.segmentations, "status"), audiences=1)
LAYOUTS = RowLayouts(BOTH, frozenset(), frozenset(BOTH.segmentations))
STATUS = segment_rules(
    lapsed={"all": [{"event": "purchase"}, {"event": "purchase", "none_within": "2 days"}]},
    customer={"event": "purchase"},
    prospect=None,
)
BUYERS = [f"b-{number}" for number in range(4)]
VISITORS = [f"v-{number}" for number in range(4)]
ACTIVE = "c-active"
AFTER = dict.fromkeys(BUYERS, "status-lapsed") | dict.fromkeys([*VISITORS, ACTIVE], "status-prospect")


def worker_on(servers: Servers, name: str, rules: SegmentRules = STATUS, gate: Gate | None = None) -> OnePartition:
    return OnePartition(servers, name, gate, run=3, rows=LAYOUTS, declared={"status": rules})


async def shop() -> Servers:
    """Everybody comes or buys on the first day; only one customer is seen after that, and the clock with them."""
    servers = Servers()
    await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    for n, (buyer, visitor) in enumerate(zip(BUYERS, VISITORS, strict=True)):
        servers.log.event(
            PURCHASES, buyer, f"p-{n}", n * 60.0, transaction_id=f"t-{n}", value=10.0, currency="EUR",
        )  # fmt: skip
        servers.log.event(CLICKS, visitor, f"v-{n}", n * 60.0, event_name="view_item")
    return servers


def silence(servers: Servers) -> None:
    for n in range(3):
        servers.log.event(CLICKS, ACTIVE, f"a-{n}", 3 * DAY, event_name="scroll")


async def segments(servers: Servers) -> dict[str, str | None]:
    strings = await servers.memberships.read([*AFTER])
    told = {
        one: None if of is None else decode(of).segments.get("status") for one, of in zip(AFTER, strings, strict=True)
    }
    return {one: None if of is None else of.id for one, of in told.items()}


async def until_segments(
    servers: Servers, expected: dict[str, str | None] | dict[str, str], gate: Gate | None = None
) -> None:
    async with asyncio.timeout(10.0):
        while await segments(servers) != expected and not (gate is not None and gate.stopped.is_set()):
            await asyncio.sleep(0.002)


def by_changes(servers: Servers) -> dict[str, str]:
    """Who is in which segment by the change topic alone: each exit is of the segment that was entered."""
    inside, seen = dict[str, str](), set[tuple[str, int, int]]()
    for record in servers.log.records[MEMBERSHIPS]:
        told = json.loads(record.value or b"{}")
        customer = (record.key or b"").decode()
        if (order := (customer, told["epoch"], told["seq"])) in seen:
            continue
        seen.add(order)
        for one in told["changes"]:
            if one["segmentation"] != "status":
                continue
            if one["change"] == "exited":
                assert inside.pop(customer) == one["segment"]
            else:
                assert customer not in inside
                inside[customer] = one["segment"]
    return inside


def sizes(servers: Servers) -> dict[str, int]:
    metadata = servers.state._of(0).metadata
    assert metadata is not None
    return {one: size for one, size in metadata.sizes.items() if one.startswith("status-")}


def counted(expected: dict[str, str]) -> dict[str, int]:
    found = defaultdict[str, int](int)
    for segment in expected.values():
        found[segment] += 1
    return dict(found)


def forget_names() -> None:
    """As in another process, which has met no name of a declared segment."""
    identity._DECLARED.clear()
    identity._DECLARED[identity.OUTSIDE] = identity.OUTSIDE_NAME
    identity._declared_code.cache_clear()
    identity.id_of.cache_clear()


async def through(at: Point | None) -> list[Point]:
    """Stop a worker at a point, on the way through the events and the silence after them, and let another go on."""
    servers, gate = await shop(), Gate(at) if at is not None else Gate()
    first, second = worker_on(servers, "first", gate=gate), worker_on(servers, "second")
    await first.begin()
    await until(lambda: gate.stopped.is_set() or first.is_done)
    silence(servers)
    await until_segments(servers, AFTER, gate if at is not None else None)
    await until(lambda: gate.stopped.is_set() or first.is_done)
    passed = list(gate.passed)
    await first.close()
    if at is not None:
        await second.begin()
        await until_segments(servers, AFTER)
        await until(lambda: second.is_done and second.partition.relay.is_idle)
        await second.close()
    assert by_changes(servers) == AFTER
    assert sizes(servers) == counted(AFTER)
    assert not first.failures + second.failures
    return passed


def test_a_worker_that_stops_at_any_call_decides_nothing_twice_and_loses_no_end_of_a_window() -> None:
    points = asyncio.run(through(None))
    assert {"before flush", "after flush", "before write", "after send"} <= {name for name, _ in points}
    for at in points:
        asyncio.run(through(at))


def test_rules_that_changed_count_from_the_start_and_a_removed_segment_exits_under_its_name() -> None:
    async def go() -> None:
        servers = await shop()
        worker = worker_on(servers, "first")
        await worker.begin()
        before = dict.fromkeys(BUYERS, "status-customer") | dict.fromkeys(VISITORS, "status-prospect") | {ACTIVE: None}
        await until_segments(servers, before)
        await until(lambda: worker.is_done and worker.partition.relay.is_idle)
        await worker.close()
        assert sizes(servers) == {"status-customer": 4, "status-prospect": 4}

        forget_names()
        other = worker_on(servers, "second", segment_rules(buyer={"event": "purchase"}, prospect=None))
        await other.begin()
        after = before | dict.fromkeys(BUYERS, "status-buyer")
        await until_segments(servers, after)
        await until(lambda: other.is_done and other.partition.relay.is_idle)
        await other.close()
        assert by_changes(servers) == {one: of for one, of in after.items() if of is not None}
        assert sizes(servers) == {"status-buyer": 4, "status-prospect": 4}

    asyncio.run(go())
