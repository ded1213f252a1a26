"""The words that can be said of a segment, each with the figures that must bear it out.

A word is a key: language is made where people read it (`streamseg.language`). A label is made of words whose feature
sets the segment apart. Whatever sets it apart, a word is only said where its bounds hold: "cart abandoners" have carts
and buy little of what they add.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from streamseg.clustering.description.bounds import MOST, Bound, Word, less, more, part
from streamseg.features.aggregates import DAY_PARTS, DEVICES, OTHER_CATEGORY
from streamseg.features.catalogue import Feature
from streamseg.features.words.attributes import slug
from streamseg.features.words.channels import CHANNELS
from streamseg.features.words.group_names import shown_names

GROUPED: Final = 0.5
"""Weight of words about groups of values: which country it is says more than which climate zone."""

_BOUGHT: Final = Bound("transactions", least=MOST, of="some")
_REPEATED: Final = Bound("transactions", least=3.0)
_MORE, _LESS = 1, -1

_WORDS: Final = (
    Word("non_buyers", "transactions", _LESS, (Bound("transactions", most=0.1, of="some"),), "buying"),
    Word(
        "one_time_buyers",
        "transactions",
        _LESS,
        (Bound("transactions", least=0.8, of="some"), Bound("transactions", most=1.25, of="mean")),
        "buying",
    ),
    Word(
        "frequent_buyers",
        "orders_a_month",
        _MORE,
        (*more("orders_a_month", 1.2, 1.0), _REPEATED, Bound("purchase_recency", most=45.0)),
        "buying",
    ),
    Word(
        "rare_buyers",
        "orders_a_month",
        _LESS,
        (_BOUGHT, Bound("orders_a_month", most=0.34), Bound("tenure", least=90.0)),
        "buying",
    ),
    Word(
        "regular_buyers",
        "orders_a_month",
        0,
        (Bound("orders_a_month", least=1.0), Bound("transactions", least=6.0), Bound("purchase_recency", most=45.0)),
        "buying",
    ),
    Word(
        "repeat_buyers",
        "transactions",
        0,
        (Bound("transactions", least=2.0), Bound("transactions", least=0.8, of="some")),
        "buying",
    ),
    Word(
        "big_spenders",
        "lifetime_spend",
        _MORE,
        (
            _BOUGHT,
            *more("lifetime_spend", 1.5),
            Bound("lifetime_spend", least=1.25, of="mean", times_others="mean"),
        ),
        "spend",
    ),
    Word("small_spenders", "lifetime_spend", _LESS, (_BOUGHT, *less("lifetime_spend", 0.6)), "spend"),
    Word("big_basket_buyers", "spend_per_order", _MORE, (_BOUGHT, *more("spend_per_order", 1.25)), "basket"),
    Word("small_basket_buyers", "spend_per_order", _LESS, (_BOUGHT, *less("spend_per_order", 0.8)), "basket"),
    Word("premium_buyers", "price_bought", _MORE, (_BOUGHT, *more("price_bought", 1.25)), "price"),
    Word("budget_buyers", "price_bought", _LESS, (_BOUGHT, *less("price_bought", 0.8)), "price"),
    Word("stock_up_buyers", "items_per_order", _MORE, (_BOUGHT, *more("items_per_order", 1.3, 2.5)), "basket"),
    Word(
        "single_item_buyers",
        "items_per_order",
        _LESS,
        (_BOUGHT, Bound("items_per_order", most=1.2), Bound("items_per_order", most=0.8, times_others="median")),
        "basket",
    ),
    # A fifth off the price on average: a shop-wide promotion of a few per cent makes no hunter.
    Word("bargain_hunters", "discount_share", _MORE, (_BOUGHT, *more("discount_share", 1.3, 0.2)), "discount"),
    Word(
        "full_price_buyers",
        "discount_share",
        _LESS,
        (_BOUGHT, Bound("discount_share", most=0.03), Bound("discount_share", most=0.4, times_others="mean")),
        "discount",
    ),
    Word("coupon_users", "coupon_share", _MORE, (_BOUGHT, *more("coupon_share", 1.5, 0.3)), "discount"),
    Word("returners", "refunds", _MORE, (_BOUGHT, *more("refunds", 1.5, 0.2)), "refunds"),
    Word("frequent_visitors", "sessions", _MORE, more("sessions", 1.2, 6.0), "visits"),
    Word("rare_visitors", "sessions", _LESS, (Bound("sessions", most=3.0), *less("sessions", 0.7)), "visits"),
    Word("browsers", "views", _MORE, more("views", 1.2, 15.0), "visits"),
    Word("searchers", "searches", _MORE, more("searches", 1.2, 2.0), "search"),
    Word("wish_listers", "wishes", _MORE, more("wishes", 1.2, 0.5), "wishes"),
    Word(
        "window_shoppers",
        "view_to_cart",
        _LESS,
        (
            Bound("view_to_cart", most=0.1),
            Bound("views", least=5.0),
            Bound("transactions", most=0.3, of="some"),
        ),
        "cart",
    ),
    Word(
        "cart_abandoners",
        "cart_to_purchase",
        _LESS,
        (Bound("cart_to_purchase", most=0.4), Bound("carts", least=1.0)),
        "cart",
    ),
    Word(
        "decided_buyers",
        "cart_to_purchase",
        _MORE,
        (_BOUGHT, Bound("cart_to_purchase", least=0.7), Bound("carts", least=0.3)),
        "cart",
    ),
    Word("lapsed_visitors", "click_recency", _MORE, more("click_recency", 1.2, 45.0), "silence"),
    Word("lapsed_buyers", "purchase_recency", _MORE, (_BOUGHT, *more("purchase_recency", 1.2, 90.0)), "silence"),
    Word(
        "quiet_buyers",
        "purchase_recency",
        _MORE,
        (_BOUGHT, *more("purchase_recency", 1.3, 30.0), Bound("purchase_recency", most=90.0)),
        "silence",
    ),
    Word(
        "recent_buyers",
        "purchase_recency",
        _LESS,
        (_BOUGHT, Bound("purchase_recency", most=30.0), Bound("purchase_recency", most=0.67, times_others="median")),
        "silence",
    ),
    Word("newcomers", "tenure", _LESS, (Bound("tenure", most=45.0), *less("tenure", 0.67)), "tenure"),
    # Who came once long ago has not been here for long.
    Word("old_acquaintances", "tenure", _MORE, (*more("tenure", 1.2, 180.0), Bound("visit_days", least=3.0)), "tenure"),
    Word(
        "brand_loyalists",
        "favourite_brand_share",
        _MORE,
        (*more("favourite_brand_share", 1.15, MOST), _REPEATED),
        "brand",
    ),
    Word("weekend_shoppers", "weekend_share", _MORE, more("weekend_share", 1.3, MOST), "week"),
    Word(
        "weekday_shoppers",
        "weekend_share",
        _LESS,
        (Bound("weekend_share", most=0.15), Bound("weekend_share", most=0.6, times_others="mean")),
        "week",
    ),
    Word("older", "profile_age", _MORE, (Bound("profile_age", least=1.1, times_others="median"),), "age", noun=False),
    Word("younger", "profile_age", _LESS, (Bound("profile_age", most=0.9, times_others="median"),), "age", noun=False),
    Word(
        "with_children",
        "profile_children",
        _MORE,
        (Bound("profile_children", least=0.7, of="some"), *part("profile_children", 1.0)),
        "profile_children",
        noun=False,
    ),
    Word(
        "without_children",
        "profile_children",
        _LESS,
        (Bound("profile_children", most=0.1, of="some"), Bound("profile_children", most=0.1, of="mean")),
        "profile_children",
        noun=False,
    ),
    *(
        Word(f"{name}_shoppers", f"{name}_share", _MORE, part(f"{name}_share", MOST), "hour", noun=False)
        for name in DAY_PARTS
    ),
    *(
        Word(f"via_{one}", f"channel_{one}_share", _MORE, part(f"channel_{one}_share", MOST), "channel", noun=False)
        for one in CHANNELS
    ),
    Word("in_app", "platform_app_share", _MORE, part("platform_app_share", 0.6), "platform", noun=False),
    *(
        Word(
            f"{one}_seekers",
            f"search_{one}_share",
            _MORE,
            (*part(f"search_{one}_share", 0.3), Bound("searches", least=0.3, of="mean")),
            "search",
        )
        for one in ("gift", "urgent", "problem", "price")
    ),
    *(
        Word(f"by_{one}", f"device_{one}_share", _MORE, part(f"device_{one}_share", 0.6), "device", noun=False)
        for one in DEVICES
    ),
)

EXCLUDED: Final = frozenset(
    frozenset(pair)
    for pair in (
        ("lapsed_visitors", "frequent_visitors"),
        ("lapsed_visitors", "frequent_buyers"),
        ("lapsed_visitors", "regular_buyers"),
        ("lapsed_visitors", "recent_buyers"),
        ("lapsed_visitors", "newcomers"),
        ("lapsed_buyers", "frequent_buyers"),
        ("lapsed_buyers", "newcomers"),
        ("lapsed_buyers", "old_acquaintances"),
        ("lapsed_visitors", "old_acquaintances"),
        ("one_time_buyers", "old_acquaintances"),
    )
)
"""Pairs of words that are not said of one segment, though each may be true of half of it."""


def vocabulary(known: Mapping[str, Feature]) -> Sequence[Word]:
    """Return all words about the features of a catalogue, those about the shop's own names included."""
    grouped = grouped_numbers(known)
    named = (feature for feature in known.values() if feature.name not in grouped)
    return (
        *(word for word in _WORDS if word.feature in known),
        *(word for feature in named for word in _of_names(feature)),
    )


