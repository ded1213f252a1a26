"""One partition's rows: absorbs runs, decides memberships, flushes both.

    take -> absorb_and_decide -> flush -> relay        sweep: load -> expire | settle_and_flush -> relay

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
from streamseg.pipeline import CLOCK, Decision, LiveAudiences, Part, PartitionRuns, SweepKind
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
from streamseg.worker.partition.reports import report_moves, report_taken
from streamseg.worker.partition.signs import Signs
from streamseg.worker.shared_cycle import SharedCycle


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
        shared_cycle: SharedCycle,
        metrics: Metrics,
        pace: Pace,
        signs: Signs,
    ) -> None:
        self.partition = lease.partition
        self.rows = Rows(rules.layout, heard=shared_cycle.heard)
        self.relay = OutboxRelay(lease.partition, ports=ports, rules=rules, metrics=metrics, pace=pace, signs=signs)
        self.signs = signs
        self._lease = lease
        self._budget = budget
        self._ports = ports
        self._rules = rules
        self._models = models
        self._shared_cycle = shared_cycle
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
        """Decode a run and load its rows; `absorb_and_decide` takes it together with the other runs of the cycle.

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

    async def absorb_and_decide(self, absorbed: Absorbed) -> Decided:
        """Absorb the runs that were taken and decide what follows, perhaps in one cycle with other partitions.

        Raises `StoreUnavailableError`: a row knows of newer audiences, and the store does not tell of them.
        """
        absorbed.through(read=time.time())
        part = Part(0, self._lease.epoch, self._lease.first_seq, self._budget)
        runs = PartitionRuns(self.rows, absorbed.taken, part, absorbed.answered)
        await self._reach(runs.slots)
        decision = await self._shared_cycle.run(
            runs, began=absorbed.began_at, now=self._ports.clock.now(self.partition)
        )
        absorbed.through(absorbed=time.time())
        return self._decided(runs.slots, decision)

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
                await self.settle_and_flush(slots, SweepKind.ORDINARY)
                self.rows.evict(slots)  # there may be more of them than memory is meant for
        self.relay.watch()

    async def settle_and_flush(self, slots: Slots, swept: SweepKind) -> None:
        """Assign and settle rows as they are now, and write those that changed with what was decided of them.

        Args:
            slots: of the rows, each once, ascending.
            swept: why.

        Raises:
            FlushRefusedError: another worker owns the partition, or the store lost a flush.
            StoreUnavailableError: a row knows of newer audiences, and the store does not tell of them.
        """
        self._flushed = False
        await self._reach(slots)
        rows, wall_now = self.rows, time.time()
        now = self._ports.clock.now(self.partition) or pipeline.first_event(rows, slots, wall_now)
        with self._metrics.steps.labels(stage="decide").time():
            decision = pipeline.decide(
                rows,
                slots,
                pipeline.Models(self._models.segmentations, self._audiences, self._rules.publishing),
                [Part(len(slots), self._lease.epoch, self._lease.first_seq, self._budget)],
                now=now,
                earliest=now,
                wall_now=wall_now,
                anew=swept is SweepKind.SETTLE,
                settles=swept is not SweepKind.DUE,
                everybody=swept is SweepKind.SAMPLE,
            )
        decided = self._decided(slots, decision, swept).where(self._must_be_written(slots, decision))
        if len(decided.slots) or decided.due:
            await self.flush(decided, self.checkpoint(), Absorbed())
        else:
            self._flushed = True

    async def _reach(self, slots: Slots) -> None:
        """Know the audiences that these rows were looked at for."""
        await self._models.reach(int(self.rows.audiences_as_of[slots].max(initial=0)))

    def _decided(self, slots: Slots, decision: Decision, swept: SweepKind | None = None) -> Decided:
        audiences, due = decision.audiences, list[tuple[str, float]]()
        if audiences is not None:
            due = audiences.schedule(self.rows, slots, whole=swept is not None, listed=swept is SweepKind.DUE)
        looked = decision.looked
        return Decided(
            slots, looked.before, looked.after, decision.entries, audiences, due, decision.now, decision.samples
        )

    def _must_be_written(self, slots: Slots, decision: Decision) -> NDArray[np.bool_]:
        """Return the mask of swept rows that differ from those in the store, shape (n,)."""
        write: NDArray[np.bool_] = decision.looked.changed.copy()
        named = {entry.customer_id for entry in decision.entries} | {one.customer_id for one in decision.samples}
        if named:
            write |= np.isin(slots, self.rows.slots_of(list(named)))
        if (audiences := decision.audiences) is not None:
            write |= audiences.moved | audiences.renewed
        return write

    async def flush(self, decided: Decided, checkpoint: Mapping[str, int], absorbed: Absorbed) -> None:
        """Write rows with what was decided of them, and hand that to the relay.

        Args:
            decided: of the rows.
            checkpoint: next offset by topic once these rows are written.
            absorbed: the runs behind them.

        Raises:
            FlushRefusedError: another worker owns the partition, or the store lost a flush.
        """
        written = await self._pieces.write(self.rows, decided, self._with_clock(checkpoint))
        samples = [
            OutgoingRecord(SAMPLES, one.key, one.value, one.headers, SAMPLES_PARTITION) for one in decided.samples
        ]
        self.signs.saw("flushed", absorbed.probe)
        absorbed.through(flushed=time.time())
        await self._relay(decided.entries, written, samples, checkpoint, absorbed)

    async def flush_checkpoint(self) -> None:
        """Write the checkpoint with no rows. Raises `FlushRefusedError`."""
        nobody = self.rows.segment[NO_SLOTS]
        now = self._ports.clock.now(self.partition)
        await self.flush(Decided(NO_SLOTS, nobody, nobody, (), None, (), now), self.checkpoint(), Absorbed())

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
            decided = Decided(gone, before, np.zeros_like(before), entries, left, due, now)
            written = await self._pieces.write(rows, decided, self._with_clock(checkpoint), remove=True)
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
