"""The words for a segment whose members have more, or less, of a feature than other customers."""

from dataclasses import dataclass
from typing import Final

from streamseg.features.aggregates import DAY_PARTS, OTHER_CATEGORY


@dataclass(frozen=True, slots=True)
class Words:
    """The words for one direction of a feature."""

    family: str
    """Features of one family say the same thing: a label uses only one of them."""
    adjective: str
    """For labels."""
    noun: str
    """For labels; empty if the feature gives no noun for its customers."""
    clause: str
    """Continues "they ..." in the persona."""


_HIGH, _LOW = 1, -1

_TABLE: Final[dict[tuple[str, int], Words]] = {
    ("purchase_recency", _HIGH): Words("lapse", "not buying", "dormant buyers", "have not bought for longer"),
    ("purchase_recency", _LOW): Words("lapse", "recent", "recent buyers", "bought more recently"),
    ("click_recency", _HIGH): Words("silence", "lapsing", "lapsed customers", "have been away for longer"),
    ("click_recency", _LOW): Words("silence", "active", "active visitors", "were here more recently"),
    ("tenure", _HIGH): Words("tenure", "long-standing", "old acquaintances", "have been customers for longer"),
    ("tenure", _LOW): Words("tenure", "new", "newcomers", "came only lately"),
    ("clicks", _HIGH): Words("visits", "busy", "browsers", "click more"),
    ("clicks", _LOW): Words("visits", "quiet", "occasional visitors", "click less"),
    ("sessions", _HIGH): Words("visits", "frequent", "frequent visitors", "visit more often"),
    ("sessions", _LOW): Words("visits", "occasional", "occasional visitors", "visit less often"),
    ("views", _HIGH): Words("visits", "browsing", "browsers", "look at more items"),
    ("views", _LOW): Words("visits", "quiet", "occasional visitors", "look at fewer items"),
    ("lists", _HIGH): Words("visits", "browsing", "browsers", "go through more item lists"),
    ("lists", _LOW): Words("visits", "purposeful", "", "go through fewer item lists"),
    ("searches", _HIGH): Words("search", "searching", "searchers", "search more"),
    ("searches", _LOW): Words("search", "strolling", "", "search less"),
    ("carts", _HIGH): Words("cart", "cart-filling", "cart fillers", "put more in the cart"),
    ("carts", _LOW): Words("cart", "cart-shy", "onlookers", "put less in the cart"),
    ("removals", _HIGH): Words("doubt", "hesitant", "hesitant shoppers", "take more out of the cart again"),
    ("removals", _LOW): Words("doubt", "resolute", "", "take less out of the cart again"),
    ("wishes", _HIGH): Words("wishes", "wishful", "wish-listers", "keep longer wish lists"),
    ("wishes", _LOW): Words("wishes", "wish-free", "", "use the wish list less"),
    ("checkouts", _HIGH): Words("purchases", "frequent", "frequent buyers", "begin more checkouts"),
    ("checkouts", _LOW): Words("purchases", "rarely buying", "rare buyers", "begin fewer checkouts"),
    ("purchases", _HIGH): Words("purchases", "frequent", "frequent buyers", "buy more often"),
    ("purchases", _LOW): Words("purchases", "rarely buying", "rare buyers", "buy less often"),
    ("refunds", _HIGH): Words("refunds", "returning-goods", "returners", "send more back"),
    ("refunds", _LOW): Words("refunds", "content", "", "send less back"),
    ("items", _HIGH): Words("purchases", "many-item", "stock-up buyers", "buy more items"),
    ("items", _LOW): Words("purchases", "few-item", "small buyers", "buy fewer items"),
    ("spend", _HIGH): Words("spend", "high-value", "big spenders", "spend more"),
    ("spend", _LOW): Words("spend", "low-spend", "small spenders", "spend less"),
    ("order_value", _HIGH): Words("basket", "big-basket", "big-basket buyers", "place larger orders"),
    ("order_value", _LOW): Words("basket", "small-basket", "small-basket buyers", "place smaller orders"),
    ("order_value_spread", _HIGH): Words("spread", "varied-basket", "", "place orders of very different value"),
    ("order_value_spread", _LOW): Words("spread", "steady-basket", "", "place orders of much the same value"),
    ("price_viewed", _HIGH): Words("price", "premium-minded", "premium browsers", "look at dearer items"),
    ("price_viewed", _LOW): Words("price", "price-minded", "price-minded browsers", "look at cheaper items"),
    ("price_bought", _HIGH): Words("price", "premium", "premium buyers", "buy dearer items"),
    ("price_bought", _LOW): Words("price", "price-minded", "budget buyers", "buy cheaper items"),
    ("items_per_order", _HIGH): Words("order size", "bulk", "bulk buyers", "buy more items at once"),
    ("items_per_order", _LOW): Words("order size", "single-item", "single-item buyers", "buy fewer items at once"),
    ("view_to_cart", _HIGH): Words("cart", "easily-tempted", "cart fillers", "put more of what they see in the cart"),
    ("view_to_cart", _LOW): Words("cart", "just-looking", "window shoppers", "put less of what they see in the cart"),
    ("cart_to_purchase", _HIGH): Words("decision", "decided", "decided buyers", "buy more of what is in the cart"),
    ("cart_to_purchase", _LOW): Words("decision", "undecided", "cart abandoners", "buy less of what is in the cart"),
    ("discount_share", _HIGH): Words("discount", "bargain-hunting", "bargain hunters", "buy more at a discount"),
    ("discount_share", _LOW): Words("discount", "full-price", "full-price buyers", "buy less at a discount"),
    ("coupon_share", _HIGH): Words("discount", "coupon-using", "coupon users", "use more coupons"),
    ("coupon_share", _LOW): Words("discount", "coupon-free", "", "use fewer coupons"),
    ("favourite_brand_share", _HIGH): Words("brand", "brand-loyal", "brand loyalists", "keep more to one brand"),
    ("favourite_brand_share", _LOW): Words("brand", "brand-switching", "brand switchers", "keep less to one brand"),
    ("weekend_share", _HIGH): Words("week", "weekend", "weekend shoppers", "come more at weekends"),
    ("weekend_share", _LOW): Words("week", "weekday", "weekday shoppers", "come less at weekends"),
    ("profile_age", _HIGH): Words("age", "older", "", "are older"),
    ("profile_age", _LOW): Words("age", "younger", "", "are younger"),
    ("profile_household_size", _HIGH): Words(
        "household", "large-household", "large households", "live with more others"
    ),
    ("profile_household_size", _LOW): Words(
        "household", "small-household", "small households", "live with fewer others"
    ),
    ("profile_children", _HIGH): Words("children", "child-rich", "families with children", "have more children"),
    ("profile_children", _LOW): Words("children", "childless", "childless households", "have fewer children"),
    ("profile_income", _HIGH): Words("income", "high-income", "high earners", "have a higher income"),
    ("profile_income", _LOW): Words("income", "low-income", "low earners", "have a lower income"),
    ("profile_employees", _HIGH): Words("company", "large", "large companies", "have more employees"),
    ("profile_employees", _LOW): Words("company", "small", "small companies", "have fewer employees"),
    ("profile_annual_revenue", _HIGH): Words("revenue", "high-revenue", "", "have a higher revenue"),
    ("profile_annual_revenue", _LOW): Words("revenue", "low-revenue", "", "have a lower revenue"),
    ("profile_store_distance_km", _HIGH): Words("distance", "far-off", "", "live farther from a store"),
    ("profile_store_distance_km", _LOW): Words("distance", "nearby", "", "live nearer to a store"),
    ("profile_uses_app", _HIGH): Words("app", "app-using", "app users", "use the app more often"),
    ("profile_uses_app", _LOW): Words("app", "app-free", "", "use the app less often"),
}

