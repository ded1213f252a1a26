"""Transforms raw feature values to the space in which distances are measured: log1p where skewed, then standardised.

A categorical attribute is a block of 0-or-1 features, one per value. All are divided by one deviation, the root of the
sum of their variances, so that the block has a total variance of 1 and weighs as much as one number. Scaled one by one,
each value would weigh as much as a number, and a rare value most. A missing category is 0 in all features of its block:
equally far from every value, and nearer to each than two values are to each other. A missing number is replaced by its
typical value, which is a setting.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

CONSTANT_VARIANCE: Final = 1e-12
"""A variance below this share of (1 + mean squared) is rounding error; dividing by it would amplify noise."""


def to_log(vectors: ArrayLike, skewed: Sequence[bool]) -> Floats:
    """Return raw values (n, d) with log1p applied to the skewed columns, in which negative values count as 0."""
    values = np.array(vectors, dtype=np.float64, ndmin=2)
    mask = np.asarray(skewed, dtype=bool)
    values[:, mask] = np.log1p(np.maximum(values[:, mask], 0.0))
    return values


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and variance per feature, in log space. A feature with variance 0 is scaled to 0, as River does."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]

    @classmethod
    def of(cls, mean: Sequence[float], variance: Sequence[float], blocks: Sequence[str] = ()) -> "Scale":
        """Make a scale whose variances are safe to divide by.

        Args:
            mean: per feature (d,).
            variance: per feature (d,). One that is only rounding error becomes 0.
            blocks: the block of each feature (d,), "" for none; empty for no blocks at all. Each feature of a block
                gets the sum of the block's variances.
        """
        cleaned = [v if v > CONSTANT_VARIANCE * (1.0 + m * m) else 0.0 for m, v in zip(mean, variance, strict=True)]
        if any(blocks):
            total: defaultdict[str, float] = defaultdict(float)
            for block, one in zip(blocks, cleaned, strict=True):
                total[block] += one
            cleaned = [total[block] if block else one for block, one in zip(blocks, cleaned, strict=True)]
        return cls(tuple(mean), tuple(cleaned))

    def deviation(self) -> Floats:
        """Return the standard deviation per feature (d,)."""
        return np.array([v**0.5 for v in self.variance])

    def apply(self, logged: Floats) -> Floats:
        """Scale log-space rows (n, d) to standard deviations from the mean. Values that are not finite become 0."""
        deviation = self.deviation()
        scaled: Floats = logged - np.array(self.mean)
        scaled /= np.where(deviation > 0, deviation, np.inf)
        if not np.isfinite(scaled.sum()):
            scaled[~np.isfinite(scaled)] = 0.0
        return scaled

    def undo(self, scaled: Floats) -> Floats:
        """Return the log-space rows (n, d) that `apply` would scale to `scaled`."""
        logged: Floats = scaled * self.deviation() + np.array(self.mean)
        return logged

    def change_to(self, other: "Scale") -> tuple[Floats, Floats]:
        """Return factor and shift (d,) that convert a point scaled by this scale to one scaled by the other."""
        deviation = other.deviation()
        spread = deviation > 0
        divisor = np.where(spread, deviation, 1.0)
        factor = np.where(spread, self.deviation() / divisor, 0.0)
        shift = np.where(spread, (np.array(self.mean) - np.array(other.mean)) / divisor, 0.0)
        return factor, shift
