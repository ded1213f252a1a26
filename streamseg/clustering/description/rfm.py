"""Scores customers by recency, frequency and monetary value (RFM), and gives the score the customary name.

The three numbers are of the row, not of a segmentation: days since the latest purchase, purchases ever, money ever
spent. The borders are the shop's, so a customer has one name, whichever segmentation is asked.

A score is the quintile among the sampled customers who have bought, from 1 to 5 (best): like pandas' `qcut`, but equal
values always get equal scores. Rules keep ties and relative ranks from making names that are not true:

- Frequency: n purchases score at most n. Where most have bought once, a second purchase is in the top quintile, but is
  no habit yet.
- Recency: a value that equals several borders gets the score in the middle of the quintiles that it fills. Whoever has
  bought nothing for three, five or eight months scores at most 4, 3 or 2, however long all others have been
  silent: nobody is a champion ten months after the latest purchase.
- Whoever has bought within a month or two weeks scores at least 3 or 4 for recency: nobody is "At Risk" six days after
  a purchase, because others buy every other day.
- A single purchase of less than three months ago scores at least 2 for recency: nobody is "Lost" so soon, however new
  the shop is.
- Monetary value: a value that fills several quintiles gets the lowest of their scores.

Customers who have never bought get scores of 0 and a name of their own.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats

Borders: TypeAlias = tuple[tuple[float, ...], ...]
"""Per feature the four values between its quintiles, in the feature's unit."""

FIFTHS: Final = (0.2, 0.4, 0.6, 0.8)
LEAST_BUYERS: Final = 20
"""Fewer buyers have no quintiles."""
AT_MOST: Final = ((90.0, 4), (150.0, 3), (240.0, 2))
"""The best recency of a customer who has bought nothing for more than so many days."""
AT_LEAST: Final = ((30.0, 3), (14.0, 4))
"""The worst recency of one who has bought within so many days."""
LOST_DAYS: Final = 90.0
"""Nobody who has bought since is lost."""

_NAMES: Final = (
    # frequency 1      2                       3                       4                   5
    ("Lost", "Hibernating", "At Risk", "At Risk", "Can't Lose Them"),  # recency 1
    ("Hibernating", "Hibernating", "At Risk", "At Risk", "Can't Lose Them"),
    ("About to Sleep", "About to Sleep", "Need Attention", "Loyal Customers", "Loyal Customers"),
    ("Promising", "Potential Loyalists", "Potential Loyalists", "Loyal Customers", "Loyal Customers"),
    ("New Customers", "Potential Loyalists", "Potential Loyalists", "Champions", "Champions"),
)
"""The eleven customary names by recency (rows) and frequency (columns)."""
NOT_YET: Final = "No Purchase Yet"
_NEVER: Final = 0


@dataclass(frozen=True, slots=True)
class RfmBorders:
    """The four borders between the quintiles of the shop's buyers."""

    days: tuple[float, ...]
    """Since the latest purchase."""
    purchases: tuple[float, ...]
    money: tuple[float, ...]
    """Major units of the currency."""
    buyers: int
    """How many the borders were measured on."""
    at: float
    """Time of the latest sample, epoch seconds."""

    def to_json(self) -> bytes:
        """Return JSON for `from_json`."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def from_json(cls, stored: bytes | None) -> "RfmBorders | None":
        """Read what `to_json` wrote; None for None."""
        if stored is None:
            return None
        read = json.loads(stored)
        borders = {name: tuple(map(float, read[name])) for name in ("days", "purchases", "money")}
        return cls(**borders, buyers=int(read["buyers"]), at=float(read["at"]))


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


def measure_borders(days: Floats, purchases: Floats, money: Floats, at: float) -> RfmBorders | None:
    """Return the borders of n customers, linearly interpolated; None for fewer than `LEAST_BUYERS` buyers.

    Args:
        days: since the latest purchase (n,), without a cap; NaN for those who never bought.
        purchases: ever (n,).
        money: ever spent (n,).
        at: the moment, epoch seconds.
    """
    bought = _bought(days, purchases)
    buyers = int(bought.sum())
    if buyers < LEAST_BUYERS:
        return None
    of_days, of_purchases, of_money = (
        tuple(np.quantile(one[bought], FIFTHS).tolist()) for one in (days, purchases, money)
    )
    return RfmBorders(of_days, of_purchases, of_money, buyers, at)


def scores(borders: RfmBorders, days: Floats, purchases: Floats, money: Floats) -> NDArray[np.intp]:
    """Return the scores (n, 3) of n customers, given as in `measure_borders`."""
    found = np.column_stack(
        [
            _recency(borders.days, days),
            np.minimum(_lowest_quintile(borders.purchases, purchases), np.maximum(purchases, 1.0)).astype(np.intp),
            _lowest_quintile(borders.money, money),
        ]
    )
    found[(found[:, 0] == 1) & (found[:, 1] == 1) & (days < LOST_DAYS), 0] = 2
    found[~_bought(days, purchases)] = _NEVER
    return found


def rfm(borders: RfmBorders, days: float, purchases: float, money: float) -> Rfm:
    """Return the scores and name of one customer, given as in `measure_borders`."""
    recency, frequency, monetary = scores(borders, *(np.array([one]) for one in (days, purchases, money)))[0].tolist()
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


def quintiles(features: Sequence[str], vectors: Floats) -> Borders:
    """Return the four borders between the quintiles of each column of raw values (n, d), linearly interpolated.

    Missing values (NaN) are left out; a column without any value has borders of 0.
    """
    assert len(features) == vectors.shape[1]
    known = [column[~np.isnan(column)] for column in vectors.T]
    return tuple(tuple(np.quantile(one if len(one) else [0.0], FIFTHS).tolist()) for one in known)


def _bought(days: Floats, purchases: Floats) -> NDArray[np.bool_]:
    return (purchases > 0) & np.isfinite(days)


def _lowest_quintile(borders: Sequence[float], values: Floats) -> NDArray[np.intp]:
    """Return the quintile of each value (n,), 1 to 5; the lowest one for a value that equals borders."""
    return 1 + np.searchsorted(borders, values, side="left")


def _recency(borders: Sequence[float], days: Floats) -> NDArray[np.intp]:
    lowest = np.searchsorted(borders, days, side="left")
    middle = (lowest + np.searchsorted(borders, days, side="right")) // 2
    found = 5 - middle
    for more, best in AT_MOST:
        found = np.where(days > more, np.minimum(found, best), found)
    for within, worst in AT_LEAST:
        found = np.where(days <= within, np.maximum(found, worst), found)
    return found


def _name(recency: int, frequency: int) -> str:
    return NOT_YET if recency == _NEVER else _NAMES[recency - 1][frequency - 1]
