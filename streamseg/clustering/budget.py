"""How much of a partition is learned in a time, whatever arrives: a token bucket per segmentation.

At one learn per customer and day, a million daily customers are 12 learns a second. A flood of customers who were never
learned (a shop that connects with its history, an outage that is caught up with) would be thousands: they are not worth
what River costs, since a model is fitted on a sample of 2,000.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BURST: Final = 2_000
"""Learns that may come at once after a quiet time: more than replays and simulations ever ask for in one batch."""
_MIX: Final = np.uint32(2_654_435_761)
"""Knuth's multiplicative hash: CRCs of ids that are alike differ in few bits."""


class LearnBudget:
    """The budget of one partition, by its clock. `per_second` is the rate at which each segmentation's is filled up."""

    def __init__(self, per_second: float, burst: int = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._lump = min(per_second, burst)
        self._left: dict[str, tuple[float, float]] = {}
        """Tokens and when they were counted, by segmentation."""

    def grant(self, segmentation: str, wanted: int, now: float) -> int:
        """How many of `wanted` may be learned at `now` (epoch seconds); they are taken off the budget.

        All of them or a second's worth, or none yet: to draw one of a thousand costs as much as to draw ten.
        """
        left, counted_at = self._left.get(segmentation, (float(self._burst), now))
        left = min(self._burst, left + max(0.0, now - counted_at) * self._per_second)
        granted = min(wanted, int(left)) if left >= min(wanted, self._lump) else 0
        self._left[segmentation] = left - granted, max(now, counted_at)
        return granted


def draw(customer_ids: Sequence[str], count: int, now: float) -> NDArray[np.intp]:
    """Positions of `count` of the customers, rising: by a hash of id and time, so neither place nor luck decides.

    The same customers at the same time are always drawn alike, and at another time are drawn anew.
    """
    salt = crc32(b"%d" % int(now * 1000))
    hashes = np.array([crc32(customer.encode(), salt) for customer in customer_ids], dtype=np.uint32) * _MIX
    return np.sort(np.argsort(hashes, kind="stable")[:count])
