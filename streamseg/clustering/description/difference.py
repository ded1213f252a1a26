"""Measures how the members of a segment differ from all other customers, feature by feature."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats
from streamseg.features.catalogue import AS_SENT, YES_OR_NO, Feature

NOTICEABLE: Final = 0.2
STRONG: Final = 0.8
"""Cohen's small and large effect ("Statistical Power Analysis", 1988)."""


@dataclass(frozen=True, slots=True)
class FeatureDifference:
    """How the members differ from all other customers in one feature.

    Medians and means are in the feature's unit. For features of 0 or 1 the medians are replaced by the means, which are
    the shares of customers with 1.
    """

    feature: str
    unit: str
    meaning: str
    effect: float
    """Standardised mean difference (Cohen's d), in log space where the feature is skewed."""
    median: float
    others_median: float
    mean: float
    others_mean: float

    @property
    def sign(self) -> int:
        """1 if the members have more than the others, else -1."""
        return 1 if self.effect > 0 else -1


def differences(
    mask: NDArray[np.bool_], logged: Floats, raw: Floats, features: Sequence[Feature]
) -> tuple[FeatureDifference, ...]:
    """Return the differences in all d features, the strongest first; nothing if members or others are empty.

    Args:
        mask: which of the n customers are members (n,).
        logged: all features (n, d), log1p where skewed.
        raw: the same (n, d) in the features' units.
        features: the d features.
    """
    inside, outside = logged[mask], logged[~mask]
    if not len(inside) or not len(outside):
        return ()
    spread = np.sqrt((inside.var(axis=0) * len(inside) + outside.var(axis=0) * len(outside)) / len(logged))
    gap = inside.mean(axis=0) - outside.mean(axis=0)
    # Where members are all equal, and the others too, there is no spread to divide by: use that of all customers.
    spread = np.where(spread > 0, spread, logged.std(axis=0))
    effect = np.divide(gap, spread, out=np.zeros_like(gap), where=spread > 0)
    order = np.argsort(-np.abs(effect), kind="stable")
    can_be = np.array([one.unit in (YES_OR_NO, AS_SENT) for one in features])
    binary = can_be & np.all((raw == 0.0) | (raw == 1.0), axis=0)
    means = raw[mask].mean(axis=0), raw[~mask].mean(axis=0)
    medians = np.median(raw[mask], axis=0), np.median(raw[~mask], axis=0)
    typical, others = (np.where(binary, mean, median) for mean, median in zip(means, medians, strict=True))
    return tuple(
        FeatureDifference(
            features[i].name,
            YES_OR_NO if binary[i] else features[i].unit,
            features[i].meaning,
            float(effect[i]),
            float(typical[i]),
            float(others[i]),
            float(means[0][i]),
            float(means[1][i]),
        )
        for i in order.tolist()
    )
