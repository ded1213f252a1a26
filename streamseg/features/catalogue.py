"""The table of all features: name, unit, meaning, and the formula that computes each from a row."""

from collections.abc import Sequence
from functools import cache
from math import log1p
from typing import Final

import numpy as np

from streamseg.features.aggregates import (
    DAY_PARTS,
    DEVICES,
    OTHER_CATEGORY,
    RECENT,
    brand_sum,
    category_group_sum,
    category_sum,
)
from streamseg.features.feature import AS_SENT, YES_OR_NO, Feature
from streamseg.features.formulas import (
    cart_to_purchase,
    days_since,
    expected_spend,
    favourite_share,
    items_per_order,
    level,
    order_value_spread,
    share,
    total,
    visit_days,
    visit_share,
)
from streamseg.features.layout import Layout
from streamseg.features.words.counted import Counted
from streamseg.features.words.profile_features import of_profile

__all__ = ["AS_SENT", "RECENCY_CAP_DAYS", "TENURE_CAP_DAYS", "YES_OR_NO", "Feature", "catalogue"]

RECENCY_CAP_DAYS: Final = 365.0
"""Largest recency; also the recency of what never happened."""
TENURE_CAP_DAYS: Final = 3650.0
_SEARCHED: Final = 0.05
"""Prior of the share of searches with a word of a group."""


@cache
def catalogue(layout: Layout) -> dict[str, Feature]:
    """Return all features of a layout by name, in a fixed order."""
    features = (
        *_recency(),
        *(Feature(name, "events", f"{what}, decayed", True, total(name)) for name, what in _COUNTS),
        *_money(layout),
        *_ratios(),
        *_mix("device", DEVICES, (0.5, 0.42, 0.08), "devices", "clicks and purchases from a {}", block="device"),
        *_visits(),
        *_categories(layout),
        *_category_groups(layout),
        *_brands(layout),
        *(each for one in layout.counted for each in _counted(one)),
        *_recent(layout),
        *(each for index, attribute in enumerate(layout.attributes) for each in of_profile(index, attribute)),
    )
    return {feature.name: feature for feature in features}


_COUNTS: Final = (
    ("clicks", "all clicks"),
    ("sessions", "sessions started"),
    ("views", "items viewed"),
    ("lists", "item lists viewed and items selected in them"),
    ("searches", "searches"),
    ("carts", "items put in the cart"),
    ("removals", "items taken out of the cart"),
    ("wishes", "items put on the wish list"),
    ("checkouts", "checkouts started"),
    ("purchases", "purchases"),
    ("refunds", "refunds"),
    ("items", "items bought, at most a dozen of a line"),
)


def _recency() -> tuple[Feature, ...]:
    cap = f"at most {RECENCY_CAP_DAYS:.0f}, or {RECENCY_CAP_DAYS:.0f} if none"
    return (
        Feature(
            "purchase_recency",
            "days",
            f"since the latest purchase, {cap}",
            True,
            days_since("last_purchase", RECENCY_CAP_DAYS),
        ),
        Feature(
            "click_recency", "days", f"since the latest click, {cap}", True, days_since("last_click", RECENCY_CAP_DAYS)
        ),
        Feature(
            "tenure",
            "days",
            f"since the earliest event, at most {TENURE_CAP_DAYS:.0f}",
            True,
            days_since("first_seen", TENURE_CAP_DAYS),
        ),
    )


def _money(layout: Layout) -> tuple[Feature, ...]:
    currency, order, price = layout.currency, log1p(layout.typical_order), log1p(layout.typical_price)
    return (
        Feature("spend", currency, "purchases minus refunds, decayed, at least 0", True, total("spend")),
        Feature(
            "lifetime_spend",
            currency,
            "purchases minus refunds, never decayed, at least 0",
            True,
            lambda moment: np.maximum(moment.field("spend_minor"), 0.0) / 10.0**layout.minor_units,
        ),
        Feature(
            "expected_spend",
            currency,
            "to be expected in the next 90 days: repeat purchases so far, times the mean order; 0 after one purchase,"
            " or a silence of three mean gaps",
            True,
            expected_spend,
        ),
        Feature("transactions", "purchases", "never decayed", True, lambda moment: moment.field("transactions")),
        Feature(
            "order_value", currency, "geometric mean of order values", True, level("order_log", "purchases", order)
        ),
        Feature("order_value_spread", "log", "standard deviation of ln(1 + order value)", False, order_value_spread),
        Feature(
            "price_viewed",
            currency,
            "geometric mean price of items viewed or put in the cart",
            True,
            level("price_browsed", "lines_browsed", price),
        ),
        Feature(
            "price_bought",
            currency,
            "geometric mean price of item lines bought",
            True,
            level("price_bought", "lines_bought", price),
        ),
    )


