"""Compute all rows again from the log and swap them in: after a change of the row layout or of the partition count.

Memberships are served all the time. After the swap, workers with the old layout are refused, and workers with the new
one continue from the end of the pass. Published memberships are copied into the rows, so no customer changes segment.
The checkpoint says how far, so a worker reads only the changes that came later, and not the whole topic into memory.

After topics were grown, a customer's records are on the old partition and on the new one. Therefore all partitions are
read for each, and all rows are staged before the first swap. The latest change of who moved to another partition is
sent there once more, because its owner and `verify` read no other partition of the change topic.
"""

import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.errors import StreamsegError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.features.codec import erasure_of
from streamseg.features.fields import NEVER
from streamseg.features.identifiers.identifier_conversion import doubt_identifiers
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.windows.conversion import doubt
from streamseg.membership.catch_up import COPIED, CatchUp
from streamseg.membership.latest_changes import LatestChanges
from streamseg.membership.types import Consent, Membership
from streamseg.pipeline import NOTHING_SAID, LiveAudiences, sizes_held
from streamseg.ports import EventSink, Log, OutgoingRecord, PartitionMetadata, StateStore
from streamseg.repair.single_pass import ERASURES_FIRST, SinglePass
from streamseg.service.row_scans import ROWS_AT_ONCE, scan_rows
from streamseg.topics import CLICKS, INPUT_TOPICS, MEMBERSHIPS, PROFILES


class LogNotWholeError(StreamsegError):
    """The log no longer has all events of the live rows: rows computed from it would lose some."""


class _AllEvents(dict[str, int]):
    """Offsets up to which a pass reads: all offsets for customers of the partition, none for others."""

    def __init__(self, belongs: Callable[[str], bool]) -> None:
        self._belongs = belongs

    def get(self, customer: str, _: Any = None) -> Any:
        if customer not in self:
            self[customer] = sys.maxsize if self._belongs(customer) else -1
        return self[customer]


