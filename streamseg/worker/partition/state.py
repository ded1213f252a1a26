"""One partition's rows: absorbs runs, decides memberships, flushes both.

    take -> absorb -> settle_and_flush -> relay        sweep: load -> expire | settle_and_flush -> relay

A reset begins with a new state: rows in memory that are ahead of the store would hide a loss behind their offsets.
"""

import math
import time
from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline
from streamseg.clustering.budget import LearnBudget
from streamseg.events.record import RecordBatch
from streamseg.events.rejection import RejectedEvent
from streamseg.features.fields import NEVER
from streamseg.features.rows import NO_SLOTS, Rows, Slots
from streamseg.kafka.partitioner import misrouted
from streamseg.membership.catch_up import COPIED, CatchUp
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.pipeline import CLOCK, LiveAudiences, SweepKind
from streamseg.ports import FLUSH_ROWS, OutgoingRecord
from streamseg.topics import CONSENTS, ERASURES, INPUT_TOPICS, MEMBERSHIPS, SAMPLES, SAMPLES_PARTITION
from streamseg.worker.context import Ports, Rules
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import Pace
from streamseg.worker.partition.absorbed import Absorbed
from streamseg.worker.partition.catch_up import take_over
from streamseg.worker.partition.counts.flow_count import FlowCount
from streamseg.worker.partition.counts.segment_sizes import SegmentSizes
from streamseg.worker.partition.dead_letters import dead_letters
from streamseg.worker.partition.lease import Lease
from streamseg.worker.partition.outbox_relay import OutboxRelay
from streamseg.worker.partition.pending_delivery import PendingDelivery
from streamseg.worker.partition.pieces import Decided, Pieces
from streamseg.worker.partition.reports import report_absorbed, report_moves, report_taken
from streamseg.worker.partition.signs import Signs


