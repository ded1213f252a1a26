"""Re-evaluates every customer of a partition, in memory or not (DESIGN.md, Silence).

A sweep lists the stored rows in pieces between the runs, so that events do not wait. It starts when the sweep interval
of the partition's clock has passed, and at once when a model was adopted or a backfill has ended.
"""

import logging
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec
import numpy as np

from streamseg import pipeline
from streamseg.errors import StoreUnavailableError
from streamseg.features.rows import Slots
from streamseg.membership.encoding import order_of
from streamseg.metrics import Metrics
from streamseg.pipeline import CLOCK, BackfillEnd, Step, SweepKind
from streamseg.ports import OutgoingRecord, SeenTimes
from streamseg.time_units import DAY_SECONDS
from streamseg.topics import SAMPLES, SAMPLES_PARTITION
from streamseg.worker.context import Ports, Rules
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import Pace
from streamseg.worker.partition.counts.recount import Recount
from streamseg.worker.partition.pending_delivery import PendingDelivery
from streamseg.worker.partition.state import PartitionState

log = logging.getLogger(__name__)

NO_SEQ: Final = -1
"""Where there is no membership string."""


@dataclass(slots=True)
class _Round:
    """A sweep under way."""

    cursor: int
    generation: int
    started_at: float
    relearned: int
    kind: SweepKind
    began: float
    """Monotonic seconds."""
    since: float = math.inf
    """Time of the earliest event of the customers so far."""
    oldest: float = math.inf
    """When the oldest membership so far was published, epoch seconds of wall time."""
    oldest_as_of: float = math.inf
    """Its `as_of` in the partition's clock."""


