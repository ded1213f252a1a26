"""Compares two segmentations of the same customers: who would move if one replaced the other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.lineage import best_pairs

MAX_FLOWS: Final = 12
"""Only the largest flows are listed."""
EXAMPLES_PER_FLOW: Final = 3


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A segment of the new segmentation, and the old segment it is paired with; None without one."""

    segment: str
    size: int
    counterpart: str | None
    counterpart_size: int
    shared: int
    """Customers who are in both."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Customers who would move from an old segment to a new one that is not its counterpart."""

    old: str
    new: str
    customers: int
    examples: tuple[str, ...]
    """Pseudonyms of some of them."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Counts of customers by where they are in the old and in the new segmentation."""

    customers: int
    """Assigned in both."""
    only_old: int
    only_new: int
    moved: int
    """Of `customers`, those whose new segment is not the counterpart of their old one."""
    moved_share: float
    """Share of `customers`, in [0, 1]."""
    segments: tuple[Counterpart, ...]
    flows: tuple[Flow, ...]
    """The largest first, at most `MAX_FLOWS`."""
    moved_otherwise: int
    """Of `moved`, those in none of the flows."""


class SegmentPairs:
    """How many customers are in each pair of an old and a new segment, and a few of them. None where unassigned."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str | None, str | None]] = Counter()
        self.examples: dict[tuple[str | None, str | None], tuple[str, ...]] = {}
        """Pseudonyms of the first `EXAMPLES_PER_FLOW` customers of a pair."""

    def add(self, customer_ids: Sequence[str], old: Sequence[str | None], new: Sequence[str | None]) -> None:
        """Count the old and new segments of n more customers."""
        for customer, *segments in zip(customer_ids, old, new, strict=True):
            pair = segments[0], segments[1]
            self.counts[pair] += 1
            if len(known := self.examples.get(pair, ())) < EXAMPLES_PER_FLOW:
                self.examples[pair] = (*known, pseudonym(customer))


def compare(pairs: SegmentPairs) -> Comparison:
    """Compare the old and the new segments.

    Old and new segments are paired one to one so that the sum of the Jaccard overlaps of their members is greatest.
    """
    both = {(a, b): count for (a, b), count in pairs.counts.items() if a is not None and b is not None}
    old_sizes, new_sizes = Counter[str](), Counter[str]()
    for (a, b), count in both.items():
        old_sizes[a] += count
        new_sizes[b] += count
    old_names, new_names = sorted(old_sizes), sorted(new_sizes)
    shared = np.array([[both.get((a, b), 0) for b in new_names] for a in old_names], dtype=np.float64)
    matched = {j: i for i, j in best_pairs(shared) if shared[i, j] > 0} if both else {}
    counterparts = {new_names[j]: old_names[i] for j, i in matched.items()}
    movers = {(a, b): count for (a, b), count in both.items() if counterparts.get(b) != a}
    customers, moved = sum(both.values()), sum(movers.values())
    largest = sorted(movers.items(), key=lambda flow: (-flow[1], flow[0]))[:MAX_FLOWS]
    return Comparison(
        customers=customers,
        only_old=sum(count for (a, b), count in pairs.counts.items() if a is not None and b is None),
        only_new=sum(count for (a, b), count in pairs.counts.items() if a is None and b is not None),
        moved=moved,
        moved_share=moved / customers if customers else 0.0,
        segments=tuple(
            Counterpart(
                segment=name,
                size=new_sizes[name],
                counterpart=counterparts.get(name),
                counterpart_size=old_sizes[counterparts[name]] if name in counterparts else 0,
                shared=int(shared[matched[j], j]) if j in matched else 0,
            )
            for j, name in enumerate(new_names)
        ),
        flows=tuple(Flow(a, b, count, pairs.examples[a, b]) for (a, b), count in largest),
        moved_otherwise=moved - sum(count for _, count in largest),
    )