class PartitionState:
    """The rows of one partition, from one reset to the next."""

    def __init__(
        self,
        lease: Lease,
        budget: LearnBudget,
        *,
        ports: Ports,
        rules: Rules,
        models: ModelCache,
        metrics: Metrics,
        pace: Pace,
        signs: Signs,
    ) -> None:
        self.partition = lease.partition
        self.rows = Rows(rules.layout)
        self.relay = OutboxRelay(lease.partition, ports=ports, rules=rules, metrics=metrics, pace=pace, signs=signs)
        self.signs = signs
        self._lease = lease
        self._budget = budget
        self._ports = ports
        self._rules = rules
        self._models = models
        self._metrics = metrics
        self._catch_up = CatchUp(rules.layout)
        self._flow_count = FlowCount(rules.layout.segmentations)
        self._unknown = rules.publishing.unknown_consent
        self.sizes = SegmentSizes(lease, models, rules.layout, metrics, unknown=self._unknown)
        self._pieces = Pieces(lease, self.sizes, self._flow_count)
        self._flushed = False

    @property
    def is_flushed(self) -> bool:
        """Whether the store has all that is in memory, and the relay all that was decided."""
        return self._flushed

    @property
    def _audiences(self) -> LiveAudiences | None:
        return self._models.audiences

    def distrust(self) -> None:
        """Assume that memory and store differ: the next start resets."""
        self._flushed = False

    async def restore(self) -> None:
        """Finish what the last owner left: deliver its outbox and catch up with the change topic.

        Raises `StoreUnavailableError`, and what the sink and the change topic raise.
        """
        checkpoint = self._lease.checkpoint
        # A rebuild keeps the counts of moves: those of the changes since are counted.
        self._flow_count.counts_caught_up = MEMBERSHIPS in checkpoint
        start = checkpoint.get(MEMBERSHIPS, checkpoint.get(COPIED, 0))
        self._catch_up = await take_over(self.partition, start, self.relay, self._ports, self._rules)
        await self.relay.put(PendingDelivery((), None, (), dict(self._lease.checkpoint), ()))
        self._flushed = True

    def checkpoint(self) -> dict[str, int]:
        """Return the next offset of each input topic, and how far the change topic tells only what the store has."""
        published = {} if self._catch_up or self.relay.published is None else {MEMBERSHIPS: self.relay.published}
        return dict(self._lease.checkpoint) | published

    def _with_clock(self, checkpoint: Mapping[str, int]) -> dict[str, int]:
        """Add the clock. One that has not started yet, as after a restart, leaves where it stood before."""
        now = int(self._ports.clock.now(self.partition))
        return {**checkpoint, CLOCK: max(now, self._lease.checkpoint.get(CLOCK, 0))}

    async def take(self, run: RecordBatch, absorbed: Absorbed) -> None:
        """Decode a run and load its rows; `absorb` takes it together with the other runs of the cycle.

        Raises `StoreUnavailableError`.
        """
        self._flushed = False
        rules, metrics, source = self._rules, self._metrics, INPUT_TOPICS.index(run.topic)

        def foreign(customers: Sequence[str]) -> set[str]:
            return misrouted(customers, self.partition, rules.partitions)

        taken = pipeline.take(rules.decoder, source, run, self.rows, foreign)
        absorbed.note_run(source, run, taken, self._ports.clock.now(self.partition))
        absorbed.dead_letters += dead_letters(taken.rejected, run.topic, run.partition, metrics)
        if self._ports.tracer is not None:
            absorbed.note_traces(run, taken)
        if taken.missing:
            self.load(taken.missing, await self._ports.state.load(self.partition, taken.missing))
        if run.topic in {CONSENTS, ERASURES}:
            absorbed.note_answers(self.rows, self.rows.slots_of(taken.customer_ids))
        report_taken(run, taken, metrics)
        self.signs.saw("read", absorbed.probe)

    def absorb(self, absorbed: Absorbed) -> None:
        """Absorb the runs that were taken, tick by tick, and note in `absorbed` what changed."""
        absorbed.through(read=time.time())
        done = pipeline.absorb_runs(
            self.rows, absorbed.taken, self._rules.money, self._models.segmentations, self._earliest(absorbed)
        )
        absorbed.slots, absorbed.flushed = done.slots, done.flushed
        absorbed.cleared, absorbed.settles_anew = done.cleared, done.settles_anew
        absorbed.through(absorbed=time.time())
        report_absorbed(done.parts, self._metrics)

    def _earliest(self, absorbed: Absorbed) -> float:
        """Return the earliest time for which a look after events holds: late events make no verdict of long ago."""
        return absorbed.began_at - self._rules.sweep_interval

    def reject(self, rejected: Sequence[RejectedEvent], run: RecordBatch, absorbed: Absorbed) -> None:
        """Add records of a run to the dead letters of the flush, instead of absorbing them."""
        absorbed.note_records(run.topic, len(rejected), len(rejected))
        absorbed.dead_letters += dead_letters(rejected, run.topic, run.partition, self._metrics)
        self._metrics.records.labels(topic=run.topic).inc(len(rejected))

    def load(self, customer_ids: Sequence[str], stored: Sequence[bytes | None]) -> None:
        """Load stored rows into memory, and let them catch up with the change topic."""
        slots = self.rows.load(customer_ids, stored)
        if self._catch_up:
            before = self.rows.segment[slots]
            moved = pipeline.moved_by(
                partial(self._catch_up.apply, self.rows, customer_ids, time.time()),
                self.rows,
                slots,
                self._audiences,
                self._unknown,
            )
            after = self.rows.segment[slots]
            self._lease.sizes = self.sizes.after(self.rows, slots, before, after, moved)
            self._flow_count.caught_up(customer_ids, before, self.rows.segment[slots])

    async def flush_caught_up(self) -> None:
        """Load and flush the stored rows that are behind the change topic; lost rows wait for their next event.

        Only then can the relay tell late records from those that the store has lost.
        """
        customers = self._catch_up.customers
        for start in range(0, len(customers), FLUSH_ROWS):
            absent = self.rows.missing(customers[start : start + FLUSH_ROWS])
            stored = await self._ports.state.load(self.partition, absent)
            found = {one: row for one, row in zip(absent, stored, strict=True) if row is not None}
            if found:
                self.load(list(found), list(found.values()))
                slots = np.sort(self.rows.slots_of(list(found)))
                await self.settle_and_flush(Absorbed(slots), SweepKind.ORDINARY)
                self.rows.evict(slots)  # there may be more of them than memory is meant for
        self.relay.watch()

    async def settle_and_flush(
        self, absorbed: Absorbed, swept: SweepKind | None = None, checkpoint: Mapping[str, int] | None = None
    ) -> None:
        """Assign and settle the touched rows, write them with what was decided, and hand that to the relay.

        Args:
            absorbed: the touched rows.
            swept: by a sweep: look at the rows as they are now, and write only those that changed. None: after events.
            checkpoint: next offset by topic once these rows are written; None leaves it.

        Raises:
            FlushRefusedError: another worker owns the partition, or the store lost a flush.
            StoreUnavailableError: a row knows of newer audiences, and the store does not tell of them.
        """
        self._flushed = False
        await self._models.reach(int(self.rows.audiences_as_of[absorbed.slots].max(initial=0)))
        rows, segmentations = self.rows, self._models.segmentations
        slots = absorbed.slots
        # Before the clock has started, use the earliest event there is: clocks do not go back.
        now = self._ports.clock.now(self.partition) or float(rows.first_seen[slots].min(initial=time.time()))
        earliest = now if swept else self._earliest(absorbed)
        anew, everybody = swept is SweepKind.SETTLE, swept is SweepKind.SAMPLE
        with self._metrics.steps.labels(stage="decide").time():
            settles = swept is not SweepKind.DUE
            looked = pipeline.look(
                rows, slots, earliest, segmentations, absorbed.settles_anew, anew=anew, settles=settles
            )
            looked.compare_with(absorbed.flushed)
            audiences = pipeline.look_at_audiences(
                rows,
                slots,
                now,
                self._audiences,
                absorbed.cleared,
                answered=absorbed.answered,
                unknown=self._unknown,
                looked=looked,
            )
            unknown, epoch = self._unknown.analytics, self._lease.epoch
            absorbed.note_samples(rows, pipeline.withdrawn_samples(rows, slots, unknown=unknown))
            sampled = pipeline.sample(
                rows,
                slots,
                now,
                segmentations,
                self._budget,
                epoch=epoch,
                unknown=unknown,
                everybody=everybody,
                seeds=pipeline.look_at_seeds(rows, slots, looked, audiences, self._audiences),
            )
            entries = pipeline.publish(
                rows,
                slots,
                looked,
                now=now,
                wall_now=time.time(),
                epoch=epoch,
                segmentations=segmentations,
                rules=self._rules.publishing,
                answered=absorbed.answered,
                cleared=absorbed.cleared,
                first_seq=self._lease.first_seq,
                audiences=audiences,
            )
        before, after = looked.before, looked.after
        due = []
        if audiences is not None:
            due = audiences.schedule(rows, slots, whole=swept is not None, listed=swept is SweepKind.DUE)
        if swept:
            named = {entry.customer_id for entry in entries} | {one.customer_id for one in sampled}
            must_write = np.array([rows.customer_ids[slot] in named for slot in slots.tolist()], dtype=bool)
            write = looked.changed | must_write
            if audiences is not None:
                write |= audiences.moved | audiences.renewed
                audiences = audiences.part(write)
            slots, before, after = slots[write], before[write], after[write]
            if not len(slots) and not due:
                self._flushed = True
                return
        checkpoint = self.checkpoint() if checkpoint is None else checkpoint
        decided = Decided(slots, before, after, entries, audiences, due)
        written = await self._pieces.write(rows, decided, self._with_clock(checkpoint), now)
        samples = [OutgoingRecord(SAMPLES, one.key, one.value, one.headers, SAMPLES_PARTITION) for one in sampled]
        self.signs.saw("flushed", absorbed.probe)
        absorbed.through(flushed=time.time())
        await self._relay(entries, written, samples, checkpoint, absorbed)

    async def expire(self, slots: Slots) -> NDArray[np.bool_]:
        """Delete expired rows, and old marks of erasures; returns the mask of those deleted, shape (n,).

        Raises `FlushRefusedError`.
        """
        rows, now, checkpoint = self.rows, self._ports.clock.now(self.partition), self.checkpoint()
        reached = [checkpoint.get(topic, 0) for topic in INPUT_TOPICS]
        expired = pipeline.is_expired(rows, slots, now - self._rules.retention, reached)
        if expired.any():
            self._flushed = False
            gone = slots[expired]
            entries = pipeline.exit_entries(
                rows,
                gone,
                now=now,
                wall_now=time.time(),
                epoch=self._lease.epoch,
                segmentations=self._models.segmentations,
                unknown=self._unknown,
                audiences=self._audiences,
            )
            before, left = rows.segment[gone], pipeline.leave_all(rows, gone, self._audiences, self._unknown)
            due = left.schedule(rows, gone) if left is not None else ()
            decided = Decided(gone, before, np.zeros_like(before), entries, left, due)
            written = await self._pieces.write(rows, decided, self._with_clock(checkpoint), now, remove=True)
            self._metrics.departures.inc(int((rows.last_seen[gone] > NEVER).sum()))  # the others were erased
            rows.evict(gone)
            await self._relay(entries, written, [], checkpoint, Absorbed())
        return expired

    async def forget_due(self, customers: Sequence[str]) -> None:
        """Take customers without a row out of those who are due. Raises `FlushRefusedError`."""
        gone = [(one, math.inf) for one in customers]
        await self._lease.flush(self.rows, NO_SLOTS, (), self._lease.sizes, None, due=gone)

    async def _relay(
        self,
        entries: Sequence[OutboxEntry],
        written: tuple[str | None, bool],
        extra: list[OutgoingRecord],
        checkpoint: Mapping[str, int],
        absorbed: Absorbed,
    ) -> None:
        report_moves(entries, self._metrics)
        position, in_doubt = written
        timed = (absorbed.appended_at, in_doubt, absorbed.read_until, absorbed.probe, absorbed.spans)
        await self.relay.put(PendingDelivery(entries, position, extra, dict(checkpoint), *timed))
        self._flushed = True

    def evict(self, limit: int) -> None:
        """Above `limit` rows, forget those that were used least recently."""
        self._metrics.evictions.inc(self.rows.evict_above(limit))