class Sweep:
    """Drives the sweeps of one partition, inside its task."""

    def __init__(
        self,
        state: PartitionState,
        step: Step,
        *,
        ports: Ports,
        rules: Rules,
        models: ModelCache,
        metrics: Metrics,
        pace: Pace,
    ) -> None:
        self._state = state
        self._step = step
        self._ports = ports
        self._interval = rules.sweep_interval
        self._models = models
        self._metrics = metrics
        self._pace = pace
        self._round: _Round | None = None
        self._generation = 0
        self._relearned = models.relearned
        self._swept_at: float | None = None
        self._paused_until = 0.0

    @property
    def under_way(self) -> bool:
        """Whether a sweep has begun and not ended."""
        return self._round is not None

    async def step(self, *, events_come: bool) -> None:
        """Re-evaluate one piece if a sweep is due or under way; a smaller one where events come meanwhile.

        Raises `StoreUnavailableError` and `FlushRefusedError`.
        """
        if self._round is None:
            if not self._is_due():
                return
            now, models = self._ports.clock.now(self._state.partition), self._models
            kind = self._next_kind(now)
            self._round = _Round(0, models.generation, now, models.relearned, kind, time.monotonic())
            self._step.begins(kind, now)
            self._state.sizes.recount = Recount(self._passed)
        piece = self._pace.piece(events_come=events_come)
        cursor, stored = await self._ports.state.scan(self._state.partition, self._round.cursor, piece)
        if stored:
            await self._evaluate(stored, self._round)
        self._round.cursor = cursor
        if self._state.sizes.recount is not None:
            self._state.sizes.recount.forget_passed()
        if cursor == 0:
            await self._state.sizes.correct(self._state.rows)
            self._metrics.sweeps.inc()
            await self._end(self._round)
            self._metrics.sweep_duration.observe(time.monotonic() - self._round.began)
            told = self._round.oldest < math.inf
            self._state.signs.oldest_membership = self._round.oldest if told else None
            self._state.signs.oldest_as_of = self._round.oldest_as_of if told else None
            self._generation, self._swept_at = self._round.generation, self._round.started_at
            self._round = None
            self._paused_until = time.monotonic() + self._pace.sweep_pause

    def _next_kind(self, now: float) -> SweepKind:
        partition = self._state.partition
        kind = self._step.next_sweep(
            now,
            relearned_at=self._models.relearned_at(partition),
            relearned=self._models.relearned > self._relearned,
        )
        behind = kind is not SweepKind.ORDINARY and self._ports.reader.behind(partition, self._state.checkpoint())
        return SweepKind.ORDINARY if behind else kind

    async def _end(self, done: _Round) -> None:
        """Tell the trainer, after the samples, that everybody was sampled."""
        empty = math.isinf(done.since)
        if done.kind is SweepKind.SAMPLE and not empty:
            partition, days = self._state.partition, (done.started_at - done.since) / DAY_SECONDS
            log.info(
                "partition %d: %.0f days of history are taken; everybody is sampled for a relearn", partition, days
            )
            at, is_all = done.started_at, self._step.history_ended
            end = BackfillEnd(partition=partition, at=at, since=done.since, is_all=is_all)
            record = OutgoingRecord(
                SAMPLES, pipeline.end_key(partition), msgspec.json.encode(end), (), SAMPLES_PARTITION
            )
            await self._state.relay.put(PendingDelivery((), None, [record], {}, ()))
        if done.kind is SweepKind.SETTLE:
            self._relearned = done.relearned
        self._step.ends(done.kind, done.started_at, empty=empty)
        if done.kind is not SweepKind.ORDINARY and self._step.told_at is None:
            await self._state.flush_checkpoint()  # `Step.in_step_at`, with the checkpoint

    def _passed(self, customer_id: str) -> bool:
        return self._round is not None and self._ports.state.passed(self._round.cursor, customer_id)

    def _is_due(self) -> bool:
        now = self._ports.clock.now(self._state.partition)
        if self._swept_at is None:
            self._swept_at = now
        adopted = self._models.generation != self._generation
        elapsed = now - self._swept_at >= self._interval
        if now <= 0:
            self._resume_clock()
        if now <= 0 or time.monotonic() < self._paused_until:
            return False
        return adopted or elapsed or self._next_kind(now) is not SweepKind.ORDINARY

    def _resume_clock(self) -> None:
        """Set an event clock to where it stood if nothing is left to read that would start it.

        With input left, looks at it must hold for the same times as before a restart: the clock starts with it.
        """
        partition, checkpoint = self._state.partition, self._state.checkpoint()
        if not self._ports.reader.behind(partition, checkpoint):
            stood_at = float(checkpoint.get(CLOCK, 0))
            self._ports.clock.advance(partition, [SeenTimes("", (), (), stood_at)], ())

    async def _evaluate(self, stored: Sequence[tuple[str, bytes]], sweep: _Round) -> None:
        rows, found = self._state.rows, dict(stored)
        absent = list[str]()
        customers = list(found)
        try:
            slots = rows.slots_of(customers)
        except KeyError:
            absent = rows.missing(found)
            self._state.load(absent, [found[customer] for customer in absent])
            slots = rows.slots_of(customers)
        self._state.sizes.count(rows, customers, slots)
        slots = slots[~await self._state.expire(slots)]
        sweep.since = min(sweep.since, float(rows.first_seen[slots].min(initial=math.inf)))
        if self._state.relay.is_idle and not self._state.relay.kept_back:
            await self._mark_wrong_strings(slots)
        await self._state.settle_and_flush(np.sort(slots), sweep.kind)
        self._note_oldest(slots)
        rows.evict(np.array([rows.slots[one] for one in absent if one in rows.slots], dtype=np.intp))

    def _note_oldest(self, slots: Slots) -> None:
        """Note the age of the memberships of these rows, as they are after this piece."""
        rows = self._state.rows
        told = slots[rows.published_wall[slots] > 0]
        if self._round is not None and len(told):
            self._round.oldest = min(self._round.oldest, float(rows.published_wall[told].min()))
            self._round.oldest_as_of = min(self._round.oldest_as_of, float(rows.published_at[told].min()))

    async def _mark_wrong_strings(self, slots: Slots) -> None:
        """Mark rows whose membership string is missing or has another `seq`: it will be written again."""
        rows = self._state.rows
        try:
            strings = await self._ports.memberships.read([rows.customer_ids[slot] for slot in slots.tolist()])
        except StoreUnavailableError:
            return  # a Cluster node with strings alone is away: the next sweep compares
        orders = [None if string is None else order_of(string) for string in strings]
        told = np.array([NO_SEQ if order is None else order[1] for order in orders], dtype=np.int64)
        wrong = (rows.published_wall[slots] > 0) & (rows.seq[slots] != told)
        rows.published_at[slots[wrong]] = 0