def _ratios() -> tuple[Feature, ...]:
    return (
        Feature(
            "items_per_order", "items", "items bought per purchase, at most a dozen of a line", True, items_per_order
        ),
        Feature("view_to_cart", "share", "items put in the cart per view", False, share("carts", ("views",), 0.1)),
        Feature(
            "cart_to_purchase",
            "share",
            "item lines bought per item put in the cart",
            False,
            cart_to_purchase(0.3),
        ),
        Feature(
            "discount_share", "share", "mean discount on item lines", False, share("discount", ("lines_bought",), 0.05)
        ),
        Feature("coupon_share", "share", "purchases with a coupon", False, share("coupons", ("purchases",), 0.05)),
    )


def _visits() -> tuple[Feature, ...]:
    days = "of the 64 days up to the latest; a visit counts once, however many clicks it has"
    parts = zip(DAY_PARTS, (0.1, 0.25, 0.35, 0.3), strict=True)
    return (
        *(
            Feature(
                f"{name}_share",
                "share",
                f"visits in the {name} (six hours), among all {days}",
                False,
                visit_share(part, prior),
            )
            for part, (name, prior) in enumerate(parts)
        ),
        Feature(
            "weekend_share",
            "share",
            f"visits on Saturdays and Sundays, among all {days}",
            False,
            visit_share(None, 2 / 7),
        ),
        Feature(
            "visit_days", "visits", "days with a click or purchase, of the 64 days up to the latest", True, visit_days
        ),
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
            share(part, wholes, prior),
            block=block,
        )
        for part, prior in zip(parts, priors, strict=True)
    )


def _categories(layout: Layout) -> tuple[Feature, ...]:
    names = (*layout.categories, OTHER_CATEGORY)
    sums = [category_sum(name) for name in names]
    meaning = "item lines viewed, put in the cart or bought of {}, among all with a category"
    return tuple(
        Feature(own, "share", meaning.format(name), False, share(own, sums, 1 / len(names)))
        for name, own in zip(names, sums, strict=True)
    )


def _category_groups(layout: Layout) -> tuple[Feature, ...]:
    """Return the shares of hash groups of categories, and how much of one category all is."""
    groups = [category_group_sum(group) for group in range(layout.category_groups)]
    meaning = "item lines viewed, put in the cart or bought of categories in hash group {} of {}, among all with one"
    hashed = (
        Feature(
            name,
            "share",
            meaning.format(group + 1, len(groups)),
            False,
            share(name, groups, 1 / len(groups)),
            block="category_group",
            hashed=True,
        )
        for group, name in enumerate(groups)
    )
    parts = groups or [category_sum(name) for name in (*layout.categories, OTHER_CATEGORY)]
    if len(parts) < 2:  # noqa: PLR2004 - one part cannot tell categories apart
        return tuple(hashed)
    meaning_of_one = "item lines viewed, put in the cart or bought of the favourite category, among all with one"
    return (*hashed, Feature("favourite_category_share", "share", meaning_of_one, False, favourite_share(parts)))


def _brands(layout: Layout) -> tuple[Feature, ...]:
    groups = [brand_sum(group) for group in range(layout.brand_groups)]
    if len(groups) < 2:  # noqa: PLR2004 - one group cannot tell brands apart
        return ()
    meaning = "item lines viewed, put in the cart or bought of the favourite brand, among all with a brand; estimated"
    return (Feature("favourite_brand_share", "share", meaning, False, favourite_share(groups)),)


def _counted(counted: Counted) -> tuple[Feature, ...]:
    """Return the shares of what clicks tell in words. The parts of a search are no parts of a whole."""
    whole = counted.kind != "search"
    prior = 1 / len(counted.parts) if whole else _SEARCHED
    return tuple(
        Feature(
            f"{name}_share",
            "share",
            f"{adds.removesuffix(': 1').replace('each ', '', 1)}, among all that tell it",
            False,
            share(name, (counted.told,), prior),
            block=counted.kind if whole else "",
        )
        for name, adds in counted.sums[:-1]
    )


def _recent(layout: Layout) -> tuple[Feature, ...]:
    units = {"spend": layout.currency}
    return tuple(
        Feature(
            f"recent_{name}",
            units.get(name, "events"),
            f"{name} with the recent half-life",
            True,
            total(f"recent_{name}"),
        )
        for name in RECENT
    )