class Rebuilder:
    """Rebuilds all partitions, one after the other.

    Args:
        layout: layout of the new rows.
        decoder: same as that of the workers.
        money: same as that of the workers.
        state: the store of the rows.
        log: the retained log.
        sink: takes the changes of those who moved to another partition.
        topics: current id and partition count of each input topic.
        belongs: returns whether a customer's key falls on a partition.
        audiences: those declared; None for none.
        unknown: consent of who gave no answer.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        decoder: Decoder,
        money: Money,
        state: StateStore,
        log: Log,
        sink: EventSink,
        topics: Mapping[str, tuple[str, int]],
        belongs: Callable[[int, str], bool],
        audiences: LiveAudiences | None = None,
        unknown: Consent = NOTHING_SAID,
    ) -> None:
        self._audiences = audiences
        self._unknown = unknown
        self._layout = layout
        self._decoder = decoder
        self._money = money
        self._state = state
        self._log = log
        self._sink = sink
        self._topics = topics
        self._belongs = belongs
        self._partitions = range(topics[CLICKS][1])

    async def check_whole(self) -> None:
        """Raise `LogNotWholeError` if the log lacks events of the live rows."""
        for partition in self._partitions:
            metadata = await self._state.metadata(partition)
            for topic in INPUT_TOPICS:
                if (await self._log.bounds(topic, partition))[0] > 0:
                    raise LogNotWholeError(f"retention has removed records of {topic}")
                topic_id, _ = (metadata.topics if metadata else {}).get(topic, self._topics[topic])
                if topic_id != self._topics[topic][0]:
                    raise LogNotWholeError(f"{topic} was created again since the rows were written")

    async def rebuild(self, done: Callable[[], object] = lambda: None) -> tuple[int, int]:
        """Rebuild all rows and swap them in; return the number of customers, and of the events in their rows.

        `done` is called after each partition.
        """
        gather, erased = await self._is_grown(), await self._erased()
        customers, events, swaps = 0, 0, []
        for partition in self._partitions:
            # Before the inputs: what is copied was then decided from events that are read here.
            copied = await self._changes(partition, gather=gather)
            looked_until = await self._looked_until(partition, copied[partition][1])
            replay, ends = await self._replay(partition, erased, gather=gather)
            sizes = await self._copy_memberships(partition, replay.rows, copied)
            await self._stage(partition, replay.rows)
            metadata = PartitionMetadata(
                0,
                "",
                0,
                checkpoint={**ends, COPIED: looked_until},
                topics=self._topics,
                layout=self._layout.fingerprint,
                sizes=sizes,
                gathered=gather,
            )
            if gather:
                swaps.append((partition, metadata))
            else:
                await self._state.swap(partition, metadata)
            customers, events = customers + len(replay.rows), events + replay.events
            done()
        for partition, metadata in swaps:
            await self._state.swap(partition, metadata)
        return customers, events

    async def _is_grown(self) -> bool:
        """Return whether a topic has grown since the rows were written, or rows were gathered after it had grown."""
        stored = [await self._state.metadata(partition) for partition in self._partitions]
        counts = {topic: count for topic, (_, count) in self._topics.items()}
        return any(
            metadata.gathered or any(count != counts[topic] for topic, (_, count) in metadata.topics.items())
            for metadata in stored
            if metadata is not None
        )

    async def _erased(self) -> dict[str, float]:
        """Return the time of erasure of all erased customers: these markers must outlive the log."""
        erased: dict[str, float] = {}
        for partition in self._partitions:
            async for piece in scan_rows(self._state, partition):
                erased |= {customer: at for customer, row in piece if (at := erasure_of(row)) > NEVER}
        return erased

    async def _replay(
        self, partition: int, erased: Mapping[str, float], *, gather: bool
    ) -> tuple[SinglePass, dict[str, int]]:
        """Replay all events of a partition's customers; return the pass and the end offset of each topic."""
        replay = SinglePass(self._layout, self._decoder, self._money, lambda _: False)
        everything = _AllEvents(lambda customer: self._belongs(partition, customer))
        ours = [customer for customer in erased if everything.get(customer) > 0]
        slots = replay.rows.load(ours, [None] * len(ours))
        replay.rows.erased_at[slots] = np.array([erased[customer] for customer in ours])
        others = [other for other in self._partitions if gather and other != partition]
        ends: dict[str, int] = {}
        cut = set[str]()
        for source in ERASURES_FIRST:
            topic = INPUT_TOPICS[source]
            for place in (*others, partition):  # its own last: the last applied offsets refer to it
                replay.rows.last_applied[:, source] = -1
                first, ends[topic] = await self._log.bounds(topic, place)
                if first > 0:
                    cut.add(topic)
                async for records in self._log.read(topic, place, first, ends[topic]):
                    wanted = records if place == partition else list(self._keyed(partition, records))
                    replay.take(source, wanted, everything)
        made = replay.rows.slab[: len(replay.rows.customer_ids)]
        if cut:
            doubt(made, self._layout)
        if PROFILES in cut:
            doubt_identifiers(made, self._layout)
        return replay, ends

    def _keyed(self, partition: int, records: Sequence[Record]) -> Iterator[Record]:
        """Yield the records whose key belongs on the partition. Hashing a key is cheaper than decoding the record."""
        return (one for one in records if one.key and self._belongs(partition, one.key.decode(errors="replace")))

    async def _changes(self, partition: int, *, gather: bool) -> dict[int, tuple[int, int]]:
        """Return the bounds of the partitions of the change topic that have a partition's customers, its own last."""
        places = (*(other for other in self._partitions if gather and other != partition), partition)
        return {place: await self._log.bounds(MEMBERSHIPS, place) for place in places}

    async def _looked_until(self, partition: int, end: int) -> int:
        """Return the offset of the change topic before which its owner has looked for late records.

        `end` if the store knows no owner: then it knows of nothing either that a late record could hide.
        """
        metadata = await self._state.metadata(partition)
        if metadata is None:
            return end
        return min(end, metadata.checkpoint.get(MEMBERSHIPS, metadata.checkpoint.get(COPIED, 0)))

    async def _copy_memberships(
        self, partition: int, rows: Rows, copied: Mapping[int, tuple[int, int]]
    ) -> dict[str, int]:
        """Copy the published memberships into the rows; return the members of each segment and audience.

        The latest changes that are on other partitions of the change topic are sent to this one.

        `copied`: bounds to read between, by partition of the change topic, its own last.
        """
        changes, elsewhere = LatestChanges(), dict[bytes | None, OutgoingRecord]()
        for place, (first, end) in copied.items():
            async for records in self._log.read(MEMBERSHIPS, place, first, end):
                for record in self._keyed(partition, records):
                    if not changes.read(record):
                        continue
                    elsewhere.pop(record.key, None)
                    if place != partition:
                        elsewhere[record.key] = OutgoingRecord(
                            MEMBERSHIPS, record.key, record.value, tuple(record.headers), partition
                        )
        await self._send(list(elsewhere.values()))
        latest: dict[str, Membership] = {
            customer: one.membership for customer, one in changes.latest.items() if one.membership is not None
        }
        CatchUp(self._layout, latest).apply(rows, list(rows.slots), time.time(), self._audiences)
        sizes: dict[str, int] = {}
        slots = rows.slots_of(list(rows.slots))
        if self._audiences is not None:
            held = sizes_held(rows, slots, self._audiences, self._unknown)
            sizes |= Counter(name for names in held for name in names)
        members = rows.segment[slots]
        for name, column in zip(self._layout.segmentations, members.T, strict=True):
            codes, counts = np.unique(column[column != UNASSIGNED], return_counts=True)
            sizes |= {id_of(name, code): count for code, count in zip(codes.tolist(), counts.tolist(), strict=True)}
        return sizes

    async def _send(self, records: Sequence[OutgoingRecord]) -> None:
        for start in range(0, len(records), ROWS_AT_ONCE):
            await self._sink.send(records[start : start + ROWS_AT_ONCE])

    async def _stage(self, partition: int, rows: Rows) -> None:
        await self._state.unstage(partition)
        customers = list(rows.slots)
        for start in range(0, len(customers), ROWS_AT_ONCE):
            piece = customers[start : start + ROWS_AT_ONCE]
            slots = rows.slots_of(piece)
            rows.learned_at[slots[rows.analytics[slots] == 0]] = 1  # samples may exist: the next look deletes them
            dumped = rows.dump(slots)
            await self._state.stage(partition, list(zip(piece, dumped, strict=True)))
