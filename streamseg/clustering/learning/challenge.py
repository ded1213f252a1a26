"""Decides whether a fresh fit replaces the running model: its gain must outweigh the segment changes that it causes."""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.distances import nearest
from streamseg.clustering.encode import Floats
from streamseg.clustering.learning import lloyd
from streamseg.clustering.lineage import Lineage, kept_share

FRESH_RESTARTS: Final = 6
CHANGE_COST: Final = 0.04
"""Share of inertia that a fresh model must gain per share of customers who would not keep their segment: 2 % for half
of them. At 0.2, good models came so late that the ARI after a change fell from 0.83 to 0.64. Where customers form one
cloud without gaps, another optimum divides half of them differently: at 0.065, an optimum that was 3 % worse was kept
for good, with an ARI to offline k-means of 0.45 instead of 0.89. On streams with separate groups nothing differed."""


@dataclass(frozen=True, slots=True)
class Transition:
    """The result of a challenge.

    The inertias are sums of squared scaled distances over the sample: of the running model with the centres that River
    learned, and of the best fresh one. They are equal for the first model.
    """

    at: float
    """Event time, epoch seconds."""
    outcome: Literal["first", "kept", "adopted"]
    """first: the first centres were placed; kept: the running model stays; adopted: a fresh one replaced it."""
    running_inertia: float
    fresh_inertia: float
    lineage: tuple[Lineage, ...]
    moved: float = 0.0
    """Share of the sampled customers whose segment changed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision, and what is needed to apply it."""

    running_inertia: float
    """Of the running model, with the centres that River learned."""
    fresh: lloyd.Fit | None
    """The fit that replaces it; None when it stays."""
    best_inertia: float
    """Lowest inertia of the fresh fits."""
    before: NDArray[np.intp]
    """Nearest centre of each customer (n,) by the running model."""


def challenge(
    rows: Floats,
    weights: Floats | None,
    customers: Floats,
    centres: Floats,
    *,
    clusters: int,
    adoption_gain: float,
    rng: np.random.Generator,
    may_leave: bool = True,
) -> Outcome:
    """Compare fresh fits with the running model. All arrays are in the same scaled space.

    The running model is measured as River has learned it. Polished by Lloyd's rounds it would be a batch model that
    hides whether River follows its customers; so polished it is one of the fresh fits, and wins if that is worth it.

    Args:
        rows: points to fit, (m, d).
        weights: of the rows, (m,); None for equal weights.
        customers: customers whose segments may change, (n, d).
        centres: of the running model, (k, d).
        clusters: number of clusters of a fresh fit. If it is not k, the best fit always replaces the running model.
        adoption_gain: least share by which the inertia of a fresh fit must be lower, beside what any fit gains by
            chance: each of its means is of the very rows that it is measured on, which is worth clusters / m.
        rng: random source of the seedings.
        may_leave: whether any fit may win, or only the polished running model.
    """
    running = lloyd.inertia(rows, centres, weights)
    before = nearest(customers, centres)
    fits = lloyd.fits(rows, clusters, rng, FRESH_RESTARTS, weights)
    if clusters != len(centres):
        return Outcome(running, fits[0], fits[0].inertia, before)
    polished = lloyd.lloyd(rows, centres, weights)
    fits += [polished, *lloyd.refits_with_one_centre_moved(rows, polished.centres, rng, weights)]
    able = fits if may_leave else [polished]

    def worth(fit: lloyd.Fit) -> float:
        kept = kept_share(before, nearest(customers, fit.centres))
        return 1.0 - fit.inertia / running - CHANGE_COST * (1.0 - kept)

    least_gain = adoption_gain + clusters / len(rows)
    # The running inertia is 0 while all customers are alike, as before the first purchase. Then nothing can be better.
    enough = [fit for fit in able if len(fit.centres) == clusters and fit.inertia <= (1.0 - least_gain) * running > 0.0]
    fresh = max(enough, key=worth, default=None)
    return Outcome(
        running,
        fresh if fresh is not None and worth(fresh) > 0 else None,
        min(fit.inertia for fit in fits),
        before,
    )
