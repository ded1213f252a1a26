"""Compare the live store with the log, without disturbing the workers.

- Where the log is complete, a row must hold all events up to its last applied offsets, each once.
- Where retention has removed records, or customers changed partitions when the topics were grown, rows are copied
  twice. The second copy must equal the first plus the events between the last applied offsets of the two.

In both cases row, membership string and last change record must agree, and nobody without events may have a sample.
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
from streamseg.repair.row_comparison import RowDifference, customers_with
from streamseg.repair.sample_check import SampleCheck
from streamseg.repair.single_pass import ERASURES_FIRST, SinglePass, last_applied_offsets
from streamseg.repair.stored_rows import PartitionCopy, copy_partition
from streamseg.topics import INPUT_TOPICS, MEMBERSHIPS


@dataclass(slots=True)
class VerifyReport:
    """What was compared, and what differs."""

    customers: int = 0
    events: int = 0
    differences: list[RowDifference] = field(default_factory=list)
    changes_missing: list[str] = field(default_factory=list)
    """Customers whose row, membership string and last change record disagree."""
    samples_left: list[str] = field(default_factory=list)
    """Customers who were erased or have expired, and still have a sample."""
    windows: int = 0
    """Number of partitions with an incomplete log: compared between two copies."""

    @property
    def good(self) -> bool:
        """True if nothing differs."""
        return not self.differences and not self.changes_missing and not self.samples_left

    def counts(self) -> dict[str, int]:
        """Return the counts that `--json` prints: compared, and customers by kind of difference."""
        return {
            "customers": self.customers,
            "events": self.events,
            "lost": customers_with(self.differences, "lost"),
            "doubled": customers_with(self.differences, "doubled"),
            "different": customers_with(self.differences, "different"),
            "changes_missing": len(self.changes_missing),
            "samples_left": len(self.samples_left),
        }


class Verifier:
    """Compares partitions one after the other, and adds the results to one report.

    Args:
        layout: layout of the rows.
        decoder: same as that of the workers.
        money: same as that of the workers.
        state: the live rows.
        memberships: the live membership strings.
        log: the retained log.
        belongs: returns whether a customer's key falls on a partition.
        topics: current id and partition count of each input topic; None: not checked.
        retention_seconds: time without an event after which customers expire.
        event_clock: whether partitions use the clock of their events.
        window_seconds: wall time between the two copies where the log is incomplete.
        delivery_seconds: see `ConsistencyCheck`.
        retry_seconds: see `ConsistencyCheck`.
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
        delivery_seconds: float = 20.0,
        retry_seconds: float = 0.5,
    ) -> None:
        self.report = VerifyReport()
        self.window_seconds = window_seconds
        self._layout = layout
        self._decoder = decoder
        self._money = money
        self._state = state
        self._log = log
        self._belongs = belongs
        self._topics = topics
        self._retention_seconds = retention_seconds
        self._event_clock = event_clock
        self._consistency = ConsistencyCheck(
            layout, state, memberships, delivery_seconds=delivery_seconds, retry_seconds=retry_seconds
        )
        self._samples = SampleCheck(layout, state, log, delivery_seconds=delivery_seconds, retry_seconds=retry_seconds)

    async def verify(self, partition: int) -> None:
        """Compare one partition.

        Raises:
            StreamsegError: the topics have changed since the rows were written, or the store went back to an older
                state during the comparison.
        """

        def belongs(customer: str) -> bool:
            return self._belongs(partition, customer)

        replay = SinglePass(self._layout, self._decoder, self._money, belongs, self._retention_seconds)
        starts = {topic: (await self._log.bounds(topic, partition))[0] for topic in INPUT_TOPICS}
        metadata = await self._state.metadata(partition)
        if metadata is not None and self._topics and dict(metadata.topics) not in ({}, dict(self._topics)):
            raise StreamsegError(
                "topics were created again or grown since the rows were written: run `streamseg rebuild`"
            )
        if any(starts.values()) or (metadata is not None and metadata.gathered):
            self.report.windows += 1
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
        missing = await self._replay(partition, replay, starts, live)
        missing |= dict.fromkeys(first.rows.keys() - live.rows.keys(), "the first copy has it")
        self.report.differences += self._lost_rows(missing, first, replay)
        self.report.customers += len(live.rows)
        self.report.events += replay.events
        self.report.differences += replay.compare(live.rows)
        self.report.changes_missing += await self._consistency.inconsistent(
            partition, list(live.rows), belongs, _ChangeReader(self._log, partition).catch_up
        )
        self.report.samples_left += await self._samples.left(partition, belongs)

    def _lost_rows(self, missing: Mapping[str, str], first: PartitionCopy, replay: SinglePass) -> list[RowDifference]:
        """Return the missing rows, by customer with the evidence, except those of customers that have expired."""
        latest = self._last_seen(first, missing.keys()) | replay.latest
        now = replay.now if self._event_clock else time.time()
        return [
            RowDifference(customer, "row", "none", evidence, "lost")
            for customer, evidence in missing.items()
            if latest.get(customer, now) > now - self._retention_seconds
        ]

    def _last_seen(self, copy: PartitionCopy, customers: Collection[str]) -> dict[str, float]:
        rows = Rows(self._layout)
        known = {customer: copy.rows[customer] for customer in customers if customer in copy.rows}
        slots = rows.load(list(known), list(known.values()))
        return dict(zip(known, rows.last_seen[slots].tolist(), strict=True))

    async def _replay(
        self, partition: int, replay: SinglePass, starts: Mapping[str, int], live: PartitionCopy
    ) -> dict[str, str]:
        """Replay all topics; return the customers that have events but no row, with the topic as evidence."""
        missing: dict[str, str] = {}
        last_applied = last_applied_offsets(self._layout, live.rows)
        for source in ERASURES_FIRST:
            topic, until = INPUT_TOPICS[source], last_applied[source]
            done = live.checkpoint.get(topic, 0)
            end = max([done, *(offset + 1 for offset in until.values())])
            async for records in self._log.read(topic, partition, starts[topic], end):
                replay.take(source, records, until)
            missing |= {customer: f"{topic} has events" for customer, offset in replay.unknown.items() if offset < done}
            replay.unknown.clear()
        return missing

    def _check_forward(self, first: PartitionCopy, second: PartitionCopy) -> None:
        before = last_applied_offsets(self._layout, first.rows)
        after = last_applied_offsets(self._layout, second.rows)
        for old, new in zip(before, after, strict=True):
            if any(new.get(customer, -1) < offset for customer, offset in old.items()):
                raise StreamsegError("the store went back to an older state between the two copies: verify again")


class _ChangeReader:
    """Follows the change topic of a partition."""

    def __init__(self, log: Log, partition: int) -> None:
        self._log = log
        self._partition = partition
        self._next = 0
        self._changes = LatestChanges()

    async def catch_up(self) -> LatestChanges:
        """Read up to the current end of the topic; return the latest change of each customer."""
        first, end = await self._log.bounds(MEMBERSHIPS, self._partition)
        async for records in self._log.read(MEMBERSHIPS, self._partition, max(self._next, first), end):
            for record in records:
                self._changes.read(record)
        self._next = end
        return self._changes
