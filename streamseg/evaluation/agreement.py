"""How well segments agree with a truth, and with what k-means makes of the same vectors when it sees all of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Scale, to_log
from streamseg.errors import SettingsError
from streamseg.features.catalogue import Feature

UNASSIGNED: Final = "unassigned"
UNKNOWN: Final = "unknown"
"""A customer of the truth of whom there is no membership. Both count as groups of their own."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """ARI (Hubert and Arabie 1985) and adjusted mutual information (Vinh et al. 2010); 1 is equal, 0 is chance.

    `confusion` counts customers by label and segment.
    """

    customers: int
    ari: float
    ami: float
    confusion: Mapping[str, Mapping[str, int]]


def agreement(truth: Mapping[str, str], segments: Mapping[str, str | None]) -> Agreement:
    """Compare the segment of every customer of the truth with the label.

    Args:
        truth: label by customer id; not empty.
        segments: segment id by customer id, None where unassigned. Customers that the truth does not have are left out.
    """
    metrics = _sklearn_metrics()
    found = [segments.get(customer, UNKNOWN) or UNASSIGNED for customer in truth]
    labels = list(truth.values())
    confusion: dict[str, dict[str, int]] = {}
    for (label, segment), count in sorted(Counter(zip(labels, found, strict=True)).items()):
        confusion.setdefault(label, {})[segment] = count
    return Agreement(
        customers=len(labels),
        ari=float(metrics.adjusted_rand_score(labels, found)),
        ami=float(metrics.adjusted_mutual_info_score(labels, found)),
        confusion=confusion,
    )


def offline_segments(
    customer_ids: Sequence[str], vectors: NDArray[np.float64], features: Sequence[Feature], k: int, seed: int = 0
) -> dict[str, str]:
    """What scikit-learn's k-means (n_init 10) that sees all vectors at once makes of them, by customer id.

    Args:
        customer_ids: one per row.
        vectors: raw feature values (n, d), n >= k; they are logged where skewed and scaled, as the learner does.
        features: the d features.
        k: how many clusters.
        seed: of the ten starts.
    """
    try:
        from sklearn.cluster import KMeans  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        raise _missing() from None
    logged = to_log(vectors, [feature.skewed for feature in features])
    blocks = [feature.block for feature in features]
    scaled = Scale.of(logged.mean(axis=0).tolist(), logged.var(axis=0).tolist(), blocks).apply(logged)
    labels = KMeans(n_clusters=k, n_init=10, random_state=seed).fit_predict(scaled)
    return {customer: f"offline-{label}" for customer, label in zip(customer_ids, labels.tolist(), strict=True)}


def _sklearn_metrics() -> ModuleType:
    try:
        from sklearn import metrics  # noqa: PLC0415  an extra
    except ModuleNotFoundError:
        raise _missing() from None
    found: ModuleType = metrics
    return found


def _missing() -> SettingsError:
    return SettingsError("this needs the extra: pip install 'streamseg[analysis]'")
