"""Reads the item lines of many events into columns."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.events.money import Money
from streamseg.events.rejection import RejectionError
from streamseg.events.types import Click, Item, Purchase
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats

Places = NDArray[np.intp]
"""Positions in a batch, or of sums in a row."""

MOST_PIECES: Final = 12.0
"""Pieces that a line counts for, at most: a quantity may also be in millilitres or metres."""

_RATE_SAMPLE_UNITS: Final = 1_000_000
"""Amount converted to measure a rate: large, so that rounding to minor units does not matter."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The item lines of some events, concatenated. Every column is parallel to `items`."""

    items: Sequence[Item]
    of: Places
    """Position of each line's event in the batch."""
    prices: Floats
    """Unit prices in major units of the configured currency; NaN if missing, or if the currency has no rate."""

    def categories(self) -> Iterable[str | None]:
        """Return the item categories as sent."""
        return map(attrgetter("item_category"), self.items)

    def brands(self) -> Iterable[str | None]:
        """Return the item brands as sent."""
        return map(attrgetter("item_brand"), self.items)

    def pieces(self) -> Floats:
        """Return the quantities, at most `MOST_PIECES`."""
        return np.minimum(
            np.fromiter(map(attrgetter("quantity"), self.items), np.float64, len(self.items)), MOST_PIECES
        )

    def discounts(self) -> Floats:
        """Return unit discount / (price + unit discount), 0-1; 0 if price or discount is missing."""
        off = _amounts(self.items, "discount")
        full = _amounts(self.items, "price") + off
        return np.divide(off, full, out=np.zeros_like(full), where=full > 0)  # NaN compares false

    def coupons(self) -> NDArray[np.bool_]:
        """Return whether each line has a coupon."""
        return np.fromiter(map(bool, map(attrgetter("coupon"), self.items)), np.bool_, len(self.items))


def lines_of(layout: Layout, events: Sequence[Click] | Sequence[Purchase], chosen: Places, money: Money) -> Lines:
    """Return the lines of the events at the positions `chosen`. Prices without a currency are in the configured one."""
    those = [events[i] for i in chosen.tolist()]
    items = [item for event in those for item in event.items]
    counts = np.fromiter((len(event.items) for event in those), np.intp, len(those))
    rates = _rates(layout, [event.currency for event in those], money)
    return Lines(items, np.repeat(chosen, counts), _amounts(items, "price") * np.repeat(rates, counts))


def _amounts(items: Sequence[Item], name: str) -> Floats:
    return np.array(list(map(attrgetter(name), items)), dtype=np.float64)  # None becomes NaN


def _rates(layout: Layout, currencies: Sequence[str | None], money: Money) -> Floats:
    """Return the value of one unit of each currency in the configured one; NaN without a rate."""
    foreign = {currency for currency in currencies if currency is not None and currency != layout.currency}
    if not foreign:
        return np.ones(len(currencies))
    whole = _RATE_SAMPLE_UNITS * 10.0**layout.minor_units
    worth = {currency: _minor(money, currency) / whole for currency in foreign}
    return np.array([worth.get(currency or "", 1.0) for currency in currencies])


def _minor(money: Money, currency: str) -> float:
    try:
        return money.minor(_RATE_SAMPLE_UNITS, currency)
    except RejectionError:  # an unknown item price must not reject the event
        return np.nan
