"""The sampled customers of a look-alike: members of the seed, and others.

Others are the uniform sample of the segmentation. Members are sampled on purpose, however few they are, so there are
two samples, each uniform within its group; weights make both groups count the same.
"""

from typing import Final

import numpy as np

from streamseg.clustering.encode import Floats
from streamseg.clustering.learning.recent_customers import RecentCustomers
from streamseg.clustering.sample import Sample, rank_of

HELD_OUT: Final = 4
"""One of so many customers is held out: nothing is learned of them."""


def is_held_out(customer_id: str) -> bool:
    """Return whether a customer is held out, in the seed or not: the same in every process, whoever is sampled."""
    return rank_of(customer_id) % HELD_OUT == 0


class SeedSamples:
    """The latest samples of the members of a seed and of others, `size` of each at most."""

    def __init__(self, size: int) -> None:
        self.members = RecentCustomers(size)
        self.others = RecentCustomers(size)

    def keep(self, sample: Sample, logged: tuple[float, ...], *, member: bool, uniform: bool) -> None:
        """Keep a sample; `uniform` unless it was sent for the sake of a seed only."""
        (self.others if member else self.members).forget(sample.customer_id)
        if member:
            self.members.keep(sample, logged)
        elif uniform:
            self.others.keep(sample, logged)

    def forget(self, customer_id: str) -> None:
        """Remove a customer."""
        self.members.forget(customer_id)
        self.others.forget(customer_id)

    def drop_before(self, at: float) -> None:
        """Remove customers whose latest look was before `at`, epoch seconds."""
        self.members.drop_before(at)
        self.others.drop_before(at)


class Split:
    """One group of customers, divided by who is held out."""

    def __init__(self, customers: RecentCustomers, scaled: Floats) -> None:
        samples = customers.samples()
        held = np.array([is_held_out(one.customer_id) for one in samples], dtype=np.bool_)
        self.raw: Floats = np.array([one.vector for one in samples])
        self.all = scaled
        self.learned: Floats = scaled[~held]
        self.held_out: Floats = scaled[held]
