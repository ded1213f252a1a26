"""Scores customers by recency, frequency and monetary value (RFM), and gives the score the customary name.

A score is the quintile among the sampled customers who have bought, from 1 to 5 (best): like pandas' `qcut`, but equal
values always get equal scores. Three rules keep ties from making good scores:

- Frequency: n purchases score at most n. Where most have bought once, a second purchase is in the top quintile, but is
  no habit yet.
- Recency: a value that equals several borders gets the score in the middle of the quintiles that it fills, and one at
  the cap of recency scores 1.
- Monetary value: a value that fills several quintiles gets the lowest of their scores.

Customers who have never bought get scores of 0 and a name of their own. The borders are computed at each challenge and
published with the snapshot.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats
from streamseg.features.catalogue import RECENCY_CAP_DAYS

Borders: TypeAlias = tuple[tuple[float, ...], ...]
"""Per feature the four values between its quintiles, in the feature's unit."""

_ROLES: Final = (("purchase_recency",), ("transactions", "purchases"), ("spend", "lifetime_spend"))
"""Features that can be recency, frequency and monetary value; the first one present is used."""

_NAMES: Final = (
    # frequency 1      2                       3                       4             5
    ("Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose Them"),  # recency 1
    ("Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose Them"),
    ("About to Sleep", "About to Sleep", "Need Attention", "Loyal", "Loyal"),
    ("Promising", "Potential Loyalists", "Potential Loyalists", "Loyal", "Loyal"),
    ("New Customers", "Potential Loyalists", "Potential Loyalists", "Champions", "Champions"),
)
"""The customary names by recency (rows) and frequency (columns)."""
ROUNDING: Final = 1e-5
"""Rounding error of decayed sums, which are stored in single precision."""
_NOT_YET: Final = "No Purchase Yet"
_NEVER: Final = 0


@dataclass(frozen=True, slots=True)
class Rfm:
    """Scores of one customer: 1 to 5, or 0 for one who has never bought."""

    recency: int
    frequency: int
    monetary: int
    name: str


@dataclass(frozen=True, slots=True)
class RfmOfMany:
    """Mean scores of a group, and the share of customers with each name, the most frequent first."""

    recency: float
    frequency: float
    monetary: float
    names: dict[str, float]


def quintiles(features: Sequence[str], vectors: Floats) -> Borders:
    """Return the four borders between the quintiles of each column of raw values (n, d), linearly interpolated.

    Counts only customers who have bought, unless nobody has or the features do not show it.
    """
    have = _have_bought(features, vectors)
    buyers = vectors[have] if have.any() else vectors
    return tuple(map(tuple, np.quantile(buyers, (0.2, 0.4, 0.6, 0.8), axis=0).T.tolist()))


def scores(features: Sequence[str], borders: Borders, vectors: Floats) -> NDArray[np.intp] | None:
    """Return the scores (n, 3) of raw vectors (n, d); None without borders or if a feature of the three is missing."""
    columns = [_column(features, names) for names in _ROLES]
    if not borders or None in columns:
        return None
    roles = [(borders[c], vectors[:, c]) for c in columns if c is not None]
    found = np.column_stack([_recency(*roles[0]), _frequency(*roles[1]), _lowest_quintile(*roles[2])])
    found[~_have_bought(features, vectors)] = _NEVER
    return found


def _lowest_quintile(borders: Sequence[float], values: Floats) -> NDArray[np.intp]:
    """Return the quintile of each value (n,), 1 to 5; the lowest one for a value that equals borders."""
    return 1 + np.searchsorted(borders, values, side="left")


def _recency(borders: Sequence[float], days: Floats) -> NDArray[np.intp]:
    lowest = np.searchsorted(borders, days, side="left")
    middle = (lowest + np.searchsorted(borders, days, side="right")) // 2
    return np.where(days >= RECENCY_CAP_DAYS, 1, 5 - middle)


def _frequency(borders: Sequence[float], purchases: Floats) -> NDArray[np.intp]:
    """Score the purchases (n,), which may be decayed: then their number is rounded up."""
    quintile = _lowest_quintile(borders, purchases)
    return np.minimum(quintile, np.maximum(np.ceil(purchases - ROUNDING), 1)).astype(np.intp)


def rfm(features: Sequence[str], borders: Borders, vector: Floats) -> Rfm | None:
    """Return the scores and name of one customer's raw vector (d,); None as with `scores`."""
    found = scores(features, borders, vector[None, :])
    if found is None:
        return None
    recency, frequency, monetary = found[0].tolist()
    return Rfm(recency, frequency, monetary, _name(recency, frequency))


def rfm_of_many(scored: NDArray[np.intp]) -> RfmOfMany | None:
    """Summarise the scores (n, 3) of a group: means over the members who have bought; None for an empty group."""
    if not len(scored):
        return None
    names = Counter(_name(recency, frequency) for recency, frequency, _ in scored.tolist())
    buyers = scored[scored[:, 0] != _NEVER]
    recency, frequency, monetary = (buyers if len(buyers) else scored).mean(axis=0).round(2).tolist()
    shares = {name: round(count / len(scored), 4) for name, count in names.most_common()}
    return RfmOfMany(recency, frequency, monetary, shares)


def _name(recency: int, frequency: int) -> str:
    return _NOT_YET if recency == _NEVER else _NAMES[recency - 1][frequency - 1]


def _column(features: Sequence[str], names: Sequence[str]) -> int | None:
    return next((features.index(name) for name in names if name in features), None)


def _have_bought(features: Sequence[str], vectors: Floats) -> NDArray[np.bool_]:
    """Return who has a frequency above 0 (n,); everybody if no feature is a frequency."""
    column = _column(features, _ROLES[1])
    return np.ones(len(vectors), dtype=np.bool_) if column is None else vectors[:, column] > 0
