"""The days in which customers move from the model before to the adopted one, each at a time of their own.

A model that is adopted all at once renames whole segments in a day. So the model before stays beside it, and a hash of
the customer says when the adopted one begins to count for them (DESIGN.md, Handover).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats

_MIX: Final = np.uint32(2_654_435_761)
"""Knuth's multiplicative hash: CRCs of similar ids differ in few bits."""
_HASHES: Final = 2.0**32


@dataclass(frozen=True, slots=True)
class Handover:
    """A model that customers leave one after the other. Times are epoch seconds of event time."""

    segments: tuple[str, ...]
    """Segment ids in the order of its centres. Those that the adopted model lacks are closing."""
    centres: tuple[tuple[float, ...], ...]
    """(k, d) in the scaled space of the adopted model."""
    begins: float
    """When the first customer moves."""
    ends: float
    """From when the model before counts for nobody."""

    def has_moved(self, customer_ids: Sequence[str], at: Floats) -> NDArray[np.bool_]:
        """Return for which of the customers (n,) the adopted model counts at the times `at` (n,), epoch seconds."""
        salt = int(self.begins) & 0xFFFFFFFF
        hashes = np.array([crc32(customer.encode(), salt) for customer in customer_ids], dtype=np.uint32) * _MIX
        moved: NDArray[np.bool_] = at >= self.begins + (self.ends - self.begins) * (hashes / _HASHES)
        return moved

    def closing(self, segments: Collection[str]) -> tuple[str, ...]:
        """Return the ids that are not among `segments`, those of the adopted model."""
        return tuple(one for one in self.segments if one not in segments)
