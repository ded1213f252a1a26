"""Decides whether a fresh fit replaces the running model: its gain must outweigh the segment changes that it causes.

The running model, polished by Lloyd's rounds, stays in its optimum and moves few customers. Any other fit lies in
another optimum, and often moves many for a gain that the next day takes back. So leaving an optimum has its own price,
and what staying has cost at each challenge adds up until it is reached: the rule for buying what can be rented
(Karlin, Manasse, Rudolph, Sleator, "Competitive snoopy caching", Algorithmica 1988).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.distances import nearest
from streamseg.clustering.encode import Floats
from streamseg.clustering.learning import lloyd
from streamseg.clustering.lineage import Lineage, kept_share
from streamseg.clustering.params import ADOPTION, LEAST_CLUSTER, Adoption, LeastCluster

FRESH_RESTARTS: Final = 6


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
    regret: float
    """What staying in the running model's optimum has cost so far, as a share of inertia; 0 when no fit is better by
    more than chance, or when the running model has left it."""


def challenge(
    rows: Floats,
    weights: Floats | None,
    customers: Floats,
    centres: Floats,
    *,
    clusters: int,
    adoption_gain: float,
    rng: np.random.Generator,
    regret: float = 0.0,
    may_leave: bool = True,
    adoption: Adoption = ADOPTION,
    least_cluster: LeastCluster = LEAST_CLUSTER,
) -> Outcome:
    """Compare fresh fits with the running model. All arrays are in the same scaled space.

    The running model is measured as River has learned it. Polished by Lloyd's rounds it would be a batch model that
    hides whether River follows its customers; so polished it is one of the fresh fits, and wins if that is worth it.

    Args:
        rows: points to fit, (m, d).
        weights: of the rows, (m,); None for equal weights.
        customers: customers whose segments may change, (n, d).
        centres: of the running model, (k, d).
        clusters: number of clusters of a fresh fit, at most: handfuls are left out. If it is below k, or a fit has
            more than k, that fit always replaces the running model.
        adoption_gain: least share by which the inertia of a fresh fit must be lower, beside what any fit gains by
            chance: each of its means is of the very rows that it is measured on, which is worth clusters / m.
        rng: random source of the seedings.
        regret: `Outcome.regret` of the challenge before.
        may_leave: whether any fit may win, or only the polished running model.
        adoption: what a fit may move, and must gain for it.
        least_cluster: what makes a cluster more than a handful.
    """
    running = lloyd.inertia(rows, centres, weights)
    before = nearest(customers, centres)
    fits = lloyd.fits(rows, clusters, rng, FRESH_RESTARTS, weights, least=least_cluster)
    if clusters < len(centres) or len(fits[0].centres) > len(centres):
        return Outcome(running, _with_two(fits[0]), fits[0].inertia, before, 0.0)
    polished = lloyd.lloyd(rows, centres, weights)
    fits += lloyd.refits_with_one_centre_moved(rows, polished.centres, rng, weights, least=least_cluster)
    best = min(fit.inertia for fit in (polished, *fits))
    if running <= 0.0:  # all customers are alike, as before the first purchase: nothing can be better
        return Outcome(running, None, best, before, 0.0)

    def worth(fit: lloyd.Fit) -> float:
        gain, moved = 1.0 - fit.inertia / running, 1.0 - kept_share(before, nearest(customers, fit.centres))
        return gain if fit is portion else gain + regret - adoption.leaving_cost * moved

    chance = clusters / len(rows)
    portion = _first_part(rows, weights, customers, [centres, polished.centres], adoption)
    if lloyd.handful(rows, polished, weights, least_cluster, least_cluster.shrunk) is not None:
        fullest = max(fits, key=lambda fit: (len(fit.centres), worth(fit)))
        return Outcome(running, _with_two(fullest), best, before, 0.0)
    able = [portion, *fits] if may_leave else [portion]
    least = (1.0 - adoption_gain - chance) * running
    fresh = max(
        (fit for fit in able if len(fit.centres) == len(centres) and fit.inertia <= least), key=worth, default=None
    )
    if fresh is None or worth(fresh) <= 0.0:
        fresh = None
    cost = (polished.inertia - best) / running
    left = fresh is not None and fresh is not portion
    forgotten = left or cost <= chance or not adoption.keeps_regret
    return Outcome(running, fresh, best, before, 0.0 if forgotten else regret + cost)


def _with_two(fit: lloyd.Fit) -> lloyd.Fit | None:
    """Return the fit, None if it has one cluster only: a segment of everybody says nothing."""
    return fit if len(fit.centres) > 1 else None


def _first_part(
    rows: Floats, weights: Floats | None, customers: Floats, way: Sequence[Floats], adoption: Adoption
) -> lloyd.Fit:
    """Return the model on the way from the running to the polished centres that moves as many customers as may at once.

    The others follow at the next challenges. It is the running model if the first part of the way moves more.
    """
    centres, polished = way
    before = nearest(customers, centres)
    for part in range(adoption.portions, -1, -1):
        between = centres + (polished - centres) * (part / adoption.portions)
        if kept_share(before, nearest(customers, between)) > 1.0 - adoption.at_once:
            break
    return lloyd.Fit(between, nearest(rows, between), lloyd.inertia(rows, between, weights))
