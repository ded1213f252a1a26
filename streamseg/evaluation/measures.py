"""Clustering measures as plain functions of labels and vectors, and offline k-means as the upper reference."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score

from streamseg.clustering.distances import different
from streamseg.clustering.encode import Floats
from streamseg.clustering.identity import UNASSIGNED
from streamseg.features.catalogue import Feature
from streamseg.service.k_selection import standardised_by

Labels = NDArray[np.intp]

UNASSIGNED_GROUP: Final = "unassigned"
UNKNOWN_GROUP: Final = "unknown"
"""Customers of the truth who have no membership. This and the unassigned count as one group each."""
OFFLINE_STARTS: Final = 50
DEGENERATE_SHARE: Final = 0.95
"""From this share of customers in one cluster an answer is degenerate: it tells hardly anybody apart."""
RENAMED_FROM: Final = 0.5
"""Share of a segment that must move to one other segment for its members to count as renamed."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement of segments with true labels: 1 for equal groups, 0 for chance."""

    customers: int
    ari: float
    """Adjusted Rand index (Hubert and Arabie, 1985)."""
    ami: float
    """Adjusted mutual information (Vinh et al., 2010)."""
    confusion: Mapping[str, Mapping[str, int]]
    """Number of customers by label and segment."""


def agreement(truth: Mapping[str, str], segments: Mapping[str, str | None]) -> Agreement:
    """Compare segments with true labels, over the customers of the truth.

    Args:
        truth: label by customer id; not empty.
        segments: segment id by customer id, None where unassigned. Customers without a label are ignored.
    """
    found = [segments.get(customer, UNKNOWN_GROUP) or UNASSIGNED_GROUP for customer in truth]
    labels = list(truth.values())
    confusion: dict[str, dict[str, int]] = {}
    for (label, segment), count in sorted(Counter(zip(labels, found, strict=True)).items()):
        confusion.setdefault(label, {})[segment] = count
    return Agreement(
        customers=len(labels),
        ari=ari(labels, found),
        ami=float(adjusted_mutual_info_score(labels, found)),
        confusion=confusion,
    )


def ari(labels: Sequence[object] | Labels, others: Sequence[object] | Labels) -> float:
    """Return the adjusted Rand index of two labellings (n,) of the same customers."""
    return float(adjusted_rand_score(labels, others))


def inertia(rows: Floats, labels: Labels) -> float:
    """Return the sum of squared distances of rows (n, d) to the mean of the rows with the same label (n,)."""
    groups = (rows[labels == label] for label in np.unique(labels))
    return float(sum(((group - group.mean(axis=0)) ** 2).sum() for group in groups))


def renamed_share(before: Mapping[int, int], after: Mapping[int, int]) -> float:
    """Return the share of customers whose segment id changed together with that of at least half of their segment.

    Args:
        before: segment code by customer; the unassigned are ignored.
        after: the same at a later time; customers who are not in it (erased since) are ignored.
    """
    moves = Counter(
        (old, after[customer]) for customer, old in before.items() if old != UNASSIGNED and customer in after
    )
    sizes: Counter[int] = Counter()
    for (old, _), count in moves.items():
        sizes[old] += count
    renamed = sum(count for (old, new), count in moves.items() if new != old and count >= RENAMED_FROM * sizes[old])
    return renamed / moves.total() if moves else 0.0


def offline_kmeans(scaled: Floats, k: int, seed: int = 0) -> Labels:
    """Return the labels (n,) of k-means on all rows (n, d) at once, the best of 50 starts: the upper reference.

    There are fewer than `k` groups where fewer rows are different.
    """
    clusters = min(k, different(scaled))
    labels: Labels = KMeans(clusters, n_init=OFFLINE_STARTS, random_state=seed, tol=0.0).fit_predict(scaled)
    return labels


def ceiling(scaled: Floats, k: int, others: Sequence[Labels | None]) -> Labels:
    """Return the labels (n,) with the least inertia: of 50 random starts, and of a start from each other labelling.

    So no labelling with at most k groups is better than the ceiling. Ten starts alone were beaten on real histories.

    Args:
        scaled: rows (n, d).
        k: number of clusters.
        others: labels of the same rows by other methods. Those with more than k groups are ignored.
    """
    k = min(k, different(scaled))
    best = offline_kmeans(scaled, k)
    least = inertia(scaled, best)
    for labels in others:
        if labels is None or len(np.unique(labels)) > k:
            continue
        start = _filled_up(scaled, np.array([scaled[labels == label].mean(axis=0) for label in np.unique(labels)]), k)
        found: Labels = KMeans(n_clusters=k, init=start, n_init=1, tol=0.0).fit_predict(scaled)
        if (lower := inertia(scaled, found)) < least:
            best, least = found, lower
    return best


def _filled_up(rows: Floats, centres: Floats, k: int) -> Floats:
    """Add the row that is farthest from all centres until there are k."""
    while len(centres) < k:
        nearest = np.min([((rows - centre) ** 2).sum(axis=1) for centre in centres], axis=0)
        centres = np.vstack([centres, rows[np.argmax(nearest)]])
    return centres


def largest_share(labels: Labels) -> float:
    """Return the share of the rows with the most frequent label (n,); n > 0."""
    return float(np.unique(labels, return_counts=True)[1].max() / len(labels))


def offline_segments(
    customer_ids: Sequence[str], vectors: Floats, features: Sequence[Feature], k: int, seed: int = 0
) -> dict[str, str]:
    """Return the label of offline k-means by customer id.

    Args:
        customer_ids: one per row.
        vectors: raw feature values (n, d), n >= k.
        features: the d features.
        k: number of clusters.
        seed: of the starts.
    """
    scaled = standardised_by(features, vectors)
    labels = offline_kmeans(scaled, k, seed).tolist()
    return {customer: f"offline-{label}" for customer, label in zip(customer_ids, labels, strict=True)}
