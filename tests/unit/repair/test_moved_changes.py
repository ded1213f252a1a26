"""After topics were grown, a rebuild sends the latest change of who moved to their new partition, once."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence

from streamseg.events.decode import Decoder
from streamseg.events.record import MemoryRecord
from streamseg.features.layout import Layout
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership
from streamseg.ports import OutgoingRecord, PartitionMetadata
from streamseg.repair.rebuilder import Rebuilder
from streamseg.store.memory.state_store import MemoryStateStore
from streamseg.topics import CLICKS, INPUT_TOPICS, MEMBERSHIPS
from tests.support.partition import MONEY

LAYOUT = Layout.of()
BELONGS = {"stays": 0, "moves": 1, "moved-and-changed": 1, "erased": 1, "returned": 1}
HEADERS = (("ce_id", b"1"),)


class TwoPartitions:
    """A log of the change topic alone, and its sink."""

    def __init__(self) -> None:
        self.records: defaultdict[int, list[MemoryRecord]] = defaultdict(list)

    def add(self, partition: int, customer: str, seq: int, *, erased: bool = False) -> None:
        membership = Membership(customer, 7, seq, 1_000, {}, {}, Consent(ads=False, personalisation=True))
        headers = (("epoch", b"7"), ("seq", b"%d" % seq)) if erased else HEADERS
        self._append(partition, customer.encode(), None if erased else encode(membership), headers)

    def _append(
        self, partition: int, key: bytes, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...]
    ) -> None:
        records = self.records[partition]
        records.append(MemoryRecord(MEMBERSHIPS, partition, len(records), 0, key, value, headers))

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        for one in records:
            assert one.topic == MEMBERSHIPS
            assert one.partition is not None
            assert one.key is not None
            self._append(one.partition, one.key, one.value, one.headers)

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, len(self.records[partition]) if topic == MEMBERSHIPS else 0

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[MemoryRecord]]:
        if start < end:
            assert topic == MEMBERSHIPS
            yield self.records[partition][start:end]


async def rebuild(log: TwoPartitions, state: MemoryStateStore) -> list[MemoryRecord]:
    """Rebuild; return what was sent."""
    before = {partition: len(log.records[partition]) for partition in (0, 1)}
    one = Rebuilder(
        layout=LAYOUT,
        decoder=Decoder(MONEY),
        money=MONEY,
        state=state,
        log=log,
        sink=log,
        topics=dict.fromkeys(INPUT_TOPICS, ("id", 2)),
        belongs=lambda partition, customer: BELONGS[customer] == partition,
    )
    await one.rebuild()
    return [record for partition, count in before.items() for record in log.records[partition][count:]]


def test_the_latest_change_of_who_moved_is_sent_once_and_nobody_elses() -> None:
    async def go() -> None:
        log, state = TwoPartitions(), MemoryStateStore()
        of_one = {CLICKS: ("id", 1)}
        await state.swap(0, PartitionMetadata(7, "", 0, checkpoint={}, topics=of_one, layout=LAYOUT.fingerprint))
        for customer in BELONGS:
            log.add(0, customer, 1)
        log.add(0, "moves", 3)
        log.add(0, "moves", 2)  # late
        log.add(1, "moved-and-changed", 2)
        log.add(0, "erased", 2, erased=True)
        log.add(1, "returned", 1)  # of a time before: it was on this partition, left it and is here again
        log.add(0, "returned", 2)
        moves, last = log.records[0][5], log.records[0][-1]
        sent = await rebuild(log, state)
        assert {(one.partition, one.key, one.value, one.headers) for one in sent} == {
            (1, b"moves", moves.value, HEADERS),
            (1, b"erased", None, (("epoch", b"7"), ("seq", b"2"))),
            (1, b"returned", last.value, HEADERS),
        }
        assert await rebuild(log, state) == []

    asyncio.run(go())


def test_nothing_is_sent_where_no_topic_has_grown() -> None:
    async def go() -> None:
        log, state = TwoPartitions(), MemoryStateStore()
        of_two = dict.fromkeys(INPUT_TOPICS, ("id", 2))
        await state.swap(0, PartitionMetadata(7, "", 0, checkpoint={}, topics=of_two, layout=LAYOUT.fingerprint))
        log.add(0, "stays", 1)
        log.add(0, "moves", 1)
        assert await rebuild(log, state) == []

    asyncio.run(go())
