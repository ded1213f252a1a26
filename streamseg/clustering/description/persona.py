"""Says who the members of a segment are, as message keys and facts: `streamseg.language` makes sentences of them.

Nothing is said of what the shop tells nothing about, and what holds for fewer than half of the members is not said of
all.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from streamseg.clustering.description.difference import A_MONTH, NOTICEABLE, FeatureDifference, Figures
from streamseg.clustering.description.rfm import RfmOfMany
from streamseg.clustering.description.told_words import told_words
from streamseg.clustering.description.words import MOST, grouped_numbers
from streamseg.features.aggregates import DAY_PARTS, DEVICES, OTHER_CATEGORY
from streamseg.features.catalogue import YES_OR_NO, Feature

AWAY_DAYS: Final = 45.0
"""From this median of days without a click on, members are away."""
FEW: Final = 0.1
APART: Final = 3
"""Differences that are said, at most."""
LEAST_SHARE_GAP: Final = 0.02
"""Shares that differ by less look the same to people."""
LEAST_GAP: Final = 0.05
"""The same for other numbers, as a share of the greater one; days are written in weeks and months."""
LEAST_DAYS_GAP: Final = 0.2
SMALL: Final = 10.0
"""Numbers below are written with one decimal place."""
CATEGORIES: Final = 2
CATEGORY_SHARE: Final = 0.2
"""Categories with a smaller share of the items are not named."""
DEVICE_SHARE: Final = 0.6
CHANGE: Final = 1.6
"""Recent visits are more, or fewer, from this factor on: a step between the words for how often."""
A_HABIT: Final = 0.7
"""What happens less often in 30 days is no habit that could change."""
DISCOUNT: Final = 0.05
COUPONS: Final = 0.2
RFM_NAMES: Final = 2

_SUBJECTS: Final = {
    "money": ("spend", "lifetime_spend", "expected_spend"),
    "orders": ("purchases", "transactions", "checkouts", "items"),
    "visits": ("clicks", "sessions", "views", "lists"),
    "price": ("price_viewed", "price_bought"),
    "cart": ("carts", "removals", "view_to_cart", "cart_to_purchase"),
}

Message: TypeAlias = dict[str, Any]
"""`key` of a message, and its `facts` by name. A fact is an object with one of: `share`, `money` with `currency`,
`often` (events in 30 days), `days`, `number`, `names` (words of the shop), `message` (the key of a phrase), `messages`,
`feature`; `monthly` marks money and numbers that are per 30 days."""


def persona(figures: Figures, known: Mapping[str, Feature], currency: str, rfm: RfmOfMany | None) -> list[Message]:
    """Return what is said of a segment: who, how often, what, when, on what, how loyal, worth what, changed how.

    Args:
        figures: of the segment.
        known: features by name.
        currency: of all amounts.
        rfm: summary of the members' scores, if there are any.
    """
    found = (
        *_who(figures, known),
        *_visits(figures),
        *_orders(figures),
        *_money(figures, currency),
        *_goods(figures, known),
        *_times(figures),
        *told_words(figures, known),
        *_loyalty(figures, rfm),
        *_change(figures),
    )
    return list(found)


def apart(figures: Figures, known: Mapping[str, Feature]) -> list[Message]:
    """Return the strongest differences in numbers, each with members' and others' figure.

    Of features that say the same thing only the strongest is kept. Of the parts of a whole (devices, values of an
    attribute, categories) it is the strongest that members have more of, because the rest follows from it.
    """
    chosen: list[Message] = []
    said = set[str]()
    for one in figures.values():
        if abs(one.effect) < NOTICEABLE or one.known < MOST or len(chosen) == APART:
            continue
        if one.feature.startswith("recent_"):
            continue  # a change is told by itself
        whole = _whole(known[one.feature])
        subject, pair = whole or _subject(known[one.feature]), _pair(one)
        if pair is None or subject in said or (whole and one.sign < 0):
            continue
        said.add(subject)
        ours, theirs = (_amount(value, one.unit) for value in pair)
        chosen.append(_message("difference", what={"feature": one.feature}, ours=ours, theirs=theirs))
    return chosen


def _who(figures: Figures, known: Mapping[str, Feature]) -> Iterable[Message]:
    mostly: dict[str, FeatureDifference] = {}
    grouped = grouped_numbers(known)
    for one in figures.values():
        feature = known[one.feature]
        if not feature.attribute or one.known < MOST or one.feature in grouped:
            continue
        if feature.value:
            if one.mean >= MOST:
                mostly[feature.subject] = one
        elif one.unit == YES_OR_NO:
            yield _message("attribute_share", name=_names(feature.attribute), share={"share": one.mean})
        elif one.feature == "profile_age":
            yield _message("age", years={"number": [one.low, one.high]})
        else:
            yield _message("attribute", name=_names(feature.attribute), number={"number": [one.low, one.high]})
    for subject, one in mostly.items():
        value = _names(known[one.feature].value)
        yield _message("attribute_value", name=_names(subject), value=value, share={"share": one.mean})


def _visits(figures: Figures) -> Iterable[Message]:
    clicked, sessions = figures.get("click_recency"), figures.get("sessions")
    if clicked is not None and clicked.known >= MOST and clicked.median >= AWAY_DAYS:
        yield _message("away", days={"days": clicked.median})
    elif sessions is not None:
        yield _message("visits", often={"often": sessions.median})


def _orders(figures: Figures) -> Iterable[Message]:
    ever, rate, last = figures.get("transactions"), figures.get("purchases"), figures.get("purchase_recency")
    if ever is None or rate is None:
        return
    if ever.some < FEW:
        yield _message("no_orders")
    elif ever.some < MOST:
        yield _message("few_buy", share={"share": ever.some})
    elif ever.high <= 1:
        yield _message("ordered_once")
    elif ever.median <= 1:
        yield _message("ordered_at_most_once")
    elif last is not None and last.known >= MOST and last.median >= AWAY_DAYS:
        yield _message("ordered_then", count={"number": [round(ever.median)]}, days={"days": last.median})
    else:
        yield _message("orders", often={"often": rate.median})


def _money(figures: Figures, currency: str) -> Iterable[Message]:
    ever, tenure = figures.get("lifetime_spend"), figures.get("tenure")
    bought = figures.get("transactions")
    if bought is None or bought.some < MOST:
        return
    order, item = figures.get("order_value"), figures.get("price_bought")
    if order is not None and order.known >= MOST:
        yield _message("order_value", money=_range(order, currency))
    if item is not None and item.known >= MOST:
        yield _message("item_price", money=_range(item, currency))
    if ever is not None and tenure is not None and ever.median > 0:
        yield _message("spent", money=_range(ever, currency), days={"days": tenure.median})
    ahead = figures.get("expected_spend")
    if ahead is not None and ahead.median > 0:
        yield _message("expected", money=_range(ahead, currency))
    discount, coupons = figures.get("discount_share"), figures.get("coupon_share")
    if discount is not None and discount.known >= MOST and discount.mean >= DISCOUNT:
        yield _message("discount", share={"share": discount.mean})
    if coupons is not None and coupons.known >= MOST and coupons.mean >= COUPONS:
        yield _message("coupons", share={"share": coupons.mean})


def _goods(figures: Figures, known: Mapping[str, Feature]) -> Iterable[Message]:
    shares = {
        name.removeprefix("category_").replace("_", " "): one.mean
        for name, one in figures.items()
        if name in known and name.startswith("category_") and name != f"category_{OTHER_CATEGORY}" and one.known >= MOST
    }
    named = sorted(((share, name) for name, share in shares.items() if share >= CATEGORY_SHARE), reverse=True)
    if named:
        yield _message(
            "goods",
            names={"names": [name for _, name in named[:CATEGORIES]]},
            share={"share": sum(share for share, _ in named[:CATEGORIES])},
        )
    brand = figures.get("favourite_brand_share")
    if brand is not None and brand.known >= MOST and brand.median >= MOST:
        yield _message("one_brand", share={"share": brand.median})


def _times(figures: Figures) -> Iterable[Message]:
    week = figures.get("weekend_share")
    if week is not None and week.known >= MOST and week.median >= MOST:
        yield _message("weekend", share={"share": week.median})
    for part in DAY_PARTS:
        one = figures.get(f"{part}_share")
        if one is not None and one.known >= MOST and one.mean >= MOST:
            yield _message("day_part", part={"message": part}, share={"share": one.mean})
    for device in DEVICES:
        one = figures.get(f"device_{device}_share")
        if one is not None and one.known >= MOST and one.mean >= DEVICE_SHARE:
            yield _message("device", device={"message": f"device_{device}"}, share={"share": one.mean})


def _loyalty(figures: Figures, rfm: RfmOfMany | None) -> Iterable[Message]:
    tenure = figures.get("tenure")
    if tenure is not None:
        yield _message("tenure", days={"days": tenure.median})
    if rfm is not None:
        names = [
            _message("rfm_name", share={"share": share}, name={"message": f"rfm_{_key(name)}"})
            for name, share in list(rfm.names.items())[:RFM_NAMES]
        ]
        yield _message("rfm", names={"messages": names})


def _change(figures: Figures) -> Iterable[Message]:
    """Compare means: most who come once a month have not come in the last days, so the median would always fall."""
    for name in ("sessions", "purchases"):
        usual, recent = figures.get(name), figures.get(f"recent_{name}")
        if usual is None or recent is None or usual.mean < A_HABIT:
            continue
        facts = {"now": {"often": recent.mean}, "before": {"often": usual.mean}}
        if recent.mean >= CHANGE * usual.mean:
            yield _message(f"more_{name}", **facts)
        elif recent.mean <= usual.mean / CHANGE:
            yield _message(f"fewer_{name}", **facts)
        return


def _whole(feature: Feature) -> str:
    """Return the name of the whole that a feature is a part of; "" for none."""
    if feature.block:
        return feature.block
    if feature.name.startswith("category_"):
        return "category"
    return "hour" if feature.name.removesuffix("_share") in DAY_PARTS else ""


def _subject(feature: Feature) -> str:
    """Return what a feature is about: features of one subject say the same thing."""
    name = feature.name.removeprefix("recent_")
    return next((subject for subject, names in _SUBJECTS.items() if name in names), name)


def _pair(one: FeatureDifference) -> tuple[float, float] | None:
    """Return the medians of members and others, else the means; None if both look the same to people."""
    for ours, theirs in ((one.median, one.others_median), (one.mean, one.others_mean)):
        if one.unit in ("share", YES_OR_NO, "log"):
            differ = abs(ours - theirs) > LEAST_SHARE_GAP
        else:
            shown = [round(value, 1 if abs(value) < SMALL else 0) for value in (ours, theirs)]
            least = LEAST_DAYS_GAP if one.unit == "days" else LEAST_GAP
            differ = shown[0] != shown[1] and abs(ours - theirs) > least * max(abs(ours), abs(theirs))
        if differ:
            return ours, theirs
    return None


def _amount(value: float, unit: str) -> dict[str, Any]:
    if unit in ("share", YES_OR_NO):
        return {"share": value}
    if unit == "days":
        return {"days": value}
    name, _, period = unit.partition(" ")
    monthly = {"monthly": True} if period == A_MONTH else {}
    if name.isupper():
        return {"money": [value], "currency": name} | monthly
    return {"number": [value]} | monthly


def _range(one: FeatureDifference, currency: str) -> dict[str, Any]:
    return {"money": [one.low, one.high], "currency": currency}


def _names(name: str) -> dict[str, Any]:
    return {"names": [name.replace("_", " ")]}


def _key(name: str) -> str:
    return name.lower().replace(" ", "_").replace("'", "")


def _message(key: str, **facts: Any) -> Message:
    return {"key": key} | ({"facts": facts} if facts else {})
