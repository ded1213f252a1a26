"""Every feature: name, unit, meaning, and how it follows from a row."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from math import log1p
from typing import Final, TypeAlias

import numpy as np

from streamseg.features.aggregates import DAY_PARTS, DEVICES, OTHER_CATEGORY, RECENT, brand_sum, category_sum
from streamseg.features.layout import Attribute, Layout, slug
from streamseg.features.moment import Floats, Moment

Formula: TypeAlias = Callable[[Moment], Floats]
"""One value per row of the moment, always finite."""

RECENCY_CAP_DAYS: Final = 365.0
"""Recency of what is longer ago or has never been."""
TENURE_CAP_DAYS: Final = 3650.0
SHARE_PRIOR_EVENTS: Final = 4.0
"""How many (decayed) events the prior of a share counts for: one event must not make an extreme."""
LEVEL_PRIOR_EVENTS: Final = 1.0
"""The same for the level of prices and orders, which vary less between two events of one customer."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A named number of a customer. `skewed` features are compared on a logarithmic scale: log1p of them.

    `attribute` names the trait that it is of, if it is of one. The features of one category-valued attribute have its
    name as their `block`, too: together they weigh like one feature. So do the shares of the devices: alone, that of
    tablets, which hardly anybody has, would weigh as much as all the others.
    """

    name: str
    unit: str
    meaning: str
    skewed: bool
    formula: Formula = field(repr=False, compare=False)
    attribute: str = ""
    block: str = ""
    value: str = ""
    """Of a category-valued attribute: which one this is about, as it is declared."""


@cache
def catalogue(layout: Layout) -> dict[str, Feature]:
    """All features of a layout by name, in a fixed order."""
    features = (
        *_recency(),
        *(Feature(name, "events", f"{what}, decayed", True, _total(name)) for name, what in _COUNTS),
        *_money(layout),
        *_ratios(),
        *_mix("device", DEVICES, (0.5, 0.42, 0.08), "devices", "clicks and purchases from a {}", block="device"),
        *_mix("", DAY_PARTS, (0.1, 0.25, 0.35, 0.3), DAY_PARTS, "clicks and purchases of the {} (six hours)"),
        Feature(
            "weekend_share",
            "share",
            "clicks and purchases on Saturdays and Sundays, among all",
            False,
            _share("weekend", DAY_PARTS, 2 / 7),
        ),
        *_categories(layout),
        *_brands(layout),
        *_recent(),
        *(each for index, attribute in enumerate(layout.attributes) for each in _profile(index, attribute)),
    )
    return {feature.name: feature for feature in features}


_COUNTS: Final = (
    ("clicks", "clicks of every kind"),
    ("sessions", "sessions started"),
    ("views", "items viewed"),
    ("lists", "item lists viewed and followed"),
    ("searches", "searches"),
    ("carts", "items put in the cart"),
    ("removals", "items taken out of the cart"),
    ("wishes", "items put on the wish list"),
    ("checkouts", "checkouts begun"),
    ("purchases", "purchases"),
    ("refunds", "refunds"),
    ("items", "items bought"),
)


def _recency() -> tuple[Feature, ...]:
    def since(name: str) -> Formula:
        return lambda moment: moment.days_since(name, RECENCY_CAP_DAYS)

    never = f"; {RECENCY_CAP_DAYS:.0f} for longer ago and for never"
    return (
        Feature("purchase_recency", "days", f"since the latest purchase{never}", True, since("last_purchase")),
        Feature("click_recency", "days", f"since the latest click{never}", True, since("last_click")),
        Feature(
            "tenure",
            "days",
            f"since the earliest event, at most {TENURE_CAP_DAYS:.0f}",
            True,
            lambda moment: moment.days_since("first_seen", TENURE_CAP_DAYS),
        ),
    )


def _money(layout: Layout) -> tuple[Feature, ...]:
    currency, order, price = layout.currency, log1p(layout.typical_order), log1p(layout.typical_price)
    return (
        Feature("spend", currency, "purchases minus refunds, decayed, at least 0", True, _total("spend")),
        Feature(
            "lifetime_spend",
            currency,
            "purchases minus refunds, never decayed, at least 0",
            True,
            lambda moment: np.maximum(moment.field("spend_minor"), 0.0) / 10.0**layout.minor_units,
        ),
        Feature("transactions", "purchases", "never decayed", True, lambda moment: moment.field("transactions")),
        Feature(
            "order_value", currency, "geometric mean of order values", True, _level("order_log", "purchases", order)
        ),
        Feature("order_value_spread", "log", "standard deviation of ln(1 + order value)", False, _order_value_spread),
        Feature(
            "price_viewed",
            currency,
            "geometric mean price of items viewed or put in the cart",
            True,
            _level("price_browsed", "lines_browsed", price),
        ),
        Feature(
            "price_bought",
            currency,
            "geometric mean price of item lines bought",
            True,
            _level("price_bought", "lines_bought", price),
        ),
    )


def _ratios() -> tuple[Feature, ...]:
    return (
        Feature("items_per_order", "items", "items bought per purchase", True, _items_per_order),
        Feature("view_to_cart", "share", "items put in the cart per view", False, _share("carts", ("views",), 0.1)),
        Feature(
            "cart_to_purchase",
            "share",
            "purchases per item put in the cart",
            False,
            _share("purchases", ("carts",), 0.3),
        ),
        Feature(
            "discount_share", "share", "mean discount on item lines", False, _share("discount", ("lines_bought",), 0.05)
        ),
        Feature("coupon_share", "share", "purchases with a coupon", False, _share("coupons", ("purchases",), 0.05)),
    )


def _mix(
    prefix: str,
    parts: Sequence[str],
    priors: Sequence[float],
    whole: str | Sequence[str],
    meaning: str,
    *,
    block: str = "",
) -> tuple[Feature, ...]:
    wholes = (whole,) if isinstance(whole, str) else whole
    stem = f"{prefix}_" if prefix else ""
    return tuple(
        Feature(
            f"{stem}{part}_share",
            "share",
            f"{meaning.format(part)}, among all",
            False,
            _share(part, wholes, prior),
            block=block,
        )
        for part, prior in zip(parts, priors, strict=True)
    )


def _categories(layout: Layout) -> tuple[Feature, ...]:
    names = (*layout.categories, OTHER_CATEGORY)
    sums = [category_sum(name) for name in names]
    meaning = "item lines viewed, put in the cart or bought of {}, among all with a category"
    return tuple(
        Feature(total, "share", meaning.format(name), False, _share(total, sums, 1 / len(names)))
        for name, total in zip(names, sums, strict=True)
    )


def _brands(layout: Layout) -> tuple[Feature, ...]:
    """How much a customer keeps to one brand, from counts of brands in a few groups by hash.

    The favourite's share f fills its group with f + (1 - f) / groups on average, because others fall there too: f is
    what follows. As long as there are few lines they are taken to be spread evenly, and f is near 0.
    """
    groups = layout.brand_groups
    if groups < 2:  # noqa: PLR2004 - in one group there is nothing to tell apart
        return ()

    def favourite(moment: Moment) -> Floats:
        sums = np.stack([moment.total(brand_sum(group)) for group in range(groups)])
        share = (sums.max(axis=0) + SHARE_PRIOR_EVENTS / groups) / (sums.sum(axis=0) + SHARE_PRIOR_EVENTS)
        kept: Floats = np.maximum((share - 1 / groups) / (1 - 1 / groups), 0.0)
        return kept

    meaning = "item lines viewed, put in the cart or bought of the favourite brand, among all with a brand; estimated"
    return (Feature("favourite_brand_share", "share", meaning, False, favourite),)


def _recent() -> tuple[Feature, ...]:
    return tuple(
        Feature(f"recent_{name}", "events", f"{name} with the recent half-life", True, _total(f"recent_{name}"))
        for name in RECENT
    )


def _profile(index: int, attribute: Attribute) -> tuple[Feature, ...]:
    def number(moment: Moment) -> Floats:
        return np.nan_to_num(moment.field("attributes")[:, index], nan=attribute.typical)

    def equals(code: int) -> Formula:
        return lambda moment: (moment.field("attributes")[:, index] == code).astype(np.float64)

    stem = f"profile_{slug(attribute.name)}"
    if not attribute.values:
        meaning = f"{attribute.name}; {attribute.typical:g} where it is not known"
        return (Feature(stem, "as sent", meaning, attribute.skewed, number, attribute.name),)
    return tuple(
        Feature(
            f"{stem}_{slug(value)}",
            "0 or 1",
            f"{attribute.name} is {value}",
            False,
            equals(code),
            attribute.name,
            stem,
            value,
        )
        for code, value in enumerate(attribute.values)
    )


def _total(name: str) -> Formula:
    return lambda moment: moment.total(name)


def _share(part: str, whole: Sequence[str], prior: float) -> Formula:
    """Part of a whole in [0, 1], drawn towards the prior as long as there is little of it."""

    def formula(moment: Moment) -> Floats:
        total = sum((moment.total(name) for name in whole), np.full(len(moment.slots), SHARE_PRIOR_EVENTS))
        return np.minimum((moment.total(part) + SHARE_PRIOR_EVENTS * prior) / total, 1.0)

    return formula


def _mean_log(moment: Moment, log_sum: str, count: str, prior: float) -> Floats:
    return (moment.total(log_sum) + LEVEL_PRIOR_EVENTS * prior) / (moment.total(count) + LEVEL_PRIOR_EVENTS)


def _level(log_sum: str, count: str, prior: float) -> Formula:
    """Geometric mean of 1 + amount, minus 1, drawn towards the prior (given as ln(1 + amount))."""
    return lambda moment: np.expm1(_mean_log(moment, log_sum, count, prior))


def _order_value_spread(moment: Moment) -> Floats:
    """The prior is that all orders are alike, at their own mean."""
    count = moment.total("purchases")
    own = np.maximum(count, np.finfo(np.float32).tiny)
    mean = moment.total("order_log") / own
    variance = np.maximum(moment.total("order_log_squared") / own - mean**2, 0.0)
    return np.sqrt(variance * count / (count + LEVEL_PRIOR_EVENTS))


def _items_per_order(moment: Moment) -> Floats:
    return (moment.total("items") + LEVEL_PRIOR_EVENTS) / (moment.total("purchases") + LEVEL_PRIOR_EVENTS)
