"""The bounded sample of customers that challengers are fitted on."""

import heapq
from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from streamseg.clustering.encode import Floats
from streamseg.clustering.sample import RANKS, Sample, rank_of

HEADROOM: Final = 1.5
"""Vectors are requested from this many times as many customers as are kept, so that a customer who falls silent is
replaced at once."""


class _Kept(NamedTuple):
    rank: int
    sample: Sample
    logged: tuple[float, ...]
    """The sample's vector in log space."""


class RecentCustomers:
    """The latest vector of up to `size` customers: a uniform choice among those seen lately.

    The customers with the lowest ranks are kept (bottom-k sampling: Cohen and Kaplan, PODC 2007). A rank is a hash of
    the id, so the choice depends neither on the order of arrival, nor on how often a customer comes, nor on restarts.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[str, _Kept] = {}
        self._highest: list[tuple[int, str]] = []
        """A heap of all kept customers with the highest rank on top; empty when it must be built again."""

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, sample: Sample, logged: tuple[float, ...]) -> None:
        """Replace the customer's vector, unless the present one is of a later look."""
        old = self._kept.get(sample.customer_id)
        if old is not None:
            if sample.at >= old.sample.at:
                self._kept[sample.customer_id] = _Kept(old.rank, sample, logged)
            return
        rank = rank_of(sample.customer_id)
        if len(self._kept) >= self._size:
            if not self._highest:
                self._highest = [(-kept.rank, name) for name, kept in self._kept.items()]
                heapq.heapify(self._highest)
            if -rank < self._highest[0][0]:
                return
            _, leaving = heapq.heapreplace(self._highest, (-rank, sample.customer_id))
            del self._kept[leaving]
        self._kept[sample.customer_id] = _Kept(rank, sample, logged)

    def forget(self, customer_id: str) -> None:
        """Remove a customer; does nothing for an unknown one."""
        if self._kept.pop(customer_id, None) is not None:
            self._highest = []

    def drop_before(self, at: float) -> None:
        """Remove customers whose latest look was before `at` (epoch seconds)."""
        self._kept = {name: kept for name, kept in self._kept.items() if kept.sample.at >= at}
        self._highest = []

    def wanted_share(self, sampled: float) -> float:
        """Return the share of all ranks, counted from the lowest, from which vectors should be sent from now on.

        `sampled` is the share from which they were sent so far.
        """
        if len(self._kept) < self._size:
            return min(1.0, HEADROOM * sampled * self._size / max(len(self._kept), 1))
        highest = max(kept.rank for kept in self._kept.values())
        return min(1.0, HEADROOM * (highest + 1) / RANKS)

    def covered(self, sampled: float) -> float:
        """Return the share of all ranks, counted from the lowest, of which every sampled customer is kept.

        `sampled` is the share from which vectors were sent.
        """
        if len(self._kept) < self._size:
            return sampled
        return min(sampled, (max(kept.rank for kept in self._kept.values()) + 1) / RANKS)

    def median_events(self) -> float:
        """Return the median number of events of the customers; 0 without any."""
        return float(np.median([kept.sample.events for kept in self._kept.values()])) if self._kept else 0.0

    def logged(self) -> Floats:
        """Return the log-space vectors (n, d), in the order of `samples`."""
        return np.array([kept.logged for kept in self._by_rank()])

    def samples(self) -> list[Sample]:
        """Return the latest sample of every customer, ordered by rank so that no sum depends on arrival order."""
        return [kept.sample for kept in self._by_rank()]

    def _by_rank(self) -> Iterator[_Kept]:
        return iter(sorted(self._kept.values(), key=lambda kept: kept.rank))