NOT_BUYING: Final = Words("lapse", "not-buying", "non-buyers", "have not bought for a year, if ever")
"""For customers whose latest purchase is older than the cap of recency, or who never bought."""
OF_BUYERS: Final = ("spend", "purchases", "basket", "spread", "order size", "price", "discount", "refunds")
"""Families that say nothing about customers who do not buy."""

MOST: Final = 0.5
"""Share of members with a value from which the words say "mostly"."""
_FEW: Final = 0.1
"""Share of members with a value below which the words say "hardly ever"."""

_HOW: Final = {
    "gender": "are {how} {value}",
    "country": "are {how} from {value}",
    "area": "live {how} in the {value}",
    "industry": "are {how} in {value}",
    "operating_system": "come {how} with {value}",
    "browser": "come {how} with {value}",
}
"""The clause for a value of an attribute of the shipped packs."""

_ALIASES: Final = {"lifetime_spend": "spend", "transactions": "purchases"}


def words(feature: str, direction: int) -> Words:
    """Return the words for more (`direction` > 0) or less of a feature, also for features not in the table."""
    sign = _HIGH if direction > 0 else _LOW
    name = _ALIASES.get(feature, feature)
    if name.startswith("recent_"):
        plain = _TABLE.get((name.removeprefix("recent_"), sign))
        if plain:
            return Words(plain.family, plain.adjective, plain.noun, f"lately {plain.clause}")
    return _TABLE.get((name, sign)) or _of_a_part(name, sign) or _of_anything(name, sign)


