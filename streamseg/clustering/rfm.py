"""Recency, frequency and monetary value: quintile scores and the names that marketers know them by.

A score is the quintile among the sampled customers, 1 to 5, 5 the best: like pandas' `qcut`, with equal values scored
equally however many there are. The borders are taken at each challenge and stand in the snapshot.
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


@dataclass(frozen=True, slots=True)
class Rfm:
    """Scores of one customer, 1 to 5."""

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


def quintiles(vectors: Floats) -> Borders:
    """The borders of each column of raw values (n, d), linear between two values as NumPy and pandas do it."""
    return tuple(map(tuple, np.quantile(vectors, (0.2, 0.4, 0.6, 0.8), axis=0).T.tolist()))


def scores(features: Sequence[str], borders: Borders, vectors: Floats) -> NDArray[np.intp] | None:
    """Scores (n, 3) of raw vectors (n, d); None when the features lack one of the three, or borders are not known."""
    columns = [next((features.index(name) for name in names if name in features), None) for names in _PLAYS]
    if not borders or None in columns:
        return None
    quintile = [1 + np.searchsorted(borders[c], vectors[:, c], side="left") for c in columns if c is not None]
    return np.column_stack([6 - quintile[0], *quintile[1:]])


def rfm(features: Sequence[str], borders: Borders, vector: Floats) -> Rfm | None:
    """One customer's, from the raw vector (d,); None as with `scores`."""
    found = scores(features, borders, vector[None, :])
    if found is None:
        return None
    recency, frequency, monetary = found[0].tolist()
    return Rfm(recency, frequency, monetary, _NAMES[recency - 1][frequency - 1])


def rfm_of_many(scored: NDArray[np.intp]) -> RfmOfMany | None:
    """A group's, from its members' scores (n, 3); None for nobody."""
    if not len(scored):
        return None
    names = Counter(_NAMES[recency - 1][frequency - 1] for recency, frequency, _ in scored.tolist())
    recency, frequency, monetary = scored.mean(axis=0).round(2).tolist()
    shares = {name: round(count / len(scored), 4) for name, count in names.most_common()}
    return RfmOfMany(recency, frequency, monetary, shares)
