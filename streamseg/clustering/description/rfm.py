"""Recency, frequency and monetary value: quintile scores and the names that marketers know them by.

A score is the quintile among the sampled customers who have bought, 1 to 5, 5 the best: like pandas' `qcut`, with equal
values scored equally however many there are. Who has never bought is outside of it: scores of 0, and a name that says
so. The borders are taken at each challenge and stand in the snapshot.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats

Borders: TypeAlias = tuple[tuple[float, ...], ...]
"""Per feature the four values between its quintiles, in the feature's unit."""

_PLAYS: Final = (("purchase_recency",), ("transactions", "purchases"), ("spend", "lifetime_spend"))
"""Which features can be the recency, the frequency and the monetary value; the first there is counts."""

_NAMES: Final = (
    # frequency 1      2                       3                       4             5
    ("Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose Them"),  # recency 1
    ("Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose Them"),
    ("About to Sleep", "About to Sleep", "Need Attention", "Loyal", "Loyal"),
    ("Promising", "Potential Loyalists", "Potential Loyalists", "Loyal", "Loyal"),
    ("New Customers", "Potential Loyalists", "Potential Loyalists", "Champions", "Champions"),
)
"""The customary grid by recency and frequency."""
_NOT_YET: Final = "No Purchase Yet"
_NEVER: Final = 0


@dataclass(frozen=True, slots=True)
class Rfm:
    """Scores of one customer, 1 to 5, or 0 of one who has never bought."""

    recency: int
    frequency: int
    monetary: int
    name: str


@dataclass(frozen=True, slots=True)
class RfmOfMany:
    """Mean scores of a group, and the share of each name in it, the most frequent first."""

    recency: float
    frequency: float
    monetary: float
    names: dict[str, float]


def quintiles(features: Sequence[str], vectors: Floats) -> Borders:
    """The borders of each column of raw values (n, d), linear between two values as NumPy and pandas do it.

    Of those who have bought, where the features tell who has, and somebody has.
    """
    have = _have_bought(features, vectors)
    buyers = vectors[have] if have.any() else vectors
    return tuple(map(tuple, np.quantile(buyers, (0.2, 0.4, 0.6, 0.8), axis=0).T.tolist()))


def scores(features: Sequence[str], borders: Borders, vectors: Floats) -> NDArray[np.intp] | None:
    """Scores (n, 3) of raw vectors (n, d); None when the features lack one of the three, or borders are not known."""
    columns = [_column(features, names) for names in _PLAYS]
    if not borders or None in columns:
        return None
    quintile = [1 + np.searchsorted(borders[c], vectors[:, c], side="left") for c in columns if c is not None]
    found = np.column_stack([6 - quintile[0], *quintile[1:]])
    found[~_have_bought(features, vectors)] = _NEVER
    return found


def rfm(features: Sequence[str], borders: Borders, vector: Floats) -> Rfm | None:
    """One customer's, from the raw vector (d,); None as with `scores`."""
    found = scores(features, borders, vector[None, :])
    if found is None:
        return None
    recency, frequency, monetary = found[0].tolist()
    return Rfm(recency, frequency, monetary, _name(recency, frequency))


def rfm_of_many(scored: NDArray[np.intp]) -> RfmOfMany | None:
    """A group's, from its members' scores (n, 3), means over those who have bought; None for nobody."""
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
    """Who has a frequency; everybody where there is no such feature."""
    column = _column(features, _PLAYS[1])
    return np.ones(len(vectors), dtype=np.bool_) if column is None else vectors[:, column] > 0