def words_of_value(attribute: str, value: str, direction: int, share: float) -> Words:
    """Return the words for a value of a categorical attribute that members have more, or less, often than others.

    Args:
        attribute: name of the attribute.
        value: the value, as declared in the settings.
        direction: above 0 for more often.
        share: of members with the value, in [0, 1].
    """
    shown, sign = value.replace("_", " "), _HIGH if direction > 0 else _LOW
    how, adjective = {
        (_HIGH, True): ("mostly", f"mostly {shown}"),
        (_HIGH, False): ("more often", f"rather {shown}"),
        (_LOW, True): ("less often", f"less {shown}"),
        (_LOW, False): ("hardly ever" if share < _FEW else "less often", f"non-{shown}"),
    }[sign, share >= MOST]
    thing = attribute.replace("_", " ")
    clause = _HOW.get(attribute, f"are {{how}} {{value}} ({thing})").format(how=how, value=shown)
    return Words(f"profile_{attribute}", adjective, "", clause)


def whole_of(feature: str) -> str:
    """Return the name of the whole that a feature is a share of, such as "hour" or "device"; "" for none."""
    part = _of_a_part(feature, _HIGH)
    return part.family if part else ""


def _of_a_part(name: str, sign: int) -> Words | None:
    """Return the words for parts of the day, devices and item categories; None for other features."""
    more = "more" if sign == _HIGH else "less"
    stem = name.removesuffix("_share").replace("_", " ")
    if stem in DAY_PARTS:
        when = "at night" if stem == "night" else f"in the {stem}"
        noun = f"{stem} shoppers" if sign == _HIGH else ""
        return Words("hour", stem if sign == _HIGH else f"non-{stem}", noun, f"come {more} {when}")
    if stem.startswith("device "):
        thing = stem.removeprefix("device ")
        return Words("device", thing if sign == _HIGH else f"non-{thing}", "", f"come {more} by {thing}")
    if stem.startswith("category "):
        thing = stem.removeprefix("category ")
        if thing == OTHER_CATEGORY:
            return Words("category", "other-minded" if sign == _HIGH else "focused", "", f"go {more} for other things")
        noun = f"{thing} fans" if sign == _HIGH else ""
        return Words("category", thing if sign == _HIGH else f"non-{thing}", noun, f"go {more} for {thing}")
    return None


def _of_anything(name: str, sign: int) -> Words:
    thing = name.removeprefix("profile_").replace("_", " ")
    level = "high" if sign == _HIGH else "low"
    return Words(name, f"{level}-{thing.replace(' ', '-')}", "", f"have a {level}er {thing}")
