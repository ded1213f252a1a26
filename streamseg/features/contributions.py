"""Computes what a batch of clicks or purchases adds to the sums, as (event, sum, weight) triples.

Attributes of the events are read into columns, so that all arithmetic is on arrays.
"""

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
    DEVICES,
    OTHER_CATEGORY,
    RECENT,
    brand_sum,
    category_group_sum,
    category_sum,
)
from streamseg.features.layout import Layout, slug
from streamseg.features.lines import Lines, Places, lines_of
from streamseg.features.rows import Floats
from streamseg.features.words.counted import Counted
from streamseg.features.words.heard import category_group

_NONE: Final = -1
"""Code of a word without a sum of its own."""
_NO_DEVICE: Final = -2
"""Code of a missing device, which does not add to `devices` either."""
_CACHED_NAMES: Final = 4096


@dataclass(frozen=True, slots=True)
class Triples:
    """Parallel arrays: event `event[j]` of the batch adds `weight[j]` (before decay) to sum `sum[j]`."""

    event: Places
    sum: Places
    weight: Floats


@dataclass(frozen=True, slots=True)
class Orders:
    """What a batch of purchases adds to the exact, undecayed fields. Arrays parallel to the events."""

    bought: NDArray[np.bool_]
    """False for a refund."""
    minor: NDArray[np.int64]
    """Value in minor units of the configured currency; negative for a refund."""
    counted_at: Floats
    """Epoch seconds from which sums decay: `purchased_at` of a refund that has it, else `occurred_at`."""


@dataclass(frozen=True, slots=True)
class _Codes:
    """Positions of sums by the words in events; negative where a word has no sum."""

    click: dict[str, int]
    is_browsed: NDArray[np.bool_]
    """By position of a sum; the last element is for `_NONE`."""
    device: dict[str | None, int]
    category: Callable[[str | None], int]
    category_group: Callable[[str | None], int]
    brand: Callable[[str | None], int]
    twin: Places
    """By position of a sum: the position of its recent twin, or `_NONE`."""


@cache
def _codes(layout: Layout) -> _Codes:
    at = layout.sum_index

    @lru_cache(maxsize=_CACHED_NAMES)
    def category(name: str | None) -> int:
        return at.get(category_sum(slug(name)), at[category_sum(OTHER_CATEGORY)]) if name else _NONE

    @lru_cache(maxsize=_CACHED_NAMES)
    def brand(name: str | None) -> int:
        known = slug(name) if name else ""
        return at[brand_sum(crc32(known.encode()) % layout.brand_groups)] if known else _NONE

    @lru_cache(maxsize=_CACHED_NAMES)
    def grouped_category(name: str | None) -> int:
        group = category_group(name, layout.category_groups)
        return _NONE if group is None else at[category_group_sum(group)]

    is_browsed = np.zeros(len(at) + 1, dtype=np.bool_)
    is_browsed[[at[count] for count in BROWSED]] = True
    twin = np.full(len(at), _NONE, dtype=np.intp)
    for name in RECENT:
        twin[at[name]] = at[f"recent_{name}"]
    return _Codes(
        click={name: at[count] for name, count in CLICK_COUNTS.items()},
        is_browsed=is_browsed,
        device={None: _NO_DEVICE} | {name: at[name] for name in DEVICES},
        category=category,
        category_group=grouped_category,
        brand=brand,
        twin=twin,
    )


def of_clicks(layout: Layout, clicks: Sequence[Click], money: Money) -> Triples:
    """Return what a batch of clicks adds."""
    codes, adding = _codes(layout), _Adding(layout)
    everyone = np.arange(len(clicks))
    adding.add(everyone, "clicks")
    adding.devices(clicks, everyone)

    named = _coded(map(attrgetter("event_name"), clicks), codes.click, len(clicks))
    known = np.flatnonzero(named != _NONE)
    adding.add(known, named[known])
    browsing = np.flatnonzero(codes.is_browsed[named])
    adding.lines(lines_of(layout, clicks, browsing, money), "lines_browsed", "price_browsed")
    for counted in layout.counted:
        adding.counted(clicks, counted)
    return adding.triples()


