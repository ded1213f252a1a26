"""Events after an erasure begin anew, also in the flush of the erasure; what was before it is deleted everywhere."""

import asyncio
from dataclasses import dataclass, replace

import msgspec

from streamseg.features.rows import Rows
from streamseg.membership.encoding import decode, order_of
from streamseg.membership.types import Membership
from streamseg.pipeline import SampleValue, is_end
from streamseg.ports import Subscriber
from streamseg.topics import CLICKS, CONSENTS, ERASURES, MEMBERSHIPS, SAMPLES
from tests.support.change_records import CRM
from tests.support.gate import Gate, Point
from tests.support.partition import LAYOUT, NOON, NUMBER, SNAPSHOT, OnePartition, Servers, until
from tests.support.told import told

SHOP, ADS = CRM, replace(CRM, id="ads", purpose="ads")
CUSTOMER = "c-1"
BEFORE = 12
ERASED_AT = 10_000.0


class ErasuresFirst(OnePartition):
    """Reads erasures before the other topics, and all of them in one go: one flush has both."""

    async def _feed(self, places: dict[str, int]) -> None:
        await super()._feed(dict(reversed(places.items())))


async def first_life() -> Servers:
    servers = Servers()
    await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    for n in range(BEFORE):
        servers.log.event(CLICKS, CUSTOMER, f"before-{n}", n * 60.0, event_name="view_item")
    servers.log.event(CONSENTS, CUSTOMER, "allows", 1.0, consent={"ads": True})
    return servers


def erased_and_back(servers: Servers) -> None:
    servers.log.event(ERASURES, CUSTOMER, "erase", ERASED_AT)
    servers.log.event(CLICKS, CUSTOMER, "after", ERASED_AT + 60.0, event_name="view_item")


@dataclass(frozen=True)
class Left:
    """What the servers have of the customer at the end."""

    servers: Servers
    row_events: int
    string: Membership
    published: list[bytes | None]
    """Values on the change topic, in order."""
    samples: list[SampleValue]
    """As a reader of the compacted topic finds them."""

    def told(self, subscriber: Subscriber) -> list[str]:
        return told(self.servers.log.records[MEMBERSHIPS], subscriber, CUSTOMER)


async def left_in(servers: Servers) -> Left:
    rows = Rows(LAYOUT)
    (slot,) = rows.load([CUSTOMER], await servers.state.load(NUMBER, [CUSTOMER])).tolist()
    (string,) = await servers.memberships.read([CUSTOMER])
    assert string is not None
    latest = {record.key: record.value for record in servers.log.records[SAMPLES]}
    samples = [
        msgspec.json.decode(value, type=SampleValue) for key, value in latest.items() if value and not is_end(key)
    ]
    published = [record.value for record in servers.log.records[MEMBERSHIPS]]
    return Left(servers, int(rows.events[slot]), decode(string), published, samples)


async def one_after_the_other() -> Left:
    """The first life is delivered; erasure and return are one flush."""
    servers = await first_life()
    gate = Gate()
    worker = ErasuresFirst(servers, "worker", gate)
    await worker.begin()
    await until(lambda: worker.is_done)
    before = sum(name == "after flush" for name, _ in gate.passed)
    erased_and_back(servers)
    await until(lambda: worker.is_done)
    await worker.close()
    assert sum(name == "after flush" for name, _ in gate.passed) == before + 1
    return await left_in(servers)


async def killed(at: Point | None) -> tuple[list[Point], Left]:
    """Kill a worker somewhere in both lives, and let another one go on."""
    servers, gate = await first_life(), Gate(at)
    first, second = ErasuresFirst(servers, "first", gate), ErasuresFirst(servers, "second")
    await first.begin()
    try:
        await until(lambda: gate.stopped.is_set() or first.is_done)
        erased_and_back(servers)
        await until(lambda: gate.stopped.is_set() or first.is_done)
        passed = list(gate.passed)
        await first.close()
        await second.begin()
        await until(lambda: second.is_done)
        return passed, await left_in(servers)
    finally:
        await first.close()
        await second.close()


def test_readers_are_told_of_the_deletion_and_then_of_a_new_customer() -> None:
    left = asyncio.run(one_after_the_other())
    assert left.told(SHOP) == ["entered", "removed", "entered"]
    assert left.told(ADS) == ["entered", "removed"]  # the consent is erased too
    tombstone, last = left.servers.log.records[MEMBERSHIPS][-2:]
    assert tombstone.value is None
    headers = dict(tombstone.headers)
    order = int(headers["epoch"] or b""), int(headers["seq"] or b"")
    assert headers["previous_ads"] == b"true"
    earlier = max(order_of(value) or (0, 0) for value in left.published[:-2] if value)
    assert earlier < order < (order_of(last.value or b"") or (0, 0))


def test_row_string_and_sample_hold_only_what_came_after_the_erasure() -> None:
    left = asyncio.run(one_after_the_other())
    assert left.row_events == 1
    (segment,) = left.string.segments.values()
    assert segment is not None
    assert segment.since >= NOON + ERASED_AT
    assert left.string.consent.ads is False
    assert [sample.events for sample in left.samples] == [1]
    keys = [(record.key, record.value is None) for record in left.servers.log.records[SAMPLES]]
    assert keys[-2:] == [(b"behaviour|c-1", True), (b"behaviour|c-1", False)]


def test_sizes_count_the_customer_once() -> None:
    async def go() -> int:
        left = await one_after_the_other()
        metadata = await left.servers.state.metadata(NUMBER)
        assert metadata is not None
        report = await left.servers.verdict()
        assert report.good, report.differences
        return sum(metadata.sizes.values())

    assert asyncio.run(go()) == 1


def test_nothing_of_before_the_erasure_is_left_wherever_the_worker_is_killed() -> None:
    points, _ = asyncio.run(killed(None))
    assert {"after flush", "after write", "after send"} <= {name for name, _ in points}
    for at in points:
        _, left = asyncio.run(killed(at))
        assert left.row_events == 1, at
        assert all(sample.events == 1 for sample in left.samples), at
        assert left.string.as_of >= NOON + ERASED_AT, at
        old = [n for n, value in enumerate(left.published) if value and decode(value).as_of < NOON + ERASED_AT]
        deleted = [n for n, value in enumerate(left.published) if value is None]
        assert not old or max(deleted) > max(old), at
        new = [order_of(value) for value in left.published if value and decode(value).as_of >= NOON + ERASED_AT]
        assert (left.string.epoch, left.string.seq) == max(one for one in new if one), at
