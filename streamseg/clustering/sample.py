"""What is learned from, and the bounded sample of customers that a challenger is fitted on."""

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from streamseg.clustering.encode import Floats

RANKS: Final = 2**64
HEADROOM: Final = 1.5
"""Of how many times as many customers as are kept the vectors are wanted, so that those who fall silent are replaced
at once."""


@lru_cache(maxsize=65_536)
def rank_of(customer_id: str) -> int:
    """A number below `RANKS` by which customers are chosen, the lowest first: a hash, the same in every process."""
    return int.from_bytes(hashlib.blake2b(customer_id.encode(), digest_size=8).digest())


@dataclass(frozen=True, slots=True)
class Sample:
    """One customer's feature vector at one time: raw values in the order of the segmentation's features.

    `at` is the time of the look (epoch seconds of the partition's clock), `events` how many events the customer had,
    `value` what the customer has been worth (undecayed spend); the model does not see it, descriptions tell of it.
    """

    customer_id: str
    at: float
    vector: tuple[float, ...]
    events: int
    value: float = 0.0


class Kept(NamedTuple):
    """A sampled customer: rank among all, the sample, and its vector in log space."""

    rank: int
    sample: Sample
    logged: tuple[float, ...]


class RecentCustomers:
    """The latest vector of up to `size` customers, a uniform choice among those seen lately.

    A customer's rank is a hash of the id and the lowest ranks stay (bottom-k sampling: Cohen and Kaplan, PODC 2007), so
    the choice depends neither on the order of arrival nor on how often a customer comes, nor on restarts.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._kept: dict[str, Kept] = {}
        self._highest: list[tuple[int, str]] = []
        """A heap of all that are kept, by falling rank; empty when it has to be made anew."""

    def __len__(self) -> int:
        return len(self._kept)

    def keep(self, sample: Sample, logged: tuple[float, ...]) -> None:
        """Take a customer's vector in place of the one before, unless that is of a later look."""
        old = self._kept.get(sample.customer_id)
        if old is not None:
            if sample.at >= old.sample.at:
                self._kept[sample.customer_id] = Kept(old.rank, sample, logged)
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
        self._kept[sample.customer_id] = Kept(rank, sample, logged)

    def forget(self, customer_id: str) -> None:
        """Remove a customer, who may be unknown."""
        if self._kept.pop(customer_id, None) is not None:
            self._highest = []

    def drop_before(self, at: float) -> None:
        """Remove customers whose latest look was earlier."""
        self._kept = {name: kept for name, kept in self._kept.items() if kept.sample.at >= at}
        self._highest = []

    def wanted_share(self, sampled: float) -> float:
        """The share of all ranks, from the lowest, in which customers may come to be kept; `sampled` is what it was."""
        if len(self._kept) < self._size:
            return min(1.0, HEADROOM * sampled * self._size / max(len(self._kept), 1))
        highest = max(kept.rank for kept in self._kept.values())
        return min(1.0, HEADROOM * (highest + 1) / RANKS)

    def median_events(self) -> float:
        """Of the customers in the sample; 0 without any."""
        return float(np.median([kept.sample.events for kept in self._kept.values()])) if self._kept else 0.0

    def logged(self) -> Floats:
        """Log-space vectors (n, d), in the order of `samples`."""
        return np.array([kept.logged for kept in self._by_rank()])

    def samples(self) -> list[Sample]:
        """The latest of every customer, ordered by rank so that the order of arrival does not show in any sum."""
        return [kept.sample for kept in self._by_rank()]

    def _by_rank(self) -> Iterator[Kept]:
        return iter(sorted(self._kept.values(), key=lambda kept: kept.rank))
