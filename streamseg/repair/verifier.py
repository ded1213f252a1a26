"""Replays the log beside the live store and says where they differ; the workers are not disturbed.

- Where the log is whole, a row must hold all events up to its fences, each once.
- Where the log no longer reaches back, or customers were moved here when the topics were grown, a row is copied twice,
  and the second copy must be the first plus the events between the fences of the two.

In both cases row, membership string and last change record must agree.
"""

import asyncio
import math
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from streamseg.errors import StreamsegError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.latest_changes import LatestChanges
from streamseg.ports import Log, MembershipStore, StateStore
from streamseg.repair.consistency import ConsistencyCheck
from streamseg.repair.single_pass import Kind, RowDifference, SinglePass, fences_of
from streamseg.topics import INPUT_TOPICS, MEMBERSHIPS

ERASURES_FIRST = tuple(reversed(range(len(INPUT_TOPICS))))
"""Clicks last: theirs are the ids that the rings end with."""
SCAN_ROWS = 1_000


@dataclass(slots=True)
class VerifyReport:
    """What was compared, and what differed."""

    customers: int = 0
    events: int = 0
    differences: list[RowDifference] = field(default_factory=list)
    changes_missing: list[str] = field(default_factory=list)
    windows: int = 0
    """Assignment whose log is not whole: compared between two copies."""

    def customers_with(self, kind: Kind) -> int:
        """How many customers have a difference of this kind."""
        return len({one.customer_id for one in self.differences if one.kind == kind})

    @property
    def good(self) -> bool:
        """Nothing differs."""
        return not self.differences and not self.changes_missing

    def counts(self) -> dict[str, int]:
        """The numbers, as `--json` prints them."""
        return {
            "customers": self.customers,
            "events": self.events,
            "lost": self.customers_with("lost"),
            "doubled": self.customers_with("doubled"),
            "different": self.customers_with("different"),
            "changes_missing": len(self.changes_missing),
        }


@dataclass(frozen=True, slots=True)
class Copy:
    """Rows of a partition as stored, and the checkpoint read before them: they hold at least what it says."""

    checkpoint: Mapping[str, int]
    rows: Mapping[str, bytes]


async def copy_partition(state: StateStore, partition: int) -> Copy:
    """Copy a partition's rows while its worker goes on."""
    head = await state.metadata(partition)
    rows: dict[str, bytes] = {}
    cursor = 0
    while True:
        cursor, piece = await state.scan(partition, cursor, SCAN_ROWS)
        rows.update(piece)
        if cursor == 0:
            return Copy(dict(head.checkpoint) if head else {}, rows)


