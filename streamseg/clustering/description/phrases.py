"""Puts the value of one customer's feature in words with its unit: "spends 1,203 EUR"."""

import re
from typing import Final

from streamseg.features.aggregates import DAY_PARTS, OTHER_CATEGORY
from streamseg.features.catalogue import Feature
from streamseg.features.words.group_names import shown_names

_PHRASES: Final = {
    "purchase_recency": "last bought {} ago",
    "click_recency": "last clicked {} ago",
    "tenure": "known for {}",
    "clicks": "{} clicks",
    "sessions": "{} sessions",
    "views": "{} item views",
    "lists": "{} item lists viewed",
    "searches": "{} searches",
    "carts": "{} items put in the cart",
    "removals": "{} items taken out of the cart",
    "wishes": "{} items put on the wish list",
    "checkouts": "{} checkouts started",
    "purchases": "{} purchases",
    "refunds": "{} refunds",
    "items": "{} items bought",
    "spend": "spends {}",
    "lifetime_spend": "has spent {} in all",
    "transactions": "{} in all",
    "order_value": "orders for {}",
    "order_value_spread": "order values spread by {}",
    "price_viewed": "looks at items of {}",
    "price_bought": "buys items of {}",
    "items_per_order": "{} per order",
    "view_to_cart": "puts {} of what is viewed in the cart",
    "cart_to_purchase": "buys {} of what is put in the cart",
    "discount_share": "a discount of {} on average",
    "coupon_share": "a coupon in {} of the orders",
    "favourite_category_share": "{} of the items are of one category",
    "favourite_brand_share": "{} of the items are of one brand",
    "weekend_share": "{} of the visits at weekends",
}
_TOLD: Final = {
    "channel": "{} of the visits by WORD",
    "browser": "{} of the clicks in WORD",
    "platform": "{} of the clicks in the WORD",
    "search": "{} of the searches for WORD",
}
"""By kind of what clicks tell in words."""
_YES: Final = 0.5
"""From this value on, a feature of 0 or 1 counts as yes: centres lie between."""
_CURRENCY: Final = re.compile(r"[A-Z]{3}")
_WITH_UNIT: Final = {"days": "days", "items": "items", "purchases": "purchases"}
_SMALL: Final = 10.0
"""Numbers below get one decimal place, amounts two."""


def phrase(feature: Feature, value: float) -> str:
    """Return an observed value in words, such as "spends 1,203 EUR" or "last bought 12 days ago"."""
    if feature.value:
        return f"{feature.subject} is {'' if value >= _YES else 'not '}{feature.value}"
    return _template(feature).format(with_unit(feature, value))


def usual(feature: Feature, low: float, high: float) -> str:
    """Return a range of values without words: "40-90", or "40" where both ends read the same."""
    if feature.value:
        ends = ["yes" if end >= _YES else "no" for end in (low, high)]
        return " or ".join(dict.fromkeys(ends))
    coarse = max(abs(low), abs(high)) >= _SMALL and feature.unit != "share"
    ends = [f"{end:,.0f}" if coarse else number(feature, end) for end in (low, high)]
    shown = "-".join(dict.fromkeys(ends))
    return f"{shown} %" if feature.unit == "share" else shown


def with_unit(feature: Feature, value: float) -> str:
    """Return the value with its unit: "1,203 EUR", "12 days", "31 %"."""
    shown = number(feature, value)
    if feature.unit == "share":
        return f"{shown} %"
    unit = feature.unit if _CURRENCY.fullmatch(feature.unit) else _WITH_UNIT.get(feature.unit, "")
    return f"{shown} {unit}".rstrip()


def number(feature: Feature, value: float) -> str:
    """Return the value without its unit, with as many decimals as a reader needs; a share in percent."""
    if feature.unit == "share":
        return f"{100 * value:.0f}"
    if _CURRENCY.fullmatch(feature.unit):
        return f"{value:,.2f}" if 0 < abs(value) < _SMALL else f"{value:,.0f}"
    return f"{value:,.1f}".removesuffix(".0") if abs(value) < _SMALL else f"{value:,.0f}"


def _template(feature: Feature) -> str:
    name = feature.name
    if name.startswith("recent_"):
        plain = _PHRASES.get(name.removeprefix("recent_"), "{} " + name.removeprefix("recent_"))
        return f"lately {plain}"
    stem = name.removesuffix("_share").replace("_", " ").replace("{", "").replace("}", "")
    if stem in DAY_PARTS:
        return f"{{}} of the visits {'at' if stem == 'night' else 'in the'} {stem}"
    if stem.startswith("device "):
        return f"{{}} of the visits by {stem.removeprefix('device ')}"
    for kind, text in _TOLD.items():
        if stem.startswith(f"{kind} "):
            return text.replace("WORD", stem.removeprefix(f"{kind} "))
    if stem.startswith("category "):
        thing = shown_names(name.removeprefix("category_"))
        return f"{{}} of the items in {'other categories' if thing == OTHER_CATEGORY else thing}"
    return _PHRASES.get(name) or f"{stem.removeprefix('profile ')} {{}}"
