"""What a simulated shop is: kinds of customers, seasons, and weekly habits."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from streamseg.clustering.encode import Floats


@dataclass(frozen=True, slots=True)
class Habits:
    """The typical behaviour of a kind of customer. Shares are in (0, 1)."""

    visits: float
    """Per day."""
    buys: float
    """Share of visits that end in a purchase."""
    lines: float
    """Different items per purchase."""
    price: float
    """Median price of an item."""
    discounts: float
    """Share of bought items that are discounted."""
    weekend: float
    """Share of visits at weekends."""
    views: float
    """Items looked at per visit, beside those bought."""
    returns: float
    """Share of purchases that are refunded."""


SHARES = frozenset({"buys", "discounts", "weekend", "returns"})
NAMES = tuple(field.name for field in fields(Habits))


@dataclass(frozen=True, slots=True)
class Kind:
    """A true group."""

    label: str
    share: float
    """Share of the customers. The last kind of a shop is the one that may appear later."""
    habits: Habits


@dataclass(frozen=True, slots=True)
class Shop:
    """A simulated shop."""

    kinds: tuple[Kind, ...]
    spread: float
    """How much customers of a kind differ: deviation of the logarithm or logit of each habit."""
    season: float = 0.0
    """Share by which visits rise and fall within `season_days`."""
    season_days: float = 91.0
    own_weekday: float = 0.0
    """Share of visits that are on the customer's own day of the week."""
    household: float = 0.0
    """Deviation of the logarithm of the household's size, by which the lines of a purchase are multiplied."""


def to_real(habits: Sequence[Habits]) -> Floats:
    """Return habits as numbers that may be added, (n, 8): logarithms, and logits of shares."""
    return np.array(
        [
            [
                math.log(value / (1.0 - value)) if name in SHARES else math.log(value)
                for name in NAMES
                for value in (getattr(one, name),)
            ]
            for one in habits
        ]
    )


def from_real(real: Floats) -> dict[str, Floats]:
    """Return the habits (n,) by name of numbers (n, 8) as `to_real` gives them."""
    return {
        name: 1.0 / (1.0 + np.exp(-real[:, column])) if name in SHARES else np.exp(real[:, column])
        for column, name in enumerate(NAMES)
    }
