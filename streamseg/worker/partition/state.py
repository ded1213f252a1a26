"""What a worker has in memory of a partition since the last reset, and what it decides and writes of that.

    absorb -> settle_and_flush -> courier        sweep: take_in -> let_go | settle_and_flush -> courier

A reset begins with a new one: rows in memory that are ahead of the store would hide a loss behind their fences.
"""

import time
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline
from streamseg.clustering.budget import LearnBudget
from streamseg.events.record import RecordBatch
from streamseg.features.rows import Rows
from streamseg.membership.catch_up import CatchUp
from streamseg.membership.expiry import exit_entries, is_expired
from streamseg.membership.types import OutboxEntry
from streamseg.ports import OutgoingRecord
from streamseg.topics import CONSENTS, INPUT_TOPICS, MEMBERSHIPS, SAMPLES
from streamseg.worker.context import Batch, Head, Surroundings
from streamseg.worker.partition.dead_letters import RejectedShare, dead_letters
from streamseg.worker.partition.lease import FLUSH_ROWS, Lease
from streamseg.worker.partition.outbox_relay import OutboxRelay, PendingDelivery


class PartitionState:
    """Keeps the rows of one partition."""

    def __init__(self, ownership: Lease, budget: LearnBudget, surroundings: Surroundings) -> None:
        self.number = ownership.number
        self.rows = Rows(surroundings.layout)
        self.catch_up = CatchUp(surroundings.layout)
        """What the store has forgotten, until the rows have taken it over."""
        self.clean = False
        """Memory and store agree, and what was decided is with the courier."""
        self._s = surroundings
        self._ownership = ownership
        self._shares = {topic: RejectedShare(topic, *surroundings.rejected_share) for topic in INPUT_TOPICS}
        self._budget = budget
        s = surroundings
        self.courier = OutboxRelay(
            self.number,
            state=s.state,
            memberships=s.memberships,
            sink=s.sink,
            metrics=s.metrics,
            changes=s.changes,
            margin_seconds=s.margin_seconds,
        )

    @property
    def head(self) -> Head:
        """What this worker last wrote of the partition beside its rows."""
        return self._ownership.head

    def checkpoint(self) -> dict[str, int]:
        """Where reading stands, and up to where the change topic tells only what the store has decided."""
        announced = {} if self.catch_up or self.courier.announced is None else {MEMBERSHIPS: self.courier.announced}
        return dict(self.head.checkpoint) | announced

    async def absorb(self, run: RecordBatch, batch: Batch) -> None:
        """Take a run into the rows; noted in `batch`."""
        s, source = self._s, INPUT_TOPICS.index(run.topic)
        taken = pipeline.take(
            s.decoder, source, run, self.rows, lambda customers: s.misrouted_of(self.number, customers)
        )
        self._shares[run.topic].add(len(run.records), len(taken.rejected))
        batch.dead_letters += dead_letters(taken.rejected, run.topic, run.partition, s.metrics)
        if taken.latest is not None:
            batch.latest[run.topic] = max(taken.latest, batch.latest.get(run.topic, 0.0))
        if taken.missing:
            self.take_in(taken.missing, await self.load(taken.missing))
        slots, absorbed = pipeline.absorb(self.rows, source, taken, s.money)
        batch.slots.append(slots)
        if run.topic == CONSENTS:
            batch.consented.update(slots.tolist())
        batch.appended_at += [run.records[0].timestamp / 1000.0, run.records[-1].timestamp / 1000.0]
        s.metrics.records.labels(topic=run.topic).inc(len(run.records))
        s.metrics.events.labels(topic=run.topic).inc(int(absorbed.mask.sum()))
        s.metrics.duplicates.labels(topic=run.topic).inc(absorbed.duplicates)
        s.metrics.replayed.labels(topic=run.topic).inc(absorbed.replayed)

    async def load(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Stored rows. Raises `StoreUnavailableError`."""
        return await self._s.state.load(self.number, customer_ids)

    def take_in(self, customer_ids: Sequence[str], stored: Sequence[bytes | None]) -> None:
        """Load rows into memory, and what was announced of their customers into the rows."""
        slots = self.rows.load(customer_ids, stored)
        if self.catch_up:
            before = self.rows.segment[slots]
            self.catch_up.apply(self.rows, customer_ids, time.time())
            took = pipeline.Looked(before, self.rows.segment[slots], np.empty(0), np.empty(0, dtype=np.bool_))
            self.head.sizes = pipeline.count_sizes(took, self._s.models.segmentations, self.head.sizes)

    async def take_over_announced(self) -> None:
        """Bring the stored rows that are behind what was announced up to it; those that are gone wait for events."""
        customers = self.catch_up.customers
        for start in range(0, len(customers), FLUSH_ROWS):
            piece = customers[start : start + FLUSH_ROWS]
            absent = self.rows.missing(piece)
            found = {c: row for c, row in zip(absent, await self.load(absent), strict=True) if row is not None}
            if found:
                self.take_in(list(found), list(found.values()))
                await self.settle_and_flush(Batch([self.rows.slots_of(list(found))]), swept=True)

    async def settle_and_flush(
        self, batch: Batch, checkpoint: Mapping[str, int] | None = None, *, swept: bool = False
    ) -> None:
        """Look at the touched rows, decide what to publish, write all of it, and hand it to the courier.

        Of swept rows only those that changed are written.
        """
        self.clean = False
        s, rows = self._s, self.rows
        segmentations = s.models.segmentations
        slots = np.unique(np.concatenate([np.empty(0, dtype=np.intp), *batch.slots]))
        # Before the clock has started an event that is there is the best guess; the earliest: clocks do not go back.
        now = s.clock.now(self.number) or float(rows.first_seen[slots].min(initial=time.time()))
        looked = pipeline.look(rows, slots, now, segmentations)
        sampled = pipeline.sample(rows, slots, now, segmentations, self._budget)
        entries = pipeline.publish(
            rows,
            slots,
            looked,
            now=now,
            wall_now=time.time(),
            epoch=self.head.epoch,
            segmentations=segmentations,
            rules=s.rules,
            consented=batch.consented,
            first_seq=self._ownership.first_seq,
        )
        if swept:
            spoken_of = {entry.customer_id for entry in entries} | {one.customer_id for one in sampled}
            named = np.array([rows.customer_ids[slot] in spoken_of for slot in slots.tolist()], dtype=bool)
            slots = slots[looked.changed | named]
            if not len(slots):
                self.clean = True
                return
        checkpoint = self.checkpoint() if checkpoint is None else checkpoint
        sizes = pipeline.count_sizes(looked, segmentations, self.head.sizes)
        written = await self._ownership.flush(rows, slots, entries, checkpoint, sizes)
        extra = [OutgoingRecord(SAMPLES, one.key, one.value, partition=0) for one in sampled]
        await self._hand_over(entries, written, extra, checkpoint, batch.appended_at)

    async def let_go(self, slots: pipeline.Slots) -> NDArray[np.bool_]:
        """Remove those of the rows whose customers were silent for the retention time; which of them it were."""
        s, rows, now = self._s, self.rows, self._s.clock.now(self.number)
        checkpoint = self.checkpoint()
        reached = [checkpoint.get(topic, 0) for topic in INPUT_TOPICS]
        left = is_expired(rows, slots, now - s.retention_seconds, reached)
        if left.any():
            self.clean = False
            gone, segmentations = slots[left], s.models.segmentations
            model = {one.name: one.version for one in segmentations if one.assigner is not None}
            names = [one.name for one in segmentations]
            entries = exit_entries(
                rows,
                gone,
                now=now,
                epoch=self.head.epoch,
                names=names,
                model=model,
                unknown=s.rules.unknown_consent,
            )
            before = rows.segment[gone]
            nowhere = pipeline.Looked(before, np.zeros_like(before), np.empty(0), np.empty(0, dtype=np.bool_))
            sizes = pipeline.count_sizes(nowhere, segmentations, self.head.sizes)
            written = await self._ownership.flush(rows, gone, entries, checkpoint, sizes, remove=True)
            rows.evict(gone)
            s.metrics.departures.inc(len(gone))
            await self._hand_over(entries, written, [], checkpoint, ())
        return left

    async def _hand_over(
        self,
        entries: Sequence[OutboxEntry],
        written: tuple[str | None, bool],
        extra: list[OutgoingRecord],
        checkpoint: Mapping[str, int],
        appended_at: Sequence[float],
    ) -> None:
        moves = Counter((change.segmentation, change.change) for entry in entries for change in entry.changes)
        for labels, count in moves.items():
            self._s.metrics.moves.labels(*labels).inc(count)
        for entry in entries:
            if entry.membership is None:
                keys = [pipeline.sample_key(one.name, entry.customer_id) for one in self._s.models.segmentations]
                extra += [OutgoingRecord(SAMPLES, key, None, partition=0) for key in keys]
        position, in_doubt = written
        await self.courier.hand_over(PendingDelivery(entries, position, extra, dict(checkpoint), appended_at, in_doubt))
        self.clean = True

    def evict(self) -> None:
        """Let those go who were not seen for longest, where there are too many in memory."""
        surplus = len(self.rows) - self._s.rows_limit()
        if surplus > 0:
            self.rows.evict(self.rows.least_recently_used(surplus))
            self._s.metrics.evictions.inc(surplus)
