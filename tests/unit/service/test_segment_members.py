"""Issue 13, item 26: `segments members` lists who is in a segment, each once, without holding them all in memory."""

import json

import pytest

from streamseg.clustering.identity import code_of
from streamseg.errors import NotFoundError
from streamseg.features.layout import Layout
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
from streamseg.service.segment_members import SegmentMember, segment_members
from streamseg.store.memory import MemoryMembershipStore, MemoryModelStore, MemoryStateStore
from tests.support.rows import NOON, Slab, click
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

LAYOUT = Layout.of(segmentations=("behaviour", "worth"))
PARTITIONS, CUSTOMERS = 2, 12
SEGMENT, SHADOW = "behaviour-aaaa", "worth-cccc"


class RepeatingScan(MemoryStateStore):
    """Returns every row twice, as a store may while it grows, and counts the rows per call."""

    largest = 0

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[tuple[str, bytes]]]:
        following, found = await super().scan(partition, cursor, count)
        self.largest = max(self.largest, len(found))
        return following, found + found


class Stage:
    """Stored rows, memberships and a catalogue: customers 0, 3, 6 ... are in the segment, all are in the shadow one."""

    def __init__(self) -> None:
        self.state = RepeatingScan()
        self.memberships = MemoryMembershipStore(ttl_seconds=3600)
        self.models = MemoryModelStore()

    async def fill(self) -> None:
        entries = {SEGMENT: {"shadow": False}, SHADOW: {"shadow": True}}
        await self.models.write_catalogue({name: json.dumps(entry).encode() for name, entry in entries.items()})
        for partition in range(PARTITIONS):
            customers = [f"c-{partition}-{n}" for n in range(CUSTOMERS)]
            slab = Slab(LAYOUT, customers)
            slab.feed([click(NOON) for _ in customers], range(CUSTOMERS))
            own = [f"behaviour-{'aaaa' if n % 3 == 0 else 'bbbb'}" for n in range(CUSTOMERS)]
            slab.rows.segment[slab.all, 0] = [code_of(segment) for segment in own]
            slab.rows.segment[slab.all, 1] = code_of(SHADOW)
            slab.rows.since[slab.all, 1] = range(100, 100 + CUSTOMERS)
            rows = dict(zip(customers, slab.stored(), strict=True))
            await store_rows(self.state, LAYOUT, rows, partition, PARTITIONS)
            for n, customer in enumerate(customers):
                if n != 6:  # decided, but not delivered yet
                    await self.publish(customer, own[n], 1_000 + n)

    async def publish(self, customer: str, segment: str, since: int) -> None:
        one = SegmentMembership(segment, since, 0.5)
        membership = Membership(customer, 1, 1, since, {"behaviour": 1}, {"behaviour": one}, Consent(True, True))
        await self.memberships.write([OutboxEntry(customer, 1, 1, encode(membership))])

    async def members(self, segment: str) -> list[SegmentMember]:
        found = segment_members(self.state, self.memberships, self.models, LAYOUT, segment)
        return [member async for member in found]


async def test_published_members_of_all_partitions_are_listed_once() -> None:
    stage = Stage()
    await stage.fill()
    found = await stage.members(SEGMENT)
    expected = [(f"c-{partition}-{n}", 1_000 + n, 0.5) for partition in range(PARTITIONS) for n in (0, 3, 9)]
    assert sorted((one.customer_id, one.since, one.score) for one in found) == expected


async def test_members_in_shadow_come_from_the_rows_without_a_score() -> None:
    stage = Stage()
    await stage.fill()
    found = await stage.members(SHADOW)
    assert len(found) == PARTITIONS * CUSTOMERS
    assert {(one.since, one.score) for one in found} == {(100 + n, None) for n in range(CUSTOMERS)}


async def test_rows_are_read_in_pages_and_handed_on_before_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    stage = Stage()
    await stage.fill()
    scanned = []
    scan = stage.state.scan

    async def counted(partition: int, cursor: int, count: int) -> tuple[int, list[tuple[str, bytes]]]:
        scanned.append(partition)
        return await scan(partition, cursor, count)

    monkeypatch.setattr(stage.state, "scan", counted)
    members = segment_members(stage.state, stage.memberships, stage.models, LAYOUT, SHADOW, at_once=2)
    await anext(members)
    assert set(scanned) == {0}
    assert len([member async for member in members]) == PARTITIONS * CUSTOMERS - 1
    assert stage.state.largest < CUSTOMERS


@pytest.mark.parametrize("segment", ["behaviour-zzzz", "taste-aaaa", "", "nothing"])
async def test_an_unknown_segment_is_refused(segment: str) -> None:
    stage = Stage()
    await stage.fill()
    with pytest.raises(NotFoundError, match=f"there is no segment {segment}"):
        await stage.members(segment)
