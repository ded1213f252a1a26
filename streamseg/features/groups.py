"""Events of a batch, grouped by the row that they belong to."""

from dataclasses import dataclass
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

_POSITION_BITS: Final = 32
"""Of a position in a batch; as many are left for a slot."""

Number = TypeVar("Number", np.float64, np.int64)


@dataclass(frozen=True, slots=True)
class Groups:
    """A batch of m events, at least one, in G groups. Every reduction answers in the order of `slots`."""

    slots: NDArray[np.intp]
    """Slot of each group, ascending, shape (G,)."""
    of: NDArray[np.intp]
    """Group of each event, shape (m,)."""
    order: NDArray[np.intp]
    """The events group by group, within a group in batch order, shape (m,)."""
    starts: NDArray[np.intp]
    """Where each group begins in `order`, shape (G,)."""

    def greatest(self, values: NDArray[Number]) -> NDArray[Number]:
        """The maximum of each group."""
        return np.maximum.reduceat(values[self.order], self.starts)

    def least(self, values: NDArray[Number]) -> NDArray[Number]:
        """The minimum of each group."""
        return np.minimum.reduceat(values[self.order], self.starts)

    def total(self, values: NDArray[Number]) -> NDArray[Number]:
        """The sum of each group."""
        return np.add.reduceat(values[self.order], self.starts)

    def counts(self) -> NDArray[np.intp]:
        """How many events each group has."""
        return np.diff(self.starts, append=len(self.order))

    def ranks(self) -> NDArray[np.intp]:
        """How many events of the same group come before each, in the order of `order`."""
        return np.arange(len(self.order)) - np.repeat(self.starts, self.counts())


def grouped(slots: NDArray[np.intp]) -> Groups:
    """Group events, at least one, by slot."""
    # Slot and position in one number: sorting numbers is far quicker than finding an order of them, and as stable.
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
