"""Limits how many samples of a partition are learned per second: a token bucket per segmentation.

At one sample per customer and day, a million daily customers are 12 samples a second. A flood of customers who were
never learned (a shop connects with its history, a worker catches up after an outage) would be thousands a second. That
is not worth River's time, since a model is fitted on a sample of 2,000 customers.
"""

from collections.abc import Sequence
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

BURST: Final = 2_000
"""Samples that may be learned at once after a quiet time: more than replays and simulations ask for in one batch."""
_MIX: Final = np.uint32(2_654_435_761)
"""Knuth's multiplicative hash: CRCs of similar ids differ in few bits."""


class LearnBudget:
    """The learning budget of one partition. Reads no clock: `now` is an argument.

    Args:
        per_second: tokens added per second, for each segmentation.
        burst: most tokens that a segmentation can hold; each starts with as many.
    """

    def __init__(self, per_second: float, burst: int = BURST) -> None:
        self._per_second = per_second
        self._burst = burst
        self._smallest_partial_grant = min(per_second, burst)
        self._buckets: dict[str, tuple[float, float]] = {}
        """Tokens left and the time when they were counted, by segmentation."""

    def grant(self, segmentation: str, wanted: int, now: float) -> int:
        """Take tokens for `wanted` samples at `now` (epoch seconds) and return how many were granted.

        Grants either all, or at least one second's worth, or none yet: drawing one of a thousand customers costs as
        much as drawing ten.
        """
        left, counted_at = self._buckets.get(segmentation, (float(self._burst), now))
        left = min(self._burst, left + max(0.0, now - counted_at) * self._per_second)
        granted = min(wanted, int(left)) if left >= min(wanted, self._smallest_partial_grant) else 0
        self._buckets[segmentation] = left - granted, max(now, counted_at)
        return granted


def draw(customer_ids: Sequence[str], count: int, now: float) -> NDArray[np.intp]:
    """Draw `count` of the customers by a hash of id and time; return their positions in rising order.

    The same customers and time always give the same draw; another time gives another draw.
    """
    salt = crc32(b"%d" % int(now * 1000))
    hashes = np.array([crc32(customer.encode(), salt) for customer in customer_ids], dtype=np.uint32) * _MIX
    return np.sort(np.argsort(hashes, kind="stable")[:count])
