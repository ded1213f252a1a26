"""Rows as they are at one moment: what the features are computed from."""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.features.rows import Rows, Slots

Floats: TypeAlias = NDArray[np.float64]
DAY_SECONDS: Final = 86_400.0


class Moment:
    """The rows in `slots` at `now` (epoch seconds, one or one per row); never before a row's own latest event."""

    def __init__(self, rows: Rows, slots: Slots, now: float | Floats) -> None:
        self.rows, self.slots, self.layout = rows, slots, rows.layout
        last_seen = rows.last_seen[slots]
        self.now: Floats = np.maximum(last_seen, now)
        # All at once and each in one piece: a handful of operations for all features.
        self._totals: Floats = np.ascontiguousarray(rows.sums[slots].T, dtype=np.float64)
        self.layout.decay(self._totals.T, np.where(np.isfinite(last_seen), self.now - last_seen, 0.0))
        np.maximum(self._totals, 0.0, out=self._totals)

    def total(self, name: str) -> Floats:
        """A decayed sum; rounding and refunds can't make it negative. Features share it: not to be written to."""
        total: Floats = self._totals[self.layout.sum_index[name]]
        return total

    def days_since(self, field: str, cap: float) -> Floats:
        """Days from a time field until now, at most `cap`; `cap` for what has never been."""
        days: Floats = np.clip((self.now - self.rows.slab[field][self.slots]) / DAY_SECONDS, 0.0, cap)
        return days

    def field(self, name: str) -> Floats:
        """A field that does not decay."""
        values: Floats = self.rows.slab[name][self.slots].astype(np.float64)
        return values
