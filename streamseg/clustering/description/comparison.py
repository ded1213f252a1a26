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


def compare(customer_ids: Sequence[str], old: Sequence[str | None], new: Sequence[str | None]) -> Comparison:
    """Compare the old and new segments of n customers; None where unassigned.

    Old and new segments are paired one to one so that the sum of the Jaccard overlaps of their members is greatest.
    """
    both = [(c, a, b) for c, a, b in zip(customer_ids, old, new, strict=True) if a is not None and b is not None]
    old_names, new_names = sorted({a for _, a, _ in both}), sorted({b for _, _, b in both})
    shared = np.zeros((len(old_names), len(new_names)))
    for _, a, b in both:
        shared[old_names.index(a), new_names.index(b)] += 1
    pairs = {j: i for i, j in best_pairs(shared) if shared[i, j] > 0} if both else {}
    counterparts = {new_names[j]: old_names[i] for j, i in pairs.items()}
    movers: dict[tuple[str, str], list[str]] = {}
    for customer, a, b in both:
        if counterparts.get(b) != a:
            movers.setdefault((a, b), []).append(customer)
    moved = sum(map(len, movers.values()))
    old_sizes, new_sizes = Counter(a for _, a, _ in both), Counter(b for _, _, b in both)
    largest = sorted(movers.items(), key=lambda flow: (-len(flow[1]), flow[0]))[:MAX_FLOWS]
    return Comparison(
        customers=len(both),
        only_old=sum(a is not None and b is None for a, b in zip(old, new, strict=True)),
        only_new=sum(a is None and b is not None for a, b in zip(old, new, strict=True)),
        moved=moved,
        moved_share=moved / len(both) if both else 0.0,
        segments=tuple(
            Counterpart(
                segment=name,
                size=new_sizes[name],
                counterpart=counterparts.get(name),
                counterpart_size=old_sizes[counterparts[name]] if name in counterparts else 0,
                shared=int(shared[pairs[j], j]) if j in pairs else 0,
            )
            for j, name in enumerate(new_names)
        ),
        flows=tuple(Flow(a, b, len(who), tuple(map(pseudonym, who[:EXAMPLES_PER_FLOW]))) for (a, b), who in largest),
        moved_otherwise=moved - sum(len(who) for _, who in largest),
    )
