"""Two segmentations of the same customers side by side: who would move if one took the place of the other."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.lineage import best_pairs

FLOWS: Final = 12
"""How many of the largest moves are told."""
EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class Counterpart:
    """A segment of the new segmentation, and the one of the old whose members it shares most; None without one."""

    segment: str
    size: int
    counterpart: str | None
    counterpart_size: int
    shared: int


@dataclass(frozen=True, slots=True)
class Flow:
    """Customers who would go from an old segment to a new one that is not its counterpart; some as pseudonyms."""

    old: str
    new: str
    customers: int
    examples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Who would move. `customers` are assigned in both; the flows are the largest, `moved_otherwise` is the rest."""

    customers: int
    only_old: int
    only_new: int
    moved: int
    moved_share: float
    segments: tuple[Counterpart, ...]
    flows: tuple[Flow, ...]
    moved_otherwise: int


def compare(customer_ids: Sequence[str], old: Sequence[str | None], new: Sequence[str | None]) -> Comparison:
    """Compare the segments (None: unassigned) of n customers in two segmentations.

    Old and new segments are paired one to one, so that the Jaccard overlaps of their members are greatest in sum.
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
    largest = sorted(movers.items(), key=lambda flow: (-len(flow[1]), flow[0]))[:FLOWS]
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
        flows=tuple(Flow(a, b, len(who), tuple(map(pseudonym, who[:EXAMPLES]))) for (a, b), who in largest),
        moved_otherwise=moved - sum(len(who) for _, who in largest),
    )
