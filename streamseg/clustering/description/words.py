"""The words that can be said of a segment, each with the figures that must bear it out.

A word is a key: language is made where people read it (`streamseg.language`). A label is made of words whose feature
sets the segment apart. Whatever sets it apart, a word is only said where its bounds hold: "cart abandoners" have carts
and buy little of what they add.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from streamseg.clustering.description.difference import Figures
from streamseg.features.aggregates import DAY_PARTS, DEVICES, OTHER_CATEGORY
from streamseg.features.catalogue import Feature
from streamseg.features.words.channels import CHANNELS

MOST: Final = 0.5
"""Share from which "most" and "mostly" are said."""
MARGIN: Final = 0.1
"""A new word must clear its bounds by this share; one that is said already may stay while they just hold."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A limit on a figure of the members.

    With `times_others` the limits are multiplied by that figure of the others.
    """

    feature: str
    least: float | None = None
    most: float | None = None
    of: Literal["median", "mean", "some", "known", "low", "high"] = "median"
    times_others: Literal["", "median", "mean"] = ""

    def holds(self, figures: Figures, margin: float) -> bool:
        """Return whether the figure lies within the limits by the margin; no figure, no truth."""
        one = figures.get(self.feature)
        if one is None or one.known < MOST:
            return False
        value = float(getattr(one, self.of))
        unit = {"": 1.0, "median": one.others_median, "mean": one.others_mean}[self.times_others]
        above = self.least is None or value >= self.least * unit * (1.0 + margin)
        return above and (self.most is None or value <= self.most * unit * (1.0 - margin))


@dataclass(frozen=True, slots=True)
class Word:
    """A word about members who have more (sign 1) or less (sign -1) of a feature than other customers."""

    key: str
    feature: str
    sign: int
    bounds: tuple[Bound, ...]
    family: str
    """Words of one family say the same thing: a label uses only one of them."""
    noun: bool = True
    """Whether it can name the customers by itself."""
    text: str = ""
    """A name of the shop's that the word is about, such as a category."""

    def holds(self, figures: Figures, margin: float = 0.0) -> bool:
        """Return whether all its bounds hold."""
        return all(bound.holds(figures, margin) for bound in self.bounds)

    def as_json(self) -> dict[str, str]:
        """Return what is stored of it."""
        return {"key": self.key} | ({"text": self.text} if self.text else {})


_BOUGHT: Final = Bound("transactions", least=MOST, of="some")
_MORE, _LESS = 1, -1


def _more_than_others(feature: str, times: float) -> tuple[Bound, ...]:
    # The others' median alone would make big spenders of a middle group where most others spend little or nothing.
    return (
        _BOUGHT,
        Bound(feature, least=times, times_others="median"),
        Bound(feature, least=1.0, times_others="mean"),
        Bound(feature, least=1e-9),
    )


