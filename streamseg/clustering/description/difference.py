"""Measures how the members of a segment differ from other customers, in every feature of the catalogue.

All figures are of what was observed (`features.vector.observed`): a customer without data counts nowhere, and a feature
of which the shop sends nothing is left out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import CONSTANT_VARIANCE, Floats
from streamseg.features.catalogue import AS_SENT, YES_OR_NO, Feature

NOTICEABLE: Final = 0.2
"""Cohen's small effect ("Statistical Power Analysis", 1988)."""
LEAST_DESCRIBED: Final = 3
"""Members with data that a figure needs, and customers beside them."""
A_MONTH: Final = "in 30 days"
"""Added to the unit of counts and decayed spend."""
_DECAYED: Final = "decayed"
WHOLE: Final = frozenset({"purchases", AS_SENT})
"""Units whose figures have no decimals where no customer's has: nobody has 1.2 children."""

Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FeatureDifference:
    """What was observed of the members in one feature, and how they differ from all other customers.

    Medians, means and quartiles are in the feature's unit, over the customers with data. For features of 0 or 1 the
    medians are replaced by the means, which are the shares of customers with 1.
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
    low: float
    """Lower quartile of the members."""
    high: float
    known: float
    """Share of members with data, in [0, 1]."""
    some: float
    """Share of members with data whose value is above 0."""

    @property
    def sign(self) -> int:
        """1 if the members have more than the others, else -1."""
        return 1 if self.effect > 0 else -1


Figures: TypeAlias = Mapping[str, FeatureDifference]
"""The figures of one segment by feature; the strongest difference first."""


@dataclass(frozen=True)
class Observations:
    """What was observed of n customers: (n, d) in the order of the features, NaN without data."""

    features: tuple[Feature, ...]
    values: Floats

    def column(self, name: str) -> Floats:
        """Return the observations of one feature (n,)."""
        return self.values[:, [one.name for one in self.features].index(name)]

    @cached_property
    def told(self) -> Mask:
        """Which features the shop tells anything of (d,): counts and shares need one value that is not 0."""
        known = np.isfinite(self.values)
        amounts = np.array([one.unit != "days" and not one.attribute for one in self.features])
        nothing = np.nanmax(np.where(known, np.abs(self.values), 0.0), axis=0, initial=0.0) == 0
        return np.asarray(known.any(axis=0) & ~(amounts & nothing))

    @cached_property
    def logged(self) -> Floats:
        """The observations, log1p where skewed (n, d)."""
        skewed = np.array([one.skewed for one in self.features], dtype=bool)
        found: Floats = np.where(skewed, np.log1p(np.maximum(self.values, 0.0)), self.values)
        return found

    @cached_property
    def binary(self) -> Mask:
        """Which features hold nothing but 0 and 1 (d,)."""
        can_be = np.array([one.unit in (YES_OR_NO, AS_SENT) for one in self.features])
        return np.asarray(can_be & np.all(np.isin(self.values, (0.0, 1.0)) | np.isnan(self.values), axis=0))

    @cached_property
    def whole(self) -> Mask:
        """Which features are counted in whole things (d,)."""
        can_be = np.array([one.unit in WHOLE for one in self.features])
        return np.asarray(can_be & ~self.binary & np.all((self.values % 1 == 0) | np.isnan(self.values), axis=0))

    @cached_property
    def hashed(self) -> Mask:
        """Which features stand for hash groups, which say nothing to people (d,)."""
        return np.array([one.hashed for one in self.features], dtype=bool)

    @cached_property
    def _moments(self) -> tuple[Floats, Floats, Floats]:
        """Ones where known, the logged observations less their mean, and their squares; 0 without data (n, d)."""
        known = np.isfinite(self.logged)
        centred = np.where(known, self.logged - _mean(self.logged), 0.0)
        return known.astype(np.float64), centred, centred**2

    def _effect(self, members: Mask, beside: Mask) -> Floats:
        """Return Cohen's d of each feature; 0 where there is no spread to divide by."""
        groups = np.array([members, beside], dtype=np.float64)
        counts, sums, squares = (groups @ one for one in self._moments)
        means = sums / np.maximum(counts, 1)
        within = squares - counts * means**2
        count = np.maximum(counts.sum(axis=0), 1)
        whole = squares.sum(axis=0) / count - (sums.sum(axis=0) / count) ** 2
        # Where members are all equal, and the others too, there is no spread to divide by: use that of all customers.
        pooled, noise = within.sum(axis=0) / count, CONSTANT_VARIANCE * (1.0 + _mean(self.logged) ** 2)
        variance = np.where(pooled > noise, pooled, whole)
        found: Floats = np.zeros(len(self.features))
        np.divide(means[0] - means[1], np.sqrt(np.maximum(variance, 0.0)), out=found, where=variance > noise)
        return found

    def figures(self, members: Mask, others: Mask | None = None) -> dict[str, FeatureDifference]:
        """Return the figures of the members in all features with enough data, the strongest difference first.

        Args:
            members: which customers (n,).
            others: with whom to compare (n,); None for all who are no members.
        """
        beside = ~members if others is None else others
        ours, theirs = self.values[members], self.values[beside]
        counts, beside_counts = np.isfinite(ours).sum(axis=0), np.isfinite(theirs).sum(axis=0)
        effect = self._effect(members, beside)
        low, median, high = quantiles(ours, (0.25, 0.5, 0.75))
        (others_median,) = quantiles(theirs, (0.5,))
        low, median, high, others_median = (
            np.where(self.whole, np.rint(one), one) for one in (low, median, high, others_median)
        )
        mean, others_mean = _mean(ours), _mean(theirs)
        median, others_median = (
            np.where(self.binary, of_binary, one) for of_binary, one in ((mean, median), (others_mean, others_median))
        )
        known = counts / max(len(ours), 1)
        some = (ours > 0).sum(axis=0) / np.maximum(counts, 1)
        enough = self.told & ~self.hashed & (counts >= LEAST_DESCRIBED) & (beside_counts >= LEAST_DESCRIBED)
        return {
            self.features[i].name: FeatureDifference(
                self.features[i].name,
                YES_OR_NO if self.binary[i] else observed_unit(self.features[i]),
                self.features[i].meaning.removesuffix(f", {_DECAYED}"),
                *(
                    float(f"{one[i]:.6g}")
                    for one in (effect, median, others_median, mean, others_mean, low, high, known, some)
                ),
            )
            for i in np.argsort(-np.abs(effect), kind="stable").tolist()
            if enough[i]
        }


def observed_unit(feature: Feature) -> str:
    """Return the unit of what is observed of a feature: counts and decayed spend are per 30 days."""
    rate = feature.unit in ("events", "orders") or (feature.name.removeprefix("recent_") == "spend")
    return f"{feature.unit} {A_MONTH}" if rate else feature.unit


def quantiles(values: Floats, shares: Sequence[float]) -> list[Floats]:
    """Return the quantiles of each column (n, d), linearly interpolated over what is not NaN; NaN for empty columns."""
    if not len(values):
        return [np.full(values.shape[1], np.nan) for _ in shares]
    ordered, last = np.sort(values, axis=0), np.maximum(np.isfinite(values).sum(axis=0) - 1, 0)
    columns, found = np.arange(values.shape[1]), []
    for share in shares:
        place = share * last
        below = np.floor(place).astype(np.intp)
        low, high = ordered[below, columns], ordered[np.minimum(below + 1, last), columns]
        found.append(low + (high - low) * (place - below))
    return found


def _mean(values: Floats) -> Floats:
    found: Floats = np.nansum(values, axis=0) / np.maximum(np.isfinite(values).sum(axis=0), 1)
    return found