class Verifier:
    """Compares partitions one after the other, adding to one verdict.

    Args:
        layout: of the rows.
        decoder: as the workers have it.
        money: as the workers have it.
        state: the live rows.
        memberships: the live strings.
        log: the retained log.
        belongs: whether a customer's key falls on a partition.
        topics: id and partition count of each input topic, as the broker has them now; none are not compared.
        retention_seconds: after how much silence customers leave.
        event_clock: whether the partitions' clock is that of their events.
        window_seconds: wall time between the two copies where the log is not whole.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        decoder: Decoder,
        money: Money,
        state: StateStore,
        memberships: MembershipStore,
        log: Log,
        belongs: Callable[[int, str], bool],
        topics: Mapping[str, tuple[str, int]] | None = None,
        retention_seconds: float = math.inf,
        event_clock: bool = True,
        window_seconds: float = 10.0,
    ) -> None:
        self.verdict = VerifyReport()
        self._layout = layout
        self._decoder = decoder
        self._money = money
        self._state = state
        self._memberships = memberships
        self._log = log
        self._belongs = belongs
        self._topics = topics
        self._retention_seconds = retention_seconds
        self._event_clock = event_clock
        self.window_seconds = window_seconds

    async def verify(self, partition: int) -> None:
        """Compare one partition. Raises `StreamsegError` when the store went back to an older state meanwhile."""
        replay = SinglePass(
            self._layout,
            self._decoder,
            self._money,
            lambda customer: self._belongs(partition, customer),
            self._retention_seconds,
        )
        starts = {topic: (await self._log.bounds(topic, partition))[0] for topic in INPUT_TOPICS}
        head = await self._state.metadata(partition)
        if head is not None and self._topics and dict(head.topics) not in ({}, dict(self._topics)):
            raise StreamsegError("the topics were made anew or grown since the rows were written: `streamseg rebuild`")
        if any(starts.values()) or (head is not None and head.gathered):
            self.verdict.windows += 1
            first = await copy_partition(self._state, partition)
            starts = {topic: max(start, first.checkpoint.get(topic, 0)) for topic, start in starts.items()}
            await asyncio.sleep(self.window_seconds)
            live = await copy_partition(self._state, partition)
            self._check_forward(first, live)
            replay.expect(live.rows)
            replay.start_from(first.rows)
        else:
            first = live = await copy_partition(self._state, partition)
            replay.expect(live.rows)
        lost = await self._replay(partition, replay, starts, live)
        lost |= dict.fromkeys(first.rows.keys() - live.rows.keys(), "the first copy has it")
        latest = self._last_seen(first, lost.keys()) | replay.latest
        now = replay.now if self._event_clock else time.time()
        self.verdict.differences += [
            RowDifference(customer, "row", "none", what, "lost")
            for customer, what in lost.items()
            if latest.get(customer, now) > now - self._retention_seconds
        ]
        self.verdict.customers += len(live.rows)
        self.verdict.events += replay.events
        self.verdict.differences += replay.compare(live.rows)
        self.verdict.changes_missing += await ConsistencyCheck(self._layout, self._state, self._memberships).broken(
            partition, list(live.rows), _ChangeReader(self._log, partition)
        )

    def _last_seen(self, copy: Copy, customers: Collection[str]) -> dict[str, float]:
        rows = Rows(self._layout)
        known = {customer: copy.rows[customer] for customer in customers if customer in copy.rows}
        slots = rows.load(list(known), list(known.values()))
        return dict(zip(known, rows.last_seen[slots].tolist(), strict=True))

    async def _replay(
        self, partition: int, replay: SinglePass, starts: Mapping[str, int], live: Copy
    ) -> dict[str, str]:
        """Take all topics; customers of whom they have events but the store no row, and what they have."""
        lost: dict[str, str] = {}
        fences = fences_of(self._layout, live.rows)
        for source in ERASURES_FIRST:
            topic, until = INPUT_TOPICS[source], fences[source]
            done = live.checkpoint.get(topic, 0)
            end = max([done, *(fence + 1 for fence in until.values())])
            async for records in self._log.read(topic, partition, starts[topic], end):
                replay.take(source, records, until)
            lost |= {customer: f"{topic} has events" for customer, offset in replay.unknown.items() if offset < done}
            replay.unknown.clear()
        return lost

    def _check_forward(self, first: Copy, second: Copy) -> None:
        before, after = fences_of(self._layout, first.rows), fences_of(self._layout, second.rows)
        for old, new in zip(before, after, strict=True):
            if any(new.get(customer, -1) < fence for customer, fence in old.items()):
                raise StreamsegError("the store went back to an older state between the two copies: verify again")


class _ChangeReader:
    """Reads the change topic of a partition, each time up to its present end."""

    def __init__(self, log: Log, partition: int) -> None:
        self._log = log
        self._partition = partition
        self._next = 0
        self._announcements = LatestChanges()

    async def __call__(self) -> LatestChanges:
        first, end = await self._log.bounds(MEMBERSHIPS, self._partition)
        async for records in self._log.read(MEMBERSHIPS, self._partition, max(self._next, first), end):
            for record in records:
                self._announcements.read(record)
        self._next = end
        return self._announcements
