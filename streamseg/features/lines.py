"""Item lines of many events as columns."""

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

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_MANY: Final = 1_000_000
"""Units that are converted at once to learn a rate, so that rounding to minor units does not show."""


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines of some events, one after the other. Every column is parallel to `items`."""

    items: Sequence[Item]
    of: Places
    """Position in the batch of each line's event."""
    prices: Floats
    """In major units of the configured currency; NaN where there is none, or one in a currency without a rate."""

    def categories(self) -> Iterable[str | None]:
        """Item categories as sent."""
        return map(attrgetter("item_category"), self.items)

    def brands(self) -> Iterable[str | None]:
        """Item brands as sent."""
        return map(attrgetter("item_brand"), self.items)

    def quantities(self) -> Floats:
        """Pieces."""
        return np.fromiter(map(attrgetter("quantity"), self.items), np.float64, len(self.items))

    def discounts(self) -> Floats:
        """Unit discount as a share of the price before it; 0 where price or discount is missing."""
        off = _amounts(self.items, "discount")
        full = _amounts(self.items, "price") + off
        return np.divide(off, full, out=np.zeros_like(full), where=full > 0)  # False for NaN

    def coupons(self) -> NDArray[np.bool_]:
        """Whether a coupon was used."""
        return np.fromiter(map(bool, map(attrgetter("coupon"), self.items)), np.bool_, len(self.items))


def lines_of(layout: Layout, events: Sequence[Click] | Sequence[Purchase], chosen: Places, money: Money) -> Lines:
    """The lines of the events at the positions `chosen`; a price without a currency is in the configured one."""
    those = [events[i] for i in chosen.tolist()]
    items = [item for event in those for item in event.items]
    counts = np.fromiter((len(event.items) for event in those), np.intp, len(those))
    rates = _rates(layout, [event.currency for event in those], money)
    return Lines(items, np.repeat(chosen, counts), _amounts(items, "price") * np.repeat(rates, counts))


def _amounts(items: Sequence[Item], name: str) -> Floats:
    return np.array(list(map(attrgetter(name), items)), dtype=np.float64)  # None becomes NaN


def _rates(layout: Layout, currencies: Sequence[str | None], money: Money) -> Floats:
    """What one unit of each currency is in the configured one; NaN if that is not known."""
    foreign = {currency for currency in currencies if currency is not None and currency != layout.currency}
    if not foreign:
        return np.ones(len(currencies))
    whole = _MANY * 10.0**layout.minor_units
    worth = {currency: _minor(money, currency) / whole for currency in foreign}
    return np.array([worth.get(currency or "", 1.0) for currency in currencies])


def _minor(money: Money, currency: str) -> float:
    try:
        return money.minor(_MANY, currency)
    except RejectionError:  # an event is not lost for the price of an item in it
        return np.nan
