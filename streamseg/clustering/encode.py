"""Transforms raw feature values to the space in which distances are measured: log1p where skewed, scaled, bounded.

A categorical attribute is a block of 0-or-1 features, one per value. All are divided by one deviation, the root of the
sum of their variances, so that the block has a total variance of 1 and weighs as much as one number. Scaled one by one,
each value would weigh as much as a number, and a rare value most. A missing category is 0 in all features of its block:
equally far from every value, and nearer to each than two values are to each other.

A feature with a fixed range is not stretched because few customers differ in it: its variance, or that of its block,
counts as at least a floor (a weight by range, as in Gower, "A general coefficient of similarity", 1971). Scaled by its
own deviation, a country of 2 % would lie seven deviations from the other 98 %.

No value counts as more than `BOUND` deviations from the mean, and mean and deviation are those of values drawn in to
the quantiles beyond which a share of `EXTREME_SHARE` lies: one mistyped number neither makes a segment nor makes all
others alike. A missing number (NaN) lies at the mean of the known ones, so it adds nothing to any difference.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

BOUND: Final = 4.0
"""Deviations from the mean beyond which a value counts no further. Offline k-means on such vectors had an ARI of 0.571
and 0.546 at 3.5 on two grocery streams, of 0.582 and 0.568 at 4, of 0.566 and 0.586 without a bound (400 customers, 60
days; measured once, 2026-11-28)."""
EXTREME_SHARE: Final = 0.005
"""Share of the values at either end that is drawn in before a scale is measured; at least one value, of 20 or more."""
LEAST_TO_DRAW_IN: Final = 20
EVEN_SPLIT_VARIANCE: Final = 0.25
"""Least variance of a number that is only ever 0 or 1: it is a category of two values, at most two deviations apart."""

CONSTANT_VARIANCE: Final = 1e-12
"""A variance below this share of (1 + mean squared) is rounding error; dividing by it would amplify noise."""


def to_log(vectors: ArrayLike, skewed: Sequence[bool]) -> Floats:
    """Return raw values (n, d) with log1p applied to the skewed columns, in which negative values count as 0."""
    values = np.array(vectors, dtype=np.float64, ndmin=2)
    mask = np.asarray(skewed, dtype=bool)
    values[:, mask] = np.log1p(np.maximum(values[:, mask], 0.0))
    return values


def standardised(
    vectors: ArrayLike, skewed: Sequence[bool], blocks: Sequence[str] = (), floors: Sequence[float] = ()
) -> Floats:
    """Return raw vectors (n, d) scaled as the learner scales them; for `blocks` and `floors` see `Scale.of`."""
    logged = to_log(vectors, skewed)
    return Scale.measured(logged, blocks, floors).apply(logged)


def drawn_in(logged: Floats) -> Floats:
    """Return log-space rows (n, d) whose extremes are replaced by the nearest value that is none, in each column.

    Extreme are the lowest and highest `EXTREME_SHARE` of the known values of a column, rounded up; none in a column
    with fewer than `LEAST_TO_DRAW_IN`, or where all others are equal: they are all that tells customers apart there.
    Values that are not finite are unknown and become NaN.
    """
    found = np.where(np.isfinite(logged), logged, np.nan)
    for column in found.T:
        known = np.sort(column[~np.isnan(column)])
        if len(known) >= LEAST_TO_DRAW_IN:
            out = math.ceil(EXTREME_SHARE * len(known))
            low, high = known[out], known[-1 - out]
            if high - low > CONSTANT_VARIANCE**0.5 * (1.0 + abs(low)):
                np.clip(column, low, high, out=column)
    return found


def floors_of(logged: Floats, blocks: Sequence[str], floors: Sequence[float]) -> Sequence[float]:
    """Return the floors (d,), raised for numbers outside of blocks of which rows (n, d) hold only 0 and 1."""
    split = (np.isnan(logged) | (logged == 0.0) | (logged == 1.0)).all(axis=0)
    alone = np.array([not block for block in blocks]) if blocks else np.ones(len(split), dtype=bool)
    least = np.array(floors) if floors else np.zeros(len(split))
    raised: list[float] = np.where(split & alone, np.maximum(least, EVEN_SPLIT_VARIANCE), least).tolist()
    return raised


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and variance per feature, in log space. A feature with variance 0 is scaled to 0, as River does."""

    mean: tuple[float, ...]
    variance: tuple[float, ...]
    bound: float | None = None
    """Greatest distance from the mean that counts, in deviations; None for no bound, as in snapshots of earlier
    releases."""

    @classmethod
    def of(
        cls,
        mean: Sequence[float],
        variance: Sequence[float],
        blocks: Sequence[str] = (),
        floors: Sequence[float] = (),
        bound: float | None = None,
    ) -> "Scale":
        """Make a scale whose variances are safe to divide by.

        Args:
            mean: per feature (d,).
            variance: per feature (d,). One that is only rounding error becomes 0.
            blocks: the block of each feature (d,), "" for none; empty for no blocks at all. Each feature of a block
                gets the sum of the block's variances.
            floors: the least variance of each feature (d,), or of its block as a whole, where there is any variance;
                empty for none.
            bound: see `Scale.bound`.
        """
        cleaned = [v if v > CONSTANT_VARIANCE * (1.0 + m * m) else 0.0 for m, v in zip(mean, variance, strict=True)]
        if any(blocks):
            total: defaultdict[str, float] = defaultdict(float)
            for block, one in zip(blocks, cleaned, strict=True):
                total[block] += one
            cleaned = [total[block] if block else one for block, one in zip(blocks, cleaned, strict=True)]
        if floors:
            cleaned = [max(one, floor) if one > 0 else 0.0 for one, floor in zip(cleaned, floors, strict=True)]
        return cls(tuple(mean), tuple(cleaned), bound)

    @classmethod
    def measured(
        cls,
        logged: Floats,
        blocks: Sequence[str] = (),
        floors: Sequence[float] = (),
        bound: float | None = BOUND,
    ) -> "Scale":
        """Measure the scale of log-space rows (n, d), n > 0; for the others see `of`."""
        values = drawn_in(logged)
        known = np.isfinite(values)
        count = np.maximum(known.sum(axis=0), 1)
        mean = np.where(known, values, 0.0).sum(axis=0) / count
        variance = np.where(known, values - mean, 0.0) ** 2
        least = floors_of(logged, blocks, floors)
        return cls.of(mean.tolist(), (variance.sum(axis=0) / count).tolist(), blocks, least, bound)

    def deviation(self) -> Floats:
        """Return the standard deviation per feature (d,)."""
        return np.array([v**0.5 for v in self.variance])

    def apply(self, logged: Floats) -> Floats:
        """Scale log-space rows (n, d) to deviations from the mean, within the bound; what is not finite to 0."""
        deviation = self.deviation()
        scaled: Floats = logged - np.array(self.mean)
        scaled /= np.where(deviation > 0, deviation, np.inf)
        if not np.isfinite(scaled.sum()):
            scaled[~np.isfinite(scaled)] = 0.0
        if self.bound is not None:
            np.clip(scaled, -self.bound, self.bound, out=scaled)
        return scaled

    def undo(self, scaled: Floats) -> Floats:
        """Return the log-space rows (n, d) that `apply` would scale to `scaled`, which lie within the bound."""
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
