"""Rows as they are at one moment: what the features are computed from."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.features.rows import Rows, Slots
from streamseg.time_units import DAY_SECONDS

Floats: TypeAlias = NDArray[np.float64]


class Moment:
    """The rows in `slots` at `now` (epoch seconds, one or one per row); never before a row's own latest event."""

    def __init__(self, rows: Rows, slots: Slots, now: float | Floats) -> None:
        self.rows, self.slots, self.layout = rows, slots, rows.layout
        last_seen = rows.last_seen[slots]
        self.now: Floats = np.maximum(last_seen, now)
        self._sums = rows.sums[slots]
        self._kept = self.layout.kept(np.where(np.isfinite(last_seen), self.now - last_seen, 0.0))
        self._totals: dict[str, Floats] = {}

    def total(self, name: str) -> Floats:
        """A decayed sum; rounding and refunds can't make it negative. Features share it: not to be written to."""
        if (total := self._totals.get(name)) is None:
            place = self.layout.sum_index[name]
            kept = self._kept[place >= self.layout.habits]
            total = self._totals[name] = np.maximum(self._sums[:, place] * kept, 0.0)
        return total

    def days_since(self, field: str, cap: float) -> Floats:
        """Days from a time field until now, at most `cap`; `cap` for what has never been."""
        days: Floats = np.clip((self.now - self.rows.slab[field][self.slots]) / DAY_SECONDS, 0.0, cap)
        return days

    def field(self, name: str) -> Floats:
        """A field that does not decay."""
        values: Floats = self.rows.slab[name][self.slots].astype(np.float64)
        return values
