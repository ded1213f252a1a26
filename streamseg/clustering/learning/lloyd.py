"""Weighted k-means on a sample that fits in memory: k-means++ seeding and Lloyd's rounds.

Places the first centres, fits the challengers of the running model, and turns weighted micro-clusters into centres.
SciPy's `kmeans2` has neither weights nor restarts. scikit-learn's `KMeans` ends at the same centres, which a test
checks; why it is no run-time dependency is measured in DESIGN.md, Tried and dropped.

Sources: Lloyd, "Least squares quantization in PCM", 1982; Arthur and Vassilvitskii, "k-means++", SODA 2007, in its
greedy form (several candidates per centre, the best is kept); for one centre moved at a time: Fränti, "Efficiency of
random swap clustering", Journal of Big Data, 2018.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.distances import squared_distances
from streamseg.clustering.encode import Floats
from streamseg.clustering.params import LEAST_CLUSTER, LeastCluster

MAX_ROUNDS: Final = 100
"""Lloyd converges in 10-40 rounds on samples of a few thousand; the bound only ends a cycle of ties."""
REPLACEMENT_CANDIDATES: Final = 3
"""Rows tried for the new place of a centre in `refits_with_one_centre_moved`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Centres (k, d), the nearest centre of every row (n,), and the weighted sum of squared distances to it."""

    centres: Floats
    nearest: NDArray[np.intp]
    inertia: float


def lloyd(rows: Floats, start: Floats, weights: Floats | None = None) -> Fit:
    """Move the centres to the mean of their rows until no row changes its centre.

    Args:
        rows: the points, (n, d).
        start: the first centres, (k, d). A centre that wins no row stays where it is.
        weights: of the rows, (n,); None for equal weights.
    """
    weight = _weights_of(rows, weights)
    centres = start.copy()
    nearest = np.full(len(rows), -1, dtype=np.intp)
    for _ in range(MAX_ROUNDS):
        now_nearest = np.argmin(squared_distances(rows, centres), axis=1)
        if np.array_equal(now_nearest, nearest):
            break
        nearest = now_nearest
        members = np.zeros((len(centres), len(rows)))
        members[nearest, np.arange(len(rows))] = weight
        mass = members.sum(axis=1)
        filled = mass > 0
        centres[filled] = (members[filled] @ rows) / mass[filled, None]
    distances = squared_distances(rows, centres)
    nearest = np.argmin(distances, axis=1)
    return Fit(centres, nearest, float(weight @ distances[np.arange(len(rows)), nearest]))


def inertia(rows: Floats, centres: Floats, weights: Floats | None = None) -> float:
    """Return the weighted sum of squared distances of the rows (n, d) to their nearest centres (k, d)."""
    return float(_weights_of(rows, weights) @ np.min(squared_distances(rows, centres), axis=1))


def fits(
    rows: Floats,
    k: int,
    rng: np.random.Generator,
    restarts: int,
    weights: Floats | None = None,
    *,
    least: LeastCluster = LEAST_CLUSTER,
) -> list[Fit]:
    """Return one fit for each of `restarts` seedings: those with k filled clusters first, then by lowest inertia.

    Clusters without rows, and handfuls, are left out of a fit.
    """
    weight = _weights_of(rows, weights)
    started = (lloyd(rows, _seed_centres(rows, weight, k, rng), weight) for _ in range(restarts))
    runs = [_sizeable(rows, fit, weights, least) for fit in started]
    return sorted(runs, key=lambda run: (-len(run.centres), run.inertia))


def refits_with_one_centre_moved(
    rows: Floats,
    centres: Floats,
    rng: np.random.Generator,
    weights: Floats | None = None,
    *,
    least: LeastCluster = LEAST_CLUSTER,
) -> list[Fit]:
    """Return k fits: for each centre, the one that starts with this centre seeded again and the others in place.

    One such step often leaves a local optimum, and most rows keep their centre. Clusters without rows, and
    handfuls, are left out.
    """
    weight = _weights_of(rows, weights)
    squared = squared_distances(rows, centres)
    runs = []
    for index in range(len(centres)):
        to_others = np.min(np.delete(squared, index, axis=1), axis=1)
        start = centres.copy()
        start[index] = rows[_best_candidate(rows, to_others, weight, REPLACEMENT_CANDIDATES, rng)]
        runs.append(_sizeable(rows, lloyd(rows, start, weight), weights, least))
    return runs


def handful(
    rows: Floats, fit: Fit, weights: Floats | None = None, bounds: LeastCluster = LEAST_CLUSTER, part: float = 1.0
) -> int | None:
    """Return the number of the smallest cluster if it has too few of the rows; None if all have enough.

    Too few are less than the least share, unless they lie far off, and fewer than the least members in any case. In a
    tail each distance is as large as the rows near it are wide apart. What lies `far` times as far is no tail, unless
    rows are nearly all alike and it still lies nearer than rows commonly do from their mean.

    Args:
        rows: the points, (n, d).
        fit: of these rows.
        weights: of the rows, (n,); None where each is one customer. With weights members are not counted.
        bounds: what a cluster needs.
        part: of share and members that counts.
    """
    weight = _weights_of(rows, weights)
    mean = np.average(rows, axis=0, weights=weight)
    common = np.average(((rows - mean) ** 2).sum(axis=1), weights=weight) ** 0.5
    mass = np.bincount(fit.nearest, weight, len(fit.centres))
    least, fewest = part * bounds.share * weight.sum(), part * bounds.members if weights is None else 0.0
    for small in np.argsort(mass).tolist():
        if mass[small] >= max(least, fewest) or len(fit.centres) == 1:
            return None
        if mass[small] == 0 or mass[small] < fewest:
            return int(small)
        gaps = np.linalg.norm(fit.centres - fit.centres[small], axis=1)
        gaps[small] = np.inf
        beside = int(np.argmin(gaps))
        among = fit.nearest == beside
        width = np.average(np.linalg.norm(rows[among] - fit.centres[beside], axis=1), weights=weight[among])
        if gaps[beside] < max(bounds.far * width, common):
            return int(small)
    return None


def _sizeable(rows: Floats, fit: Fit, weights: Floats | None, least: LeastCluster) -> Fit:
    while (small := handful(rows, fit, weights, least)) is not None:
        fit = lloyd(rows, np.delete(fit.centres, small, axis=0), weights)
    return fit


def _weights_of(rows: Floats, weights: Floats | None) -> Floats:
    return np.ones(len(rows)) if weights is None else weights


def _seed_centres(rows: Floats, weights: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Greedy k-means++: draw k rows, each in proportion to its squared distance to those already drawn."""
    candidates = 2 + int(np.log(k))
    chosen = [int(rng.choice(len(rows), p=weights / weights.sum()))]
    to_chosen = squared_distances(rows, rows[chosen])[:, 0]
    while len(chosen) < k:
        chosen.append(_best_candidate(rows, to_chosen, weights, candidates, rng))
        to_chosen = np.minimum(to_chosen, squared_distances(rows, rows[chosen[-1:]])[:, 0])
    return rows[chosen].copy()


def _best_candidate(rows: Floats, nearest: Floats, weights: Floats, candidates: int, rng: np.random.Generator) -> int:
    """Draw candidates in proportion to their squared distance `nearest`; return the row that lowers inertia most."""
    pull = nearest * weights
    share = pull / pull.sum() if pull.sum() > 0 else weights / weights.sum()
    drawn = rng.choice(len(rows), size=candidates, p=share)
    after = np.minimum(nearest[:, None], squared_distances(rows, rows[drawn]))
    return int(drawn[np.argmin(weights @ after)])