def of_purchases(layout: Layout, purchases: Sequence[Purchase], at: Floats, money: Money) -> tuple[Triples, Orders]:
    """Return what a batch of purchases and refunds adds.

    `at` is `occurred_at` of each, epoch seconds, shape (n,). Raises `RejectionError` for an amount that `money` cannot
    convert; decoded events have none.
    """
    adding = _Adding(layout)
    count = len(purchases)
    bought = np.fromiter((purchase.event_name != "refund" for purchase in purchases), np.bool_, count)
    minor = np.fromiter((money.minor(p.value, p.currency) for p in purchases), np.int64, count)
    value = minor / 10.0**layout.minor_units
    everyone, buying = np.arange(count), np.flatnonzero(bought)
    adding.add(everyone, "spend", np.where(bought, value, -value))
    adding.add(np.flatnonzero(~bought), "refunds")

    adding.add(buying, "purchases")
    adding.devices(purchases, buying)
    log = np.log1p(value[buying])
    adding.add(buying, "order_log", log)
    adding.add(buying, "order_log_squared", log**2)

    lines = lines_of(layout, purchases, buying, money)
    adding.lines(lines, "lines_bought", "price_bought")
    adding.add(lines.of, "items", lines.pieces())
    adding.add(lines.of, "discount", lines.discounts())
    coupon = np.fromiter((bool(purchase.coupon) for purchase in purchases), np.bool_, count)
    coupon[lines.of[lines.coupons()]] = True
    adding.add(np.flatnonzero(coupon & bought), "coupons")
    return adding.triples(), Orders(bought, np.where(bought, minor, -minor), _counted_at(purchases, at, bought))


def _counted_at(purchases: Sequence[Purchase], at: Floats, bought: NDArray[np.bool_]) -> Floats:
    """Return `purchased_at` of the refunds that have it, and `at` of all other events."""
    counted = at
    for i in np.flatnonzero(~bought).tolist():
        refunded = purchases[i].purchased_at
        if refunded is not None:
            counted = at.copy() if counted is at else counted
            counted[i] = refunded.timestamp()
    return counted


@dataclass(slots=True)
class _Adding:
    """Collects the triples of one batch."""

    layout: Layout
    parts: list[tuple[Places, Places, Floats]] = field(default_factory=list)

    def add(self, events: Places, sums: str | Places, weights: float | Floats = 1.0) -> None:
        """Add a weight for each event, to one sum by name or to one position per event."""
        if isinstance(sums, str):
            sums = np.full(len(events), self.layout.sum_index[sums])
        if isinstance(weights, float):
            weights = np.full(len(events), weights)
        self.parts.append((events, sums, weights))

    def devices(self, events: Sequence[Click] | Sequence[Purchase], chosen: Places) -> None:
        """Add the devices of the chosen events that name one."""
        code = _coded(map(attrgetter("device_category"), events), _codes(self.layout).device, len(events))[chosen]
        self.add(chosen[code != _NO_DEVICE], "devices")
        listed = code >= 0
        self.add(chosen[listed], code[listed])

    def counted(self, clicks: Sequence[Click], counted: Counted) -> None:
        """Add what clicks tell in words: 1 to the sum of each part, and 1 to that of all that tell it."""
        told = [(i, parts) for i, parts in enumerate(map(counted.of, clicks)) if parts is not None]
        first = self.layout.sum_index[counted.sums[0][0]]
        events = [i for i, parts in told for _ in parts]
        self.add(np.array(events, dtype=np.intp), first + np.array([p for _, parts in told for p in parts], np.intp))
        self.add(np.array([i for i, _ in told], dtype=np.intp), counted.told)

    def lines(self, lines: Lines, priced: str, price: str) -> None:
        """Add categories, brands and prices of item lines."""
        self._listed(lines, map(_codes(self.layout).category, lines.categories()))
        if self.layout.category_groups:
            self._listed(lines, map(_codes(self.layout).category_group, lines.categories()))
        if self.layout.brand_groups:
            self._listed(lines, map(_codes(self.layout).brand, lines.brands()))
        prices = lines.prices
        known = ~np.isnan(prices)
        self.add(lines.of[known], priced)
        self.add(lines.of[known], price, np.log1p(prices[known]))

    def _listed(self, lines: Lines, codes: Iterable[int]) -> None:
        """Add 1 to the sum at each line's code."""
        code = np.fromiter(codes, np.intp, len(lines.items))
        self.add(lines.of[code != _NONE], code[code != _NONE])

    def triples(self) -> Triples:
        """Return everything added, and the same again for the recent twins."""
        event, sums, weight = (np.concatenate(column) for column in zip(*self.parts, strict=True))
        twin = _codes(self.layout).twin[sums]
        also = np.flatnonzero(twin != _NONE)
        return Triples(
            np.concatenate([event, event[also]]),
            np.concatenate([sums, twin[also]]),
            np.concatenate([weight, weight[also]]),
        )


def _coded(words: Iterable[str | None], codes: Mapping[Any, int], count: int) -> Places:
    """Return the code of each word; `_NONE` for a word without a code."""
    return np.fromiter(map(codes.get, words, repeat(_NONE)), np.intp, count)
