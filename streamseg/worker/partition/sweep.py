"""Silence is also an event: every customer of a partition is looked at again, in memory or not (mechanism 7).

A round lists the stored rows piece by piece, between the runs, so that events are not held up. It starts when the
sweep interval of the partition's clock has passed, and at once when a model was adopted.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamseg.membership.encoding import order_of
from streamseg.worker.context import Batch, Surroundings
from streamseg.worker.partition.state import PartitionState

PIECE_ROWS = 500
ROUND_PAUSE_SECONDS = 1.0
"""Wall time between rounds, for event clocks that run much faster than the wall."""


@dataclass(slots=True)
class SweepRound:
    """A sweep under way."""

    cursor: int
    generation: int
    started_at: float


class Sweep:
    """Drives the sweeps of one partition, inside its task."""

    def __init__(self, keeper: PartitionState, surroundings: Surroundings) -> None:
        self._keeper = keeper
        self._s = surroundings
        self._round: SweepRound | None = None
        self._generation = 0
        self._swept_at: float | None = None
        self._paused_until = 0.0

    @property
    def under_way(self) -> bool:
        """Whether a sweep has begun and is not through."""
        return self._round is not None

    async def step(self) -> None:
        """Look at one piece if a sweep is due or under way."""
        if self._round is None:
            if not self._is_due():
                return
            self._round = SweepRound(0, self._s.models.generation, self._s.clock.now(self._keeper.number))
        cursor, stored = await self._s.state.scan(self._keeper.number, self._round.cursor, PIECE_ROWS)
        if stored:
            await self._look(stored)
        self._round.cursor = cursor
        if cursor == 0:
            self._generation, self._swept_at = self._round.generation, self._round.started_at
            self._round = None
            self._paused_until = time.monotonic() + ROUND_PAUSE_SECONDS

    def _is_due(self) -> bool:
        now = self._s.clock.now(self._keeper.number)
        if self._swept_at is None:
            self._swept_at = now
        adopted = self._s.models.generation != self._generation
        silent = now - self._swept_at >= self._s.sweep_interval_seconds
        return (adopted or silent) and now > 0 and time.monotonic() >= self._paused_until

    async def _look(self, stored: Sequence[tuple[str, bytes]]) -> None:
        rows = self._keeper.rows
        found = dict(stored)
        absent = [customer for customer in found if customer not in rows.slots]
        self._keeper.take_in(absent, [found[customer] for customer in absent])
        slots = np.array([rows.slots[customer] for customer in found], dtype=np.intp)
        slots = slots[~await self._keeper.let_go(slots)]
        if self._keeper.courier.is_idle:
            await self._mark_differing(slots)
        await self._keeper.settle_and_flush(Batch([slots]), swept=True)
        rows.evict(np.array([rows.slots[one] for one in absent if one in rows.slots], dtype=np.intp))

    async def _mark_differing(self, slots: NDArray[np.intp]) -> None:
        """A membership string that is gone, or is not the one its row speaks of, is to be written again."""
        rows = self._keeper.rows
        strings = await self._s.memberships.read([rows.customer_ids[slot] for slot in slots.tolist()])
        for slot, string in zip(slots.tolist(), strings, strict=True):
            order = order_of(string) if string is not None else None
            if rows.published_wall[slot] > 0 and (order is None or order[1] != rows.seq[slot]):
                rows.published_at[slot] = 0
