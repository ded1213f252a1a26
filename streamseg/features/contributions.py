"""What clicks and purchases add to the sums: columns out of the events, then (event, sum, weight) triples."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from itertools import repeat
from operator import attrgetter
from typing import Any, Final
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from streamseg.events.money import Money
from streamseg.events.types import Click, Purchase
from streamseg.features.aggregates import (
    BROWSED,
    CLICK_COUNTS,
    DAY_PARTS,
    DEVICES,
    OTHER_CATEGORY,
    RECENT,
    brand_sum,
    category_sum,
)
from streamseg.features.layout import Layout, slug
from streamseg.features.lines import Lines, lines_of
from streamseg.features.local_time import local_time

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_NONE: Final = -1
_NOT_TOLD: Final = -2
_SATURDAY: Final = 5
_CATEGORIES_REMEMBERED: Final = 4096


@dataclass(frozen=True, slots=True)
class Triples:
    """Event `event[j]` of the batch adds `weight[j]`, before decay, to sum `sum[j]`. Parallel arrays."""

    event: Places
    sum: Places
    weight: Floats


@dataclass(frozen=True, slots=True)
class Orders:
    """The exact side of a batch of purchases: what is kept without decay. Parallel to the events."""

    bought: NDArray[np.bool_]
    """False for a refund."""
    minor: NDArray[np.int64]
    """Value in minor units of the configured currency, negative for a refund."""


@dataclass(frozen=True, slots=True)
class _Codes:
    """Positions of sums by what events say; negative where they say nothing that is summed."""

    click: dict[str, int]
    is_browsed: NDArray[np.bool_]
    """By position of a sum; the last place is for `_NONE`."""
    device: dict[str | None, int]
    day_part: int
    category: Callable[[str | None], int]
    brand: Callable[[str | None], int]
    twin: Places
    """By position of a sum, that of its recent twin."""


@cache
def _codes(layout: Layout) -> _Codes:
    at = layout.sum_index

    @lru_cache(maxsize=_CATEGORIES_REMEMBERED)
    def category(name: str | None) -> int:
        return at.get(category_sum(slug(name)), at[category_sum(OTHER_CATEGORY)]) if name else _NONE

    @lru_cache(maxsize=_CATEGORIES_REMEMBERED)
    def brand(name: str | None) -> int:
        known = slug(name) if name else ""
        return at[brand_sum(crc32(known.encode()) % layout.brand_groups)] if known else _NONE

    is_browsed = np.zeros(len(at) + 1, dtype=np.bool_)
    is_browsed[[at[count] for count in BROWSED]] = True
    twin = np.full(len(at), _NONE, dtype=np.intp)
    for name in RECENT:
        twin[at[name]] = at[f"recent_{name}"]
    return _Codes(
        click={name: at[count] for name, count in CLICK_COUNTS.items()},
        is_browsed=is_browsed,
        device={None: _NOT_TOLD} | {name: at[name] for name in DEVICES},
        day_part=at[DAY_PARTS[0]],
        category=category,
        brand=brand,
        twin=twin,
    )


def of_clicks(layout: Layout, clicks: Sequence[Click], at: Floats, money: Money) -> Triples:
    """What a batch of clicks adds. `at` is their `occurred_at`, epoch seconds."""
    codes, adding = _codes(layout), _Adding(layout)
    everyone = np.arange(len(clicks))
    adding.add(everyone, "clicks")
    adding.moments(everyone, at)
    adding.devices(clicks, everyone)

    named = _coded(map(attrgetter("event_name"), clicks), codes.click, len(clicks))
    known = np.flatnonzero(named != _NONE)
    adding.add(known, named[known])
    browsing = np.flatnonzero(codes.is_browsed[named])
    adding.lines(lines_of(layout, clicks, browsing, money), "lines_browsed", "price_browsed")

    return adding.triples()


def of_purchases(layout: Layout, purchases: Sequence[Purchase], at: Floats, money: Money) -> tuple[Triples, Orders]:
    """What a batch of purchases and refunds adds. `at` is their `occurred_at`, epoch seconds."""
    adding = _Adding(layout)
    count = len(purchases)
    bought = np.fromiter((purchase.event_name != "refund" for purchase in purchases), np.bool_, count)
    minor = np.fromiter((money.minor(p.value, p.currency) for p in purchases), np.int64, count)
    value = minor / 10.0**layout.minor_units
    everyone, buying = np.arange(count), np.flatnonzero(bought)
    adding.add(everyone, "spend", np.where(bought, value, -value))
    adding.add(np.flatnonzero(~bought), "refunds")

    adding.add(buying, "purchases")
    adding.moments(buying, at)
    adding.devices(purchases, buying)
    log = np.log1p(value[buying])
    adding.add(buying, "order_log", log)
    adding.add(buying, "order_log_squared", log**2)

    lines = lines_of(layout, purchases, buying, money)
    adding.lines(lines, "lines_bought", "price_bought")
    adding.add(lines.of, "items", lines.quantities())
    adding.add(lines.of, "discount", lines.discounts())
    coupon = np.fromiter((bool(purchase.coupon) for purchase in purchases), np.bool_, count)
    coupon[lines.of[lines.coupons()]] = True
    adding.add(np.flatnonzero(coupon & bought), "coupons")
    return adding.triples(), Orders(bought, np.where(bought, minor, -minor))


@dataclass(slots=True)
class _Adding:
    """Collects the triples of one batch."""

    layout: Layout
    parts: list[tuple[Places, Places, Floats]] = field(default_factory=list)

    def add(self, events: Places, sums: str | Places, weights: float | Floats = 1.0) -> None:
        """Let each of the events add its weight to its sum: one sum for all, or a position for each."""
        if isinstance(sums, str):
            sums = np.full(len(events), self.layout.sum_index[sums])
        if isinstance(weights, float):
            weights = np.full(len(events), weights)
        self.parts.append((events, sums, weights))

    def moments(self, events: Places, at: Floats) -> None:
        """Day part and weekend of the events; `at` is of the whole batch."""
        hour, weekday = local_time(self.layout.time_zone).hour_and_weekday(at[events])
        self.add(events, _codes(self.layout).day_part + hour * len(DAY_PARTS) // 24)
        self.add(events[weekday >= _SATURDAY], "weekend")

    def devices(self, events: Sequence[Click] | Sequence[Purchase], chosen: Places) -> None:
        """Devices of the chosen events, as far as they are told."""
        told = _coded(map(attrgetter("device_category"), events), _codes(self.layout).device, len(events))[chosen]
        self.add(chosen[told != _NOT_TOLD], "devices")
        listed = told >= 0
        self.add(chosen[listed], told[listed])

    def lines(self, lines: Lines, priced: str, price: str) -> None:
        """Categories, brands and prices of item lines."""
        self._listed(lines, map(_codes(self.layout).category, lines.categories()))
        if self.layout.brand_groups:
            self._listed(lines, map(_codes(self.layout).brand, lines.brands()))
        prices = lines.prices
        known = ~np.isnan(prices)
        self.add(lines.of[known], priced)
        self.add(lines.of[known], price, np.log1p(prices[known]))

    def _listed(self, lines: Lines, codes: Iterable[int]) -> None:
        """Add 1 to the sum that each line's code names."""
        code = np.fromiter(codes, np.intp, len(lines.items))
        self.add(lines.of[code != _NONE], code[code != _NONE])

    def triples(self) -> Triples:
        """All that was added, and the recent twins of it."""
        event, sums, weight = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        twin = _codes(self.layout).twin[sums]
        also = np.flatnonzero(twin != _NONE)
        return Triples(
            np.concatenate([event, event[also]]),
            np.concatenate([sums, twin[also]]),
            np.concatenate([weight, weight[also]]),
        )


def _coded(words: Iterable[str | None], codes: Mapping[Any, int], count: int) -> Places:
    """The code of each word; -1 for one without."""
    return np.fromiter(map(codes.get, words, repeat(_NONE)), np.intp, count)
