"""Rows made anew from the log, beside the live ones, and put in their place: after a change of what a row is, or where.

Memberships are served as they stand meanwhile. Workers of the old layout are refused from the swap on, and those of
the new one go on from where the log was read to; what was announced of a customer is taken over, so nobody moves.

Where the topics were grown, a customer's records lie on the partition of before and on that of now. So all partitions
are read for each, all rows are staged before the first is swapped, and the announcements are taken over right here.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.errors import StreamsegError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.features.codec import erasure_of
from streamseg.features.layout import NEVER, Layout
from streamseg.features.rows import Rows
from streamseg.membership.catch_up import CatchUp
from streamseg.membership.latest_changes import LatestChanges
from streamseg.membership.types import Membership
from streamseg.ports import Log, PartitionMetadata, StateStore
from streamseg.repair.single_pass import SinglePass
from streamseg.repair.verifier import ERASURES_FIRST
from streamseg.topics import CLICKS, INPUT_TOPICS, MEMBERSHIPS

ROWS_AT_ONCE = 1_000


class LogNotWholeError(StreamsegError):
    """The log no longer reaches back to the beginning: rows made from it would know less than the live ones."""


class _AllOf(dict[str, int]):
    """Fences for a pass over everything: above every offset for those who belong here, none for others."""

    def __init__(self, belongs: Callable[[str], bool]) -> None:
        self._belongs = belongs

    def get(self, customer: str, _: Any = None) -> Any:
        if customer not in self:
            self[customer] = sys.maxsize if self._belongs(customer) else -1
        return self[customer]


class Rebuilder:
    """Makes all partitions anew, one after the other.

    Args:
        layout: of the new rows.
        decoder: as the workers have it.
        money: as the workers have it.
        state: where the rows are.
        log: the retained log.
        topics: id and partition count of each input topic, as the broker has them now.
        belongs: whether a customer's key falls on a partition.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        decoder: Decoder,
        money: Money,
        state: StateStore,
        log: Log,
        topics: Mapping[str, tuple[str, int]],
        belongs: Callable[[int, str], bool],
    ) -> None:
        self._layout = layout
        self._decoder = decoder
        self._money = money
        self._state = state
        self._log = log
        self._topics = topics
        self._belongs = belongs
        self._all = range(topics[CLICKS][1])

    async def check_whole(self) -> None:
        """Raise `LogNotWholeError` when the log does not have everything that the live rows were made of."""
        for partition in self._all:
            head = await self._state.metadata(partition)
            for topic in INPUT_TOPICS:
                if (await self._log.bounds(topic, partition))[0] > 0:
                    raise LogNotWholeError(f"retention has removed records of {topic}")
                before = (head.topics if head else {}).get(topic, self._topics[topic])
                if before[0] != self._topics[topic][0]:
                    raise LogNotWholeError(f"{topic} was made anew since the rows were written")

    async def rebuild(self, done: Callable[[], object] = lambda: None) -> tuple[int, int]:
        """Make the rows anew and swap them in; how many customers, and how many events their rows hold.

        `done` is called for each partition.
        """
        gather, erased = await self._is_grown(), await self._erased()
        customers, events, swaps = 0, 0, []
        for partition in self._all:
            replay, ends = await self._replay(partition, erased, gather=gather)
            sizes = await self._take_over(partition, replay.rows) if gather else {}
            await self._stage(partition, replay.rows)
            head = PartitionMetadata(
                0,
                "",
                0,
                checkpoint=ends,
                topics=self._topics,
                layout=self._layout.fingerprint,
                sizes=sizes,
                gathered=gather,
            )
            if gather:
                swaps.append((partition, head))
            else:
                await self._state.swap(partition, head)
            customers, events = customers + len(replay.rows), events + replay.events
            done()
        for partition, head in swaps:
            await self._state.swap(partition, head)
        return customers, events

    async def _is_grown(self) -> bool:
        heads = [await self._state.metadata(partition) for partition in self._all]
        counts = {topic: count for topic, (_, count) in self._topics.items()}
        return any(
            head.gathered or any(count != counts[topic] for topic, (_, count) in head.topics.items())
            for head in heads
            if head is not None
        )

    async def _erased(self) -> dict[str, float]:
        """When each customer was erased of whom there is a marker: those outlive the log."""
        erased: dict[str, float] = {}
        for partition in self._all:
            cursor = -1
            while cursor:
                cursor, piece = await self._state.scan(partition, max(cursor, 0), ROWS_AT_ONCE)
                erased |= {customer: at for customer, row in piece if (at := erasure_of(row)) > NEVER}
        return erased

    async def _replay(
        self, partition: int, erased: Mapping[str, float], *, gather: bool
    ) -> tuple[SinglePass, dict[str, int]]:
        """All events of the customers of a partition, and where its topics ended."""
        replay = SinglePass(self._layout, self._decoder, self._money, lambda _: False)
        everything = _AllOf(lambda customer: self._belongs(partition, customer))
        ours = [customer for customer in erased if everything.get(customer) > 0]
        slots = replay.rows.load(ours, [None] * len(ours))
        replay.rows.erased_at[slots] = np.array([erased[customer] for customer in ours])
        places = [place for place in self._all if gather and place != partition]
        ends: dict[str, int] = {}
        for source in ERASURES_FIRST:
            topic = INPUT_TOPICS[source]
            for place in (*places, partition):  # its own last: the fences speak of it
                replay.rows.last_applied[:, source] = -1
                first, ends[topic] = await self._log.bounds(topic, place)
                async for records in self._log.read(topic, place, first, ends[topic]):
                    wanted = records if place == partition else list(self._keyed(partition, records))
                    replay.take(source, wanted, everything)
        return replay, ends

    def _keyed(self, partition: int, records: Sequence[Record]) -> Iterator[Record]:
        """The records whose key belongs on the partition; cheaper to ask than to decode the others."""
        return (one for one in records if one.key and self._belongs(partition, one.key.decode(errors="replace")))

    async def _take_over(self, partition: int, rows: Rows) -> dict[str, int]:
        """Put into the rows what was announced of their customers, wherever; the members of each segment."""
        told = LatestChanges()
        for place in self._all:
            async for records in self._log.read(MEMBERSHIPS, place, *await self._log.bounds(MEMBERSHIPS, place)):
                for record in self._keyed(partition, records):
                    told.read(record)
        latest: dict[str, Membership] = {
            customer: one.membership for customer, one in told.latest.items() if one.membership is not None
        }
        CatchUp(self._layout, latest).apply(rows, list(rows.slots), time.time())
        sizes: dict[str, int] = {}
        members = rows.segment[rows.slots_of(list(rows.slots))]
        for name, column in zip(self._layout.segmentations, members.T, strict=True):
            codes, counts = np.unique(column[column != UNASSIGNED], return_counts=True)
            sizes |= {id_of(name, code): count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
        return sizes

    async def _stage(self, partition: int, rows: Rows) -> None:
        await self._state.unstage(partition)
        customers = list(rows.slots)
        for start in range(0, len(customers), ROWS_AT_ONCE):
            piece = customers[start : start + ROWS_AT_ONCE]
            dumped = rows.dump(rows.slots_of(piece))
            await self._state.stage(partition, list(zip(piece, dumped, strict=True)))
