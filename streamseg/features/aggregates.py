"""The table of decayed sums in a row: name, half-life, and what each event adds.

Each is a forward-decayed sum: the sum of weight * 2^-((anchor - occurred_at) / half-life). Events may be added in any
order. Source: Cormode, Shkapenyuk, Srivastava, Xu, "Forward Decay", ICDE 2009 (DESIGN.md, State that commutes).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from streamseg.features.words.counted import Counted


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One decayed sum. `adds` says which events add what; a `recent` sum has the shorter half-life.

    Both `name` and `adds` are part of the layout's fingerprint: rewording `adds` makes stored rows unreadable.
    """

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
"""The count that a click adds to, by its GA4 name. Other names only add to `clicks`."""

BROWSED: Final = ("views", "carts")
"""Counts whose clicks also add the prices, categories and brands of their items."""

DEVICES: Final = ("mobile", "desktop", "tablet")
"""GA4 device categories with a sum of their own. Other devices only add to `devices`."""

DAY_PARTS: Final = ("night", "morning", "afternoon", "evening")
"""Six hours each, from midnight in the configured time zone."""

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
)
_BY_CLICK: Final = (
    *(Aggregate(name, f"each click or purchase of the {name} (six hours): 1") for name in DAY_PARTS),
    Aggregate("weekend", "each click or purchase on a Saturday or Sunday: 1"),
)
"""Sums of rows before format 3; since then rows hold visits (`visits`)."""

RECENT: Final = ("clicks", "sessions", "views", "carts", "purchases", "spend")
"""Sums that are also kept with the recent half-life, as `recent_<name>`."""


def category_sum(category: str) -> str:
    """Return the name of a category's sum, which is also the name of its feature."""
    return f"category_{category}"


def brand_sum(group: int) -> str:
    """Return the name of the sum of a hash group of brands."""
    return f"brand_group_{group}"


def category_group_sum(group: int) -> str:
    """Return the name of the sum of a hash group of categories."""
    return f"category_group_{group}"


def aggregates(
    categories: Sequence[str],
    brand_groups: int = 0,
    counted: Sequence[Counted] = (),
    category_groups: int = 0,
    *,
    by_click: bool = False,
) -> tuple[Aggregate, ...]:
    """Return all sums of a row in stored order: habit half-life first, then recent.

    Args:
        categories: slugs of the configured categories, without `other`.
        brand_groups: number of hash groups for brands; 0 keeps no brand sums.
        counted: what else clicks tell in words.
        category_groups: number of hash groups for categories that are not listed; 0 keeps none.
        by_click: whether the sums count clicks by day part and weekend, as rows before format 3 do.
    """
    lines = "each item line viewed, put in the cart or bought"
    return (
        *_HABIT,
        *(_BY_CLICK if by_click else ()),
        *(Aggregate(category_sum(name), f"{lines} of {name}: 1") for name in categories),
        Aggregate(category_sum(OTHER_CATEGORY), f"{lines} of a category that is not listed: 1"),
        *(Aggregate(brand_sum(n), f"{lines} of a brand whose hash falls on {n}: 1") for n in range(brand_groups)),
        *(
            Aggregate(category_group_sum(n), f"{lines} of a category whose hash falls on {n}: 1")
            for n in range(category_groups)
        ),
        *(Aggregate(name, adds) for one in counted for name, adds in one.sums),
        *(Aggregate(f"recent_{name}", f"as {name}", recent=True) for name in RECENT),
    )
