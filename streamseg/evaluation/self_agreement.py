"""How well offline k-means agrees with itself. Where it doesn't, no method can agree with it better by merit."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from sklearn.cluster import KMeans

from streamseg.clustering.distances import different
from streamseg.clustering.encode import Floats
from streamseg.evaluation.measures import OFFLINE_STARTS, Labels, ari, inertia

NEAR: Final = 0.005
"""Share of inertia by which a fit may be worse than the best one to count as near."""
PAIRS: Final = 5
"""Pairs of bootstrap samples."""
STARTS: Final = 10
"""Random starts of the fit on a bootstrap sample."""


@dataclass(frozen=True, slots=True)
class SelfAgreement:
    """Adjusted Rand indices between groups of the same customers, 1 for the same groups."""

    near: float
    """Least agreement of the best fit with one from a random start that is at most `NEAR` worse."""
    resampled: float
    """Mean agreement of two fits, each on a bootstrap sample of the customers, in all customers (Ben-Hur, Elisseeff,
    Guyon, "A stability based method for discovering structure in clustered data", PSB 2002)."""


def self_agreement(scaled: Floats, best: Labels, seed: int = 0) -> SelfAgreement:
    """Measure how well k-means agrees with itself on these customers.

    Args:
        scaled: rows (n, d).
        best: labels (n,) of the fit with the least inertia; its groups are the number of clusters.
        seed: of the starts and samples.
    """
    k, rng = len(np.unique(best)), np.random.default_rng(seed)
    most = (1.0 + NEAR) * inertia(scaled, best)
    alone = (KMeans(k, n_init=1, random_state=seed + start, tol=0.0).fit(scaled) for start in range(OFFLINE_STARTS))
    near = [ari(best, fit.labels_) for fit in alone if fit.inertia_ <= most]

    def resampled() -> Labels:
        rows = scaled[rng.integers(0, len(scaled), len(scaled))]
        fit = KMeans(min(k, different(rows)), n_init=STARTS, random_state=seed, tol=0.0).fit(rows)
        labels: Labels = fit.predict(scaled)
        return labels

    return SelfAgreement(min(near, default=1.0), float(np.mean([ari(resampled(), resampled()) for _ in range(PAIRS)])))
