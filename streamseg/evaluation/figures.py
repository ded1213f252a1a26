"""The figures by which segments are judged, as plain functions of labels and vectors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from streamseg.clustering.encode import Scale, to_log
from streamseg.clustering.identity import UNASSIGNED

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]

TOGETHER: Final = 0.5
"""The share of a segment that must go to another one for all who went to count as renamed."""


def standardised(vectors: Floats, skewed: Sequence[bool], blocks: Sequence[str] = ()) -> Floats:
    """Raw vectors (n, d) logged where skewed, with mean 0 and variance 1; for `blocks` see `Scale.of`."""
    logged = to_log(vectors, skewed)
    return Scale.of(logged.mean(axis=0).tolist(), logged.var(axis=0).tolist(), blocks).apply(logged)


def offline_kmeans(scaled: Floats, k: int, seed: int = 0) -> Labels:
    """The ceiling: k-means that sees everything at once, the best of ten starts."""
    labels: Labels = KMeans(n_clusters=k, n_init=10, random_state=seed).fit_predict(scaled)
    return labels


def ari(labels: Sequence[object] | Labels, others: Sequence[object] | Labels) -> float:
    """Adjusted Rand index (Hubert and Arabie 1985): 1 for equal groups, 0 for chance."""
    return float(adjusted_rand_score(labels, others))


def inertia(rows: Floats, labels: Labels) -> float:
    """Sum of squared distances of the rows (n, d) to the mean of those with the same label."""
    groups = (rows[labels == label] for label in np.unique(labels))
    return float(sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups))


def renamed_share(before: Mapping[int, int], after: Mapping[int, int]) -> float:
    """Share of customers whose segment id changed together with that of half of their segment or more.

    Args:
        before: segment code by customer; the unassigned are left out.
        after: the same later, for the same customers at least.
    """
    steps = Counter((old, after[customer]) for customer, old in before.items() if old != UNASSIGNED)
    sizes: Counter[int] = Counter()
    for (old, _), count in steps.items():
        sizes[old] += count
    gone = sum(count for (old, new), count in steps.items() if new != old and count >= TOGETHER * sizes[old])
    return gone / steps.total() if steps else 0.0