def grouped_numbers(known: Mapping[str, Feature]) -> set[str]:
    """Return the numbers that are told by their bands instead: a generation says more than a year of birth."""
    banded = {feature.attribute for feature in known.values() if feature.value}
    return {feature.name for feature in known.values() if feature.attribute in banded and not feature.value}


def is_grouped(feature: Feature) -> bool:
    """Return whether it stands for a group of values of its attribute: a climate zone, not a country."""
    return bool(feature.value) and feature.block != f"profile_{slug(feature.attribute)}"


def _of_names(feature: Feature) -> tuple[Word, ...]:
    name = feature.name
    if name.startswith("category_") and name != f"category_{OTHER_CATEGORY}":
        text = shown_names(name.removeprefix("category_"))
        return (Word("category", name, _MORE, part(name, 0.3), "category", text=text),)
    if feature.value:
        said = Word("mostly", name, _MORE, part(name, MOST), feature.attribute, False, feature.value, feature.subject)
        return (replace(said, weight=GROUPED) if is_grouped(feature) else said,)
    if feature.attribute and name not in _TOLD_IN_WORDS:
        family = "profile_children" if name == "profile_household_size" else name  # both say who is at home
        return (
            Word("high", name, _MORE, more(name, 1.2), family, noun=False, text=feature.attribute),
            Word("low", name, _LESS, less(name, 0.8), family, noun=False, text=feature.attribute),
        )
    return ()


_TOLD_IN_WORDS: Final = frozenset(word.feature for word in _WORDS if word.feature.startswith("profile_"))
"""Numbers of profiles that have words of their own."""