def _less_than_others(feature: str, times: float) -> tuple[Bound, ...]:
    return (_BOUGHT, Bound(feature, most=times, times_others="median"), Bound(feature, least=1e-9))


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
        "purchases",
        _MORE,
        (Bound("purchases", least=1.5), Bound("transactions", least=3.0), Bound("purchase_recency", most=45.0)),
        "buying",
    ),
    Word("rare_buyers", "purchases", _LESS, (_BOUGHT, Bound("purchases", most=0.5)), "buying"),
    Word(
        "big_spenders",
        "spend",
        _MORE,
        # The rate of late alone would make big spenders of those who bring no more money than others.
        (*_more_than_others("spend", 1.5), Bound("lifetime_spend", least=1.25, of="mean", times_others="mean")),
        "spend",
    ),
    Word("small_spenders", "spend", _LESS, _less_than_others("spend", 0.6), "spend"),
    Word("big_basket_buyers", "order_value", _MORE, _more_than_others("order_value", 1.25), "basket"),
    Word("small_basket_buyers", "order_value", _LESS, _less_than_others("order_value", 0.8), "basket"),
    Word("premium_buyers", "price_bought", _MORE, _more_than_others("price_bought", 1.25), "price"),
    Word("budget_buyers", "price_bought", _LESS, _less_than_others("price_bought", 0.8), "price"),
    Word(
        "stock_up_buyers",
        "items_per_order",
        _MORE,
        (*_more_than_others("items_per_order", 1.3), Bound("items_per_order", least=2.5)),
        "order size",
    ),
    Word("single_item_buyers", "items_per_order", _LESS, (_BOUGHT, Bound("items_per_order", most=1.5)), "order size"),
    Word(
        "bargain_hunters",
        "discount_share",
        _MORE,
        (_BOUGHT, Bound("discount_share", least=0.05), Bound("discount_share", least=1.2, times_others="median")),
        "discount",
    ),
    Word("full_price_buyers", "discount_share", _LESS, (_BOUGHT, Bound("discount_share", most=0.03)), "discount"),
    Word("coupon_users", "coupon_share", _MORE, (_BOUGHT, Bound("coupon_share", least=0.3)), "discount"),
    Word("returners", "refunds", _MORE, (_BOUGHT, Bound("refunds", least=0.2)), "refunds"),
    Word("frequent_visitors", "sessions", _MORE, (Bound("sessions", least=6.0),), "visits"),
    Word("rare_visitors", "sessions", _LESS, (Bound("sessions", most=3.0),), "visits"),
    Word("browsers", "views", _MORE, (Bound("views", least=15.0),), "visits"),
    Word("searchers", "searches", _MORE, (Bound("searches", least=2.0),), "search"),
    Word("wish_listers", "wishes", _MORE, (Bound("wishes", least=0.5),), "wishes"),
    Word(
        "window_shoppers",
        "view_to_cart",
        _LESS,
        (Bound("view_to_cart", most=0.1), Bound("views", least=5.0), Bound("purchases", most=0.3)),
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
    Word("lapsed_visitors", "click_recency", _MORE, (Bound("click_recency", least=45.0),), "silence"),
    Word("lapsed_buyers", "purchase_recency", _MORE, (_BOUGHT, Bound("purchase_recency", least=90.0)), "silence"),
    Word("recent_buyers", "purchase_recency", _LESS, (_BOUGHT, Bound("purchase_recency", most=30.0)), "silence"),
    Word("newcomers", "tenure", _LESS, (Bound("tenure", most=45.0),), "tenure"),
    Word("old_acquaintances", "tenure", _MORE, (Bound("tenure", least=180.0),), "tenure"),
    Word(
        "brand_loyalists",
        "favourite_brand_share",
        _MORE,
        (Bound("favourite_brand_share", least=MOST),),
        "brand",
    ),
    Word("weekend_shoppers", "weekend_share", _MORE, (Bound("weekend_share", least=MOST),), "week"),
    Word("weekday_shoppers", "weekend_share", _LESS, (Bound("weekend_share", most=0.2),), "week"),
    Word("older", "profile_age", _MORE, (Bound("profile_age", least=1.1, times_others="median"),), "age", noun=False),
    Word("younger", "profile_age", _LESS, (Bound("profile_age", most=0.9, times_others="median"),), "age", noun=False),
    *(
        Word(f"{part}_shoppers", f"{part}_share", _MORE, (Bound(f"{part}_share", least=0.4),), "hour", noun=False)
        for part in DAY_PARTS
    ),
    *(
        Word(
            f"via_{one}",
            f"channel_{one}_share",
            _MORE,
            (Bound(f"channel_{one}_share", least=MOST, of="mean"),),
            "channel",
            noun=False,
        )
        for one in CHANNELS
    ),
    Word("in_app", "platform_app_share", _MORE, (Bound("platform_app_share", least=0.6),), "platform", noun=False),
    *(
        Word(
            f"{one}_seekers",
            f"search_{one}_share",
            _MORE,
            (Bound(f"search_{one}_share", least=0.3, of="mean"), Bound("searches", least=0.3, of="mean")),
            "search",
        )
        for one in ("gift", "urgent", "problem", "price")
    ),
    *(
        Word(
            f"by_{one}", f"device_{one}_share", _MORE, (Bound(f"device_{one}_share", least=0.6),), "device", noun=False
        )
        for one in DEVICES
    ),
)

EXCLUDED: Final = frozenset(
    frozenset(pair)
    for pair in (
        ("lapsed_visitors", "frequent_visitors"),
        ("lapsed_visitors", "frequent_buyers"),
        ("lapsed_visitors", "recent_buyers"),
        ("lapsed_visitors", "newcomers"),
        ("lapsed_buyers", "frequent_buyers"),
        ("lapsed_buyers", "newcomers"),
    )
)
"""Pairs of words that are not said of one segment, though each may be true of half of it."""


def vocabulary(known: Mapping[str, Feature]) -> Sequence[Word]:
    """Return all words about the features of a catalogue, those about the shop's own names included."""
    grouped = grouped_numbers(known)
    named = (feature for feature in known.values() if feature.name not in grouped)
    return (*_WORDS, *(word for feature in named for word in _of_names(feature)))


def grouped_numbers(known: Mapping[str, Feature]) -> set[str]:
    """Return the numbers that are told by their bands instead: a generation says more than a year of birth."""
    banded = {feature.attribute for feature in known.values() if feature.value}
    return {feature.name for feature in known.values() if feature.attribute in banded and not feature.value}


def _of_names(feature: Feature) -> tuple[Word, ...]:
    name = feature.name
    if name.startswith("category_") and name != f"category_{OTHER_CATEGORY}":
        text = name.removeprefix("category_").replace("_", " ")
        return (Word("category", name, _MORE, (Bound(name, least=0.3, of="mean"),), "category", text=text),)
    if feature.value:
        bounds = (Bound(name, least=MOST, of="mean"),)
        return (Word("mostly", name, _MORE, bounds, feature.block, noun=False, text=feature.value),)
    if feature.attribute and name != "profile_age":
        text = feature.attribute.replace("_", " ")
        more = (Bound(name, least=1.1, times_others="median"), Bound(name, least=1e-9))
        less = (Bound(name, most=0.9, times_others="median"),)
        return (
            Word("high", name, _MORE, more, name, noun=False, text=text),
            Word("low", name, _LESS, less, name, noun=False, text=text),
        )
    return ()
