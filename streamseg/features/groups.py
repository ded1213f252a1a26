"""Groups the events of a batch by row, for reductions per row."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

_POSITION_BITS: Final = 32
"""Bits for the position in the batch; the remaining bits hold the slot."""

Number = TypeVar("Number", np.float64, np.int64)


@dataclass(frozen=True, slots=True)
class Groups:
    """A batch of m >= 1 events in G groups, one per row. Reductions return shape (G,), in the order of `slots`."""

    slots: NDArray[np.intp]
    """Slot of each group, ascending, shape (G,)."""
    of: NDArray[np.intp]
    """Group of each event, shape (m,)."""
    order: NDArray[np.intp]
    """Events sorted by group, in batch order within a group, shape (m,)."""
    starts: NDArray[np.intp]
    """Start of each group in `order`, shape (G,)."""

    def greatest(self, values: NDArray[Number]) -> NDArray[Number]:
        """Return the maximum of each group; `values` has shape (m,)."""
        return np.maximum.reduceat(values[self.order], self.starts)

    def least(self, values: NDArray[Number]) -> NDArray[Number]:
        """Return the minimum of each group; `values` has shape (m,)."""
        return np.minimum.reduceat(values[self.order], self.starts)

    def total(self, values: NDArray[Number]) -> NDArray[Number]:
        """Return the sum of each group; `values` has shape (m,)."""
        return np.add.reduceat(values[self.order], self.starts)

    def counts(self) -> NDArray[np.intp]:
        """Return the number of events of each group."""
        return np.bincount(self.of)

    def ranks(self) -> NDArray[np.intp]:
        """Return each event's index within its group, in the order of `order`, shape (m,)."""
        return np.arange(len(self.order)) - np.repeat(self.starts, self.counts())


def grouped(slots: NDArray[np.intp]) -> Groups:
    """Group at least one event by slot, shape (m,)."""
    # Slot and position share one integer: a plain sort is much faster than a stable argsort, with the same result.
    keys = (slots << _POSITION_BITS) | np.arange(len(slots))
    keys.sort()
    ordered, order = keys >> _POSITION_BITS, keys & ((1 << _POSITION_BITS) - 1)
    first = np.empty(len(slots), dtype=np.bool_)
    first[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    starts = np.flatnonzero(first)
    of = np.empty(len(slots), dtype=np.intp)
    of[order] = np.cumsum(first) - 1
    return Groups(ordered[starts], of, order, starts)
