"""River's StandardScaler as the learner uses it: fitted at challenges and fixed in between."""

import math
from collections.abc import Sequence

from river import preprocessing

from streamseg.clustering.encode import BOUND, Floats, Scale, drawn_in, floors_of


def measure(
    logged: Floats,
    features: Sequence[str],
    blocks: Sequence[str],
    floors: Sequence[float],
    bound: float | None = BOUND,
) -> Scale:
    """Return the scale that River's scaler learns from log-space rows (n, d), as `Scale.measured` does.

    Extremes are drawn in, and missing values (NaN) are not learned.
    """
    scaler = preprocessing.StandardScaler()
    for row in drawn_in(logged).tolist():
        scaler.learn_one({name: value for name, value in zip(features, row, strict=True) if not math.isnan(value)})
    means, variances = ([learned.get(name, 0.0) for name in features] for learned in (scaler.means, scaler.vars))
    return Scale.of(means, variances, blocks, floors_of(logged, blocks, floors), bound)


class FixedScaler:
    """River's scaler with a given scale that it does not learn further, and the bound of that scale."""

    def __init__(self, scale: Scale, features: Sequence[str]) -> None:
        self._features, self._mean, self._bound = tuple(features), scale.mean, scale.bound
        self._scaler = preprocessing.StandardScaler()
        self._scaler.counts.update(dict.fromkeys(features, 1))
        self._scaler.means.update(zip(features, scale.mean, strict=True))
        self._scaler.vars.update(zip(features, scale.variance, strict=True))

    def transform_one(self, logged: Sequence[float]) -> dict[str, float]:
        """Scale one log-space vector (d,) by name of the feature, as `Scale.apply` does. Missing values become 0."""
        known = (mean if math.isnan(value) else value for value, mean in zip(logged, self._mean, strict=True))
        scaled: dict[str, float] = self._scaler.transform_one(dict(zip(self._features, known, strict=True)))
        bound = self._bound
        return scaled if bound is None else {name: max(-bound, min(bound, z)) for name, z in scaled.items()}
