"""The decayed sums of a row, in one table: name, half-life, and what an event adds to them.

Each is a forward-decayed sum (Cormode, Shkapenyuk, Srivastava, Xu, "Forward Decay", ICDE 2009):
sum of weight * 2^-((anchor - occurred_at) / half-life). They add up in any order.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One decayed sum. `adds` says which events add what; `recent` picks the faster half-life."""

    name: str
    adds: str
    recent: bool = False


CLICK_COUNTS: Final = {
    "session_start": "sessions",
    "view_item": "views",
    "view_item_list": "lists",
    "select_item": "lists",
    "search": "searches",
    "view_search_results": "searches",
    "add_to_cart": "carts",
    "remove_from_cart": "removals",
    "add_to_wishlist": "wishes",
    "begin_checkout": "checkouts",
}
"""Which count a click of a GA4 name adds to; a click of any other name counts as a click only."""

BROWSED: Final = ("views", "carts")
"""The counts whose clicks also add the prices and categories of their items."""

DEVICES: Final = ("mobile", "desktop", "tablet")
"""GA4's device categories with a sum of their own; others count in `devices` only."""

DAY_PARTS: Final = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight of the configured time zone."""

OTHER_CATEGORY: Final = "other"

_HABIT: Final = (
    Aggregate("clicks", "each click: 1"),
    Aggregate("sessions", "click session_start: 1"),
    Aggregate("views", "click view_item: 1"),
    Aggregate("lists", "click view_item_list or select_item: 1"),
    Aggregate("searches", "click search or view_search_results: 1"),
    Aggregate("carts", "click add_to_cart: 1"),
    Aggregate("removals", "click remove_from_cart: 1"),
    Aggregate("wishes", "click add_to_wishlist: 1"),
    Aggregate("checkouts", "click begin_checkout: 1"),
    Aggregate("lines_browsed", "each priced item viewed or put in the cart: 1"),
    Aggregate("price_browsed", "the same: ln(1 + price)"),
    *(Aggregate(name, f"each click or purchase from a {name}: 1") for name in DEVICES),
    Aggregate("devices", "each click or purchase whose device is told: 1"),
    Aggregate("purchases", "each purchase: 1"),
    Aggregate("refunds", "each refund: 1"),
    Aggregate("spend", "each purchase: its value; each refund: minus its value"),
    Aggregate("order_log", "each purchase: ln(1 + value)"),
    Aggregate("order_log_squared", "each purchase: ln(1 + value) squared"),
    Aggregate("items", "each purchase: its items' quantities"),
    Aggregate("coupons", "each purchase with a coupon, on the order or an item: 1"),
    Aggregate("lines_bought", "each priced item line bought: 1"),
    Aggregate("price_bought", "the same: ln(1 + price)"),
    Aggregate("discount", "the same: unit discount / (price + unit discount)"),
    *(Aggregate(name, f"each click or purchase of the {name} (six hours): 1") for name in DAY_PARTS),
    Aggregate("weekend", "each click or purchase on a Saturday or Sunday: 1"),
)

RECENT: Final = ("clicks", "sessions", "views", "carts", "purchases", "spend")
"""Sums that are kept a second time with the recent half-life, as `recent_<name>`."""


def category_sum(category: str) -> str:
    """Name of the sum, and the stem of the feature, of a category."""
    return f"category_{category}"


def brand_sum(group: int) -> str:
    """Name of the sum of a group of brands."""
    return f"brand_group_{group}"


def aggregates(categories: Sequence[str], brand_groups: int = 0) -> tuple[Aggregate, ...]:
    """All sums of a row in the order in which they are stored: habit first, then recent.

    Args:
        categories: slugs of the configured categories, without `other`.
        brand_groups: in how many groups brands fall by their hash; 0 keeps nothing of brands.
    """
    lines = "each item line viewed, put in the cart or bought"
    return (
        *_HABIT,
        *(Aggregate(category_sum(name), f"{lines} of {name}: 1") for name in categories),
        Aggregate(category_sum(OTHER_CATEGORY), f"{lines} of a category that is not listed: 1"),
        *(Aggregate(brand_sum(n), f"{lines} of a brand whose hash falls on {n}: 1") for n in range(brand_groups)),
        *(Aggregate(f"recent_{name}", f"as {name}", recent=True) for name in RECENT),
    )
