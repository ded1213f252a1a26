"""Looks at customers on time in silence: a window that ends moves them without an event (DESIGN.md, Audiences).

Each flush says when its customers must be looked at again; the store keeps them in order of time. That index decides
nothing: a sweep makes it anew from the rows.
"""

import time
from collections.abc import Sequence

import numpy as np

from streamseg.pipeline import SweepKind
from streamseg.ports import Clock, StateStore
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import Pace
from streamseg.worker.partition.state import PartitionState


class DueLooks:
    """The looks of one partition that fall due, made inside its task."""

    def __init__(
        self, state: PartitionState, *, clock: Clock, store: StateStore, models: ModelCache, pace: Pace
    ) -> None:
        self._state = state
        self._clock = clock
        self._store = store
        self._models = models
        self._pace = pace
        self._next = 0.0

    async def step(self, *, events_come: bool) -> None:
        """Look at the customers who are due by the partition's clock, a piece of them.

        Raises `StoreUnavailableError` and `FlushRefusedError`.
        """
        now = self._clock.now(self._state.partition)
        if self._models.audiences is None or now <= 0 or time.monotonic() < self._next:
            return
        piece = self._pace.piece(events_come=events_come)
        customers = await self._store.due(self._state.partition, now, piece)
        if customers:
            await self._look(customers)
        if len(customers) < piece:
            self._next = time.monotonic() + self._pace.due_pause

    async def _look(self, customers: Sequence[str]) -> None:
        """Look at the customers; those without a row have expired."""
        rows = self._state.rows
        absent = rows.missing(customers)
        found = zip(absent, await self._store.load(self._state.partition, absent), strict=True)
        stored = {one: row for one, row in found if row is not None}
        self._state.load(list(stored), list(stored.values()))
        slots = rows.slots_of([one for one in customers if one in rows.slots])
        await self._state.settle_and_flush(np.sort(slots), SweepKind.DUE)
        if len(slots) < len(customers):
            await self._state.forget_due([one for one in customers if one not in rows.slots])
        rows.evict(rows.slots_of(list(stored)))
