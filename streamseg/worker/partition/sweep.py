"""Re-evaluates every customer of a partition, in memory or not (DESIGN.md, Silence).

A sweep lists the stored rows in pieces between the runs, so that events do not wait. It starts when the sweep interval
of the partition's clock has passed, and at once when a model was adopted.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from streamseg.features.rows import Slots
from streamseg.membership.encoding import order_of
from streamseg.metrics import Metrics
from streamseg.worker.context import Ports, Rules
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import Pace
from streamseg.worker.partition.absorbed import Absorbed
from streamseg.worker.partition.counts.recount import Recount
from streamseg.worker.partition.state import PartitionState


@dataclass(slots=True)
class _Round:
    """A sweep under way."""

    cursor: int
    generation: int
    started_at: float
    oldest: float | None = None
    """`as_of` of the oldest membership that it left."""


class Sweep:
    """Drives the sweeps of one partition, inside its task."""

    def __init__(
        self, state: PartitionState, *, ports: Ports, rules: Rules, models: ModelCache, metrics: Metrics, pace: Pace
    ) -> None:
        self._state = state
        self._ports = ports
        self._interval = rules.sweep_interval
        self._models = models
        self._metrics = metrics
        self._pace = pace
        self._round: _Round | None = None
        self._generation = 0
        self._swept_at: float | None = None
        self._paused_until = 0.0

    @property
    def under_way(self) -> bool:
        """Whether a sweep has begun and not ended."""
        return self._round is not None

    async def step(self) -> None:
        """Re-evaluate one piece if a sweep is due or under way.

        Raises `StoreUnavailableError` and `FlushRefusedError`.
        """
        if self._round is None:
            if not self._is_due():
                return
            self._round = _Round(0, self._models.generation, self._ports.clock.now(self._state.partition))
            self._state.sizes.recount = Recount(self._passed)
        cursor, stored = await self._ports.state.scan(self._state.partition, self._round.cursor, self._pace.sweep_piece)
        if stored:
            await self._evaluate(stored)
        self._round.cursor = cursor
        if self._state.sizes.recount is not None:
            self._state.sizes.recount.forget_passed()
        if cursor == 0:
            await self._state.sizes.correct(self._state.rows)
            self._metrics.sweeps.inc()
            self._generation, self._swept_at = self._round.generation, self._round.started_at
            self._state.oldest_membership = self._round.oldest
            self._round = None
            self._paused_until = time.monotonic() + self._pace.sweep_pause

    def _passed(self, customer_id: str) -> bool:
        return self._round is not None and self._ports.state.passed(self._round.cursor, customer_id)

    def _is_due(self) -> bool:
        now = self._ports.clock.now(self._state.partition)
        if self._swept_at is None:
            self._swept_at = now
        adopted = self._models.generation != self._generation
        elapsed = now - self._swept_at >= self._interval
        return (adopted or elapsed) and now > 0 and time.monotonic() >= self._paused_until

    async def _evaluate(self, stored: Sequence[tuple[str, bytes]]) -> None:
        rows = self._state.rows
        found = dict(stored)
        absent = [customer for customer in found if customer not in rows.slots]
        self._state.load(absent, [found[customer] for customer in absent])
        slots = np.array([rows.slots[customer] for customer in found], dtype=np.intp)
        self._state.sizes.count(rows, slots)
        slots = slots[~await self._state.expire(slots)]
        if self._state.relay.is_idle:
            await self._mark_wrong_strings(slots)
        await self._state.settle_and_flush(Absorbed(np.sort(slots)), swept=True)
        self._note_oldest(slots)
        rows.evict(np.array([rows.slots[one] for one in absent if one in rows.slots], dtype=np.intp))

    def _note_oldest(self, slots: Slots) -> None:
        rows = self._state.rows
        told = rows.published_at[slots[rows.published_wall[slots] > 0]]
        if self._round is not None and len(told):
            oldest = float(told.min())
            self._round.oldest = oldest if self._round.oldest is None else min(self._round.oldest, oldest)

    async def _mark_wrong_strings(self, slots: Slots) -> None:
        """Mark rows whose membership string is missing or has another `seq`: it will be written again."""
        rows = self._state.rows
        strings = await self._ports.memberships.read([rows.customer_ids[slot] for slot in slots.tolist()])
        for slot, string in zip(slots.tolist(), strings, strict=True):
            order = order_of(string) if string is not None else None
            if rows.published_wall[slot] > 0 and (order is None or order[1] != rows.seq[slot]):
                rows.published_at[slot] = 0
