"""From raw feature values to the space in which distances are taken: log1p where skewed, then standardised.

A category-valued attribute is a block of 0-or-1 features, one per value. They are divided by one deviation, the root of
the sum of their variances, so that the block has variance 1 in all and weighs like one number (scaled on its own, each
value would weigh like one, and a rare value most). Of a missing one all are 0: as far from every value, and nearer to
each than two values are to each other. For a missing number its typical one stands, a setting.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CONSTANT_VARIANCE = 1e-12
"""A variance below this share of (1 + mean squared) is rounding, not spread; dividing by it would blow noise up."""


def to_log(vectors: ArrayLike, skewed: Sequence[bool]) -> Floats:
    """Raw values (n, d) with log1p on the skewed columns. Negative values of those count as 0."""
    values = np.array(vectors, dtype=np.float64, ndmin=2)
    mask = np.asarray(skewed, dtype=bool)
    values[:, mask] = np.log1p(np.maximum(values[:, mask], 0.0))
    return values


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and variance per feature, in log space. A feature without variance is scaled to 0, as River does."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]

    @classmethod
    def of(cls, mean: Sequence[float], variance: Sequence[float], blocks: Sequence[str] = ()) -> "Scale":
        """A scale fit to divide by: variances that are only rounding become 0, those of a block become their sum.

        `blocks` names the block of each feature, "" for those without.
        """
        told = [v if v > CONSTANT_VARIANCE * (1.0 + m * m) else 0.0 for m, v in zip(mean, variance, strict=True)]
        if any(blocks):
            whole: defaultdict[str, float] = defaultdict(float)
            for block, one in zip(blocks, told, strict=True):
                whole[block] += one
            told = [whole[block] if block else one for block, one in zip(blocks, told, strict=True)]
        return cls(tuple(mean), tuple(told))

    def deviation(self) -> Floats:
        """Standard deviation per feature (d,)."""
        return np.array([v**0.5 for v in self.variance])

    def apply(self, logged: Floats) -> Floats:
        """Log-space rows (n, d) in standard deviations from the mean. What is not finite counts as the mean."""
        deviation = self.deviation()
        scaled: Floats = logged - np.array(self.mean)
        scaled /= np.where(deviation > 0, deviation, np.inf)
        if not np.isfinite(scaled.sum()):
            scaled[~np.isfinite(scaled)] = 0.0
        return scaled

    def undo(self, scaled: Floats) -> Floats:
        """The log-space rows (n, d) that `apply` would scale to these."""
        logged: Floats = scaled * self.deviation() + np.array(self.mean)
        return logged

    def change_to(self, other: "Scale") -> tuple[Floats, Floats]:
        """Factor and shift (d,) that take a point scaled by this to the same point scaled by the other."""
        deviation = other.deviation()
        spread = deviation > 0
        divisor = np.where(spread, deviation, 1.0)
        factor = np.where(spread, self.deviation() / divisor, 0.0)
        shift = np.where(spread, (np.array(self.mean) - np.array(other.mean)) / divisor, 0.0)
        return factor, shift
