"""k-means on a sample that fits in memory: k-means++ seeding and Lloyd's rounds, with weights.

Used to place the first centres, as challenger of the running model, and to turn weighted micro-clusters into centres.
SciPy's `kmeans2` knows neither weights nor restarts, and scikit-learn is no run-time dependency.

Sources: Lloyd, "Least squares quantization in PCM", 1982; Arthur and Vassilvitskii, "k-means++", SODA 2007, in its
greedy form (several candidates per centre, the best is kept).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats

ROUNDS = 100
"""Lloyd converges in 10-40 rounds on samples of a few thousand; the bound only ends a cycle of ties."""


DRAWN = 3
"""Rows that `one_moved` tries for the place of a new centre."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Centres (k, d), the nearest centre of every row (n,), and the weighted sum of squared distances to it."""

    centres: Floats
    nearest: NDArray[np.intp]
    inertia: float


def squared_distances(rows: Floats, centres: Floats) -> Floats:
    """Squared Euclidean distances (n, k), never negative."""
    cross = rows @ centres.T
    squared: Floats = np.einsum("ij,ij->i", rows, rows)[:, None] - 2.0 * cross + np.einsum("ij,ij->i", centres, centres)
    np.maximum(squared, 0.0, out=squared)
    return squared


def nearest(rows: Floats, centres: Floats) -> NDArray[np.intp]:
    """Index of the nearest centre of each row (n,)."""
    found: NDArray[np.intp] = np.argmin(squared_distances(rows, centres), axis=1)
    return found


def seed_centres(rows: Floats, weights: Floats, k: int, rng: np.random.Generator) -> Floats:
    """Greedy k-means++: k rows, each drawn in proportion to its squared distance to those already drawn."""
    candidates = 2 + int(np.log(k))
    chosen = [int(rng.choice(len(rows), p=weights / weights.sum()))]
    nearest = squared_distances(rows, rows[chosen])[:, 0]
    while len(chosen) < k:
        chosen.append(_best_of_drawn(rows, nearest, weights, candidates, rng))
        nearest = np.minimum(nearest, squared_distances(rows, rows[chosen[-1:]])[:, 0])
    return rows[chosen].copy()


def _best_of_drawn(rows: Floats, nearest: Floats, weights: Floats, drawn: int, rng: np.random.Generator) -> int:
    """The row that lowers the sum of squared distances most, of some drawn in proportion to them."""
    pull = nearest * weights
    share = pull / pull.sum() if pull.sum() > 0 else weights / weights.sum()
    candidates = rng.choice(len(rows), size=drawn, p=share)
    after = np.minimum(nearest[:, None], squared_distances(rows, rows[candidates]))
    return int(candidates[np.argmin(weights @ after)])


def lloyd(rows: Floats, start: Floats, weights: Floats | None = None) -> Fit:
    """Move the centres to the mean of their rows until no row changes its centre. A centre without rows stays."""
    weight = np.ones(len(rows)) if weights is None else weights
    centres = start.copy()
    nearest = np.full(len(rows), -1, dtype=np.intp)
    for _ in range(ROUNDS):
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


def fits(rows: Floats, k: int, rng: np.random.Generator, restarts: int, weights: Floats | None = None) -> list[Fit]:
    """Runs from `restarts` different seedings, the best first."""
    weight = np.ones(len(rows)) if weights is None else weights
    runs = [lloyd(rows, seed_centres(rows, weight, k, rng), weight) for _ in range(restarts)]
    return sorted(runs, key=lambda run: run.inertia)


def one_moved(rows: Floats, centres: Floats, rng: np.random.Generator, weights: Floats | None = None) -> list[Fit]:
    """For each centre a run without it, where one is seeded anew beside the others.

    So a local optimum is often left by one step that leaves most rows where they are.
    """
    weight = np.ones(len(rows)) if weights is None else weights
    squared = squared_distances(rows, centres)
    runs = []
    for index in range(len(centres)):
        nearest = np.min(np.delete(squared, index, axis=1), axis=1)
        start = centres.copy()
        start[index] = rows[_best_of_drawn(rows, nearest, weight, DRAWN, rng)]
        runs.append(lloyd(rows, start, weight))
    return runs
