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
from streamseg.features.formulas import RATE_DAYS
from streamseg.features.words.group_names import shown_names

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
LEAST_RATE: Final = 0.1
"""What happens less often in 30 days, to members and others, is no difference to act on."""
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
COUPONS: Final = 0.1
RFM_NAMES: Final = 2
LEAST_RFM_SHARE: Final = 0.1
"""Fewer members are not worth a second RFM name."""
A_RHYTHM: Final = 3.0
"""From this median number of orders on, members order so and so often."""
CLEARLY_MORE: Final = 0.05
CLEARLY_TIMES_MORE: Final = 0.25
"""What members have hardly more of than others is not said of every segment again: fewer points, or a smaller part."""
SAME_TIME: Final = 0.15
"""Two times that differ by a smaller share of the greater one are told as one."""
YEAR_DAYS: Final = 365.0

UNSPOKEN: Final = frozenset(
    {"spend", "purchases", "items", "checkouts", "order_value", "order_value_spread", "visit_days"}
)
"""Decayed sums that nobody can check, for which the real figures are said, and what has a unit that nobody reads."""

A_YEAR: Final = "in a year"
ORDERS_A_MONTH: Final = f"orders {A_MONTH}"
ORDERS_A_YEAR: Final = f"orders {A_YEAR}"

_SUBJECTS: Final = {
    "money": ("lifetime_spend", "expected_spend"),
    "orders": ("transactions", "orders_a_month"),
    "order": ("spend_per_order", "items_per_order"),
    "lasts": ("purchase_recency", "click_recency"),
    "visits": ("clicks", "sessions", "views", "lists"),
    "price": ("price_viewed", "price_bought"),
    "cart": ("carts", "removals", "view_to_cart", "cart_to_purchase"),
}

Message: TypeAlias = dict[str, Any]
"""`key` of a message, and its `facts` by name. A fact is an object with one of: `share`, `money` with `currency`,
`often` (events in 30 days), `days`, `number`, `names` (words of the shop), `attribute` (name of an attribute or of what
it is grouped as), `value` of the attribute `of`, `message` (the key of a phrase), `messages`, `feature`; `per` is the
"month" or "year" that a number is of."""


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
        *_campaigns(figures),
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
        if not is_spoken(one.feature):
            continue
        whole = _whole(known[one.feature])
        pair = _pair(one)
        subject = whole or _subject(known[one.feature], nothing=pair is not None and pair[0] == 0)
        if pair is None or subject in said or (whole and one.sign < 0):
            continue
        said.add(subject)
        chosen.append(_difference(one, known[one.feature], pair, figures))
    return chosen


def is_spoken(feature: str) -> bool:
    """Return whether a difference in this feature is said. A change of late is told by itself."""
    return feature not in UNSPOKEN and not feature.startswith("recent_")


def _difference(one: FeatureDifference, feature: Feature, pair: tuple[float, float], figures: Figures) -> Message:
    """Return the message of a difference; averages are called so, unless they are shares."""
    unit, tenure = one.unit, figures.get("tenure")
    if unit == ORDERS_A_MONTH and tenure is not None and tenure.median >= YEAR_DAYS and max(pair) < 1.0:
        pair = (pair[0] * YEAR_DAYS / RATE_DAYS, pair[1] * YEAR_DAYS / RATE_DAYS)
        unit = ORDERS_A_YEAR
    ours, theirs = (_amount(value, unit) for value in pair)
    average = pair[0] == one.mean != one.median and "share" not in ours
    what: dict[str, Any] = {"feature": one.feature}
    if feature.value:
        what |= {"attribute": feature.subject, "value": feature.value}
    return _message("difference_on_average" if average else "difference", what=what, ours=ours, theirs=theirs)


def _who(figures: Figures, known: Mapping[str, Feature]) -> Iterable[Message]:
    """Say who the members are: what most are, where not nearly all customers are, and in what numbers they differ."""
    mostly: dict[str, FeatureDifference] = {}
    grouped = grouped_numbers(known)
    for one in figures.values():
        feature = known[one.feature]
        if not feature.attribute or one.known < MOST or one.feature in grouped:
            continue
        if feature.value:
            if one.mean >= MOST and one.effect >= NOTICEABLE:
                mostly[feature.subject] = one
        elif abs(one.effect) < NOTICEABLE:
            continue
        elif one.unit == YES_OR_NO:
            yield _message("attribute_share", name={"attribute": feature.attribute}, share={"share": one.mean})
        elif one.feature == "profile_age":
            yield _message("age", years={"number": [one.low, one.high]})
        elif one.high <= 0:
            yield _message("attribute_none", name={"attribute": feature.attribute})
        else:
            number = {"number": [one.low, one.high]}
            yield _message("attribute", name={"attribute": feature.attribute}, number=number)
    for subject, one in mostly.items():
        value = {"value": known[one.feature].value, "of": subject}
        yield _message("attribute_value", name={"attribute": subject}, value=value, share={"share": one.mean})


def _tells_apart(one: FeatureDifference, least: float) -> bool:
    """Return whether a share of members is worth a sentence: the others' sentence would read differently."""
    clearly = min(CLEARLY_MORE, CLEARLY_TIMES_MORE * one.others_mean)
    return one.others_mean < least or (one.effect >= NOTICEABLE and one.mean - one.others_mean >= clearly)


def _visits(figures: Figures) -> Iterable[Message]:
    clicked, sessions = figures.get("click_recency"), figures.get("sessions")
    if clicked is not None and clicked.known >= MOST and clicked.median >= AWAY_DAYS:
        yield _message("away", days={"days": clicked.median})
    elif sessions is not None:
        yield _message("visits", often={"often": sessions.median})


def _orders(figures: Figures) -> Iterable[Message]:
    ever, rate, last = figures.get("transactions"), figures.get("orders_a_month"), figures.get("purchase_recency")
    if ever is None:
        return
    days = {} if last is None or last.known < MOST else {"days": {"days": last.median}}
    if ever.some < FEW:
        yield _message("no_orders")
    elif ever.some < MOST:
        yield _message("few_buy", share={"share": ever.some})
    elif ever.high <= 1:
        yield _message("ordered_once_ago" if days else "ordered_once", **days)
    elif ever.median <= 1:
        yield _message("ordered_at_most_once")
    elif last is not None and days and last.median >= AWAY_DAYS:
        yield _message("ordered_then", count=_count(ever), **days)
    elif rate is not None and rate.known >= MOST and ever.median >= A_RHYTHM:
        yield _message("orders", often={"often": rate.median})
    else:
        yield _message("ordered_times", count=_count(ever))


def _count(ever: FeatureDifference) -> dict[str, Any]:
    return {"number": [round(ever.median)]}


def _money(figures: Figures, currency: str) -> Iterable[Message]:
    ever, tenure = figures.get("lifetime_spend"), figures.get("tenure")
    bought = figures.get("transactions")
    if bought is None or bought.some < MOST:
        return
    order, item = figures.get("spend_per_order"), figures.get("price_bought")
    if order is not None and order.known >= MOST and order.high > 0 and bought.high > 1:
        yield _message("order_value", money=_range(order, currency))
    if item is not None and item.known >= MOST:
        yield _message("item_price", money=_range(item, currency))
    if ever is not None and tenure is not None and ever.median > 0:
        if _says_how_long(figures):
            yield _message("spent", money=_range(ever, currency), days={"days": tenure.median})
        else:
            yield _message("spent_so_far", money=_range(ever, currency))
    ahead = figures.get("expected_spend")
    if ahead is not None and ahead.median > 0:
        yield _message("expected", money=_range(ahead, currency))


def _says_how_long(figures: Figures) -> bool:
    """Return whether the sentence about the money spent says since when. Else another one does."""
    ever, tenure, bought = (figures.get(name) for name in ("lifetime_spend", "tenure", "transactions"))
    if ever is None or tenure is None or bought is None or bought.some < MOST or ever.median <= 0:
        return False
    return bought.high > 1 and tenure.median >= 1.0


def _campaigns(figures: Figures) -> Iterable[Message]:
    bought = figures.get("transactions")
    if bought is None or bought.some < MOST:
        return
    for name, key, least in (("discount_share", "discount", DISCOUNT), ("coupon_share", "coupons", COUPONS)):
        one = figures.get(name)
        if one is not None and one.known >= MOST and one.mean >= least and _tells_apart(one, least):
            yield _message(key, share={"share": one.mean})


def _goods(figures: Figures, known: Mapping[str, Feature]) -> Iterable[Message]:
    shares = {
        shown_names(name.removeprefix("category_")): one
        for name, one in figures.items()
        if name in known and name.startswith("category_") and name != f"category_{OTHER_CATEGORY}" and one.known >= MOST
    }
    named = sorted(
        (
            (one.mean, name)
            for name, one in shares.items()
            if one.mean >= CATEGORY_SHARE and (one.effect >= NOTICEABLE or one.mean >= MOST)
        ),
        reverse=True,
    )
    if named:
        yield _message(
            "goods",
            names={"names": [name for _, name in named[:CATEGORIES]]},
            share={"share": sum(share for share, _ in named[:CATEGORIES])},
        )
    brand, bought = figures.get("favourite_brand_share"), figures.get("transactions")
    repeated = bought is not None and bought.median >= A_RHYTHM
    if brand is not None and brand.known >= MOST and brand.median >= MOST and repeated and _tells_apart(brand, MOST):
        yield _message("one_brand", share={"share": brand.median})


def _times(figures: Figures) -> Iterable[Message]:
    week = figures.get("weekend_share")
    if week is not None and week.known >= MOST and week.median >= MOST and _tells_apart(week, MOST):
        yield _message("weekend", share={"share": week.median})
    for part in DAY_PARTS:
        one = figures.get(f"{part}_share")
        if one is not None and one.known >= MOST and one.mean >= MOST and _tells_apart(one, MOST):
            yield _message("day_part", part={"message": part}, share={"share": one.mean})
    for device in DEVICES:
        one = figures.get(f"device_{device}_share")
        if one is not None and one.known >= MOST and one.mean >= DEVICE_SHARE and _tells_apart(one, DEVICE_SHARE):
            yield _message("device", device={"message": f"device_{device}"}, share={"share": one.mean})


def _loyalty(figures: Figures, rfm: RfmOfMany | None) -> Iterable[Message]:
    tenure, last, bought = (figures.get(name) for name in ("tenure", "purchase_recency", "transactions"))
    if tenure is not None and not _says_how_long(figures):
        buy = bought is not None and bought.some >= MOST
        once = buy and bought is not None and bought.high <= 1
        if not (once and last is not None and _same_time(tenure.median, last.median)):
            yield _message("tenure" if buy else "known", days={"days": tenure.median})
    if rfm is not None and (bought is None or bought.some >= MOST):
        names = [
            _message("rfm_name", share={"share": share}, name={"message": f"rfm_{_key(name)}"})
            for place, (name, share) in enumerate(list(rfm.names.items())[:RFM_NAMES])
            if not place or share >= LEAST_RFM_SHARE
        ]
        yield _message("rfm", names={"messages": names})


def _same_time(one: float, other: float) -> bool:
    return abs(one - other) <= SAME_TIME * max(one, other)


def _change(figures: Figures) -> Iterable[Message]:
    """Compare means: most who come once a month have not come in the last days, so the median would always fall.

    What it was before is the rate that the sentence about visits or orders says.
    """
    ever = figures.get("transactions")
    for name, said in (("sessions", "sessions"), ("purchases", "orders_a_month")):
        usual, recent, before = figures.get(name), figures.get(f"recent_{name}"), figures.get(said)
        if usual is None or recent is None or before is None or usual.mean < A_HABIT:
            continue
        if name == "purchases" and (ever is None or ever.median < A_RHYTHM or before.known < MOST):
            return
        times = recent.mean / usual.mean
        facts = {"now": {"often": times * before.median}, "before": {"often": before.median}}
        if times >= CHANGE:
            yield _message(f"more_{name}", **facts)
        elif times <= 1.0 / CHANGE:
            yield _message(f"fewer_{name}", **facts)
        return


def _whole(feature: Feature) -> str:
    """Return the name of the whole that a feature is a part of; "" for none."""
    if feature.block:
        return feature.block
    if feature.name.startswith("category_"):
        return "category"
    return "hour" if feature.name.removesuffix("_share") in DAY_PARTS else ""


def _subject(feature: Feature, *, nothing: bool) -> str:
    """Return what a feature is about: features of one subject say the same thing. No orders are no money, too."""
    found = next((subject for subject, names in _SUBJECTS.items() if feature.name in names), feature.name)
    return "buying" if nothing and found in ("money", "orders", "cart") else found


def _pair(one: FeatureDifference) -> tuple[float, float] | None:
    """Return the medians of members and others, else the means.

    None if both look the same to people, or the other way round than the effect, which is measured on another scale.
    """
    for ours, theirs in ((one.median, one.others_median), (one.mean, one.others_mean)):
        if one.unit in ("share", YES_OR_NO):
            differ = abs(ours - theirs) > LEAST_SHARE_GAP
        else:
            shown = [round(value, 1 if abs(value) < SMALL else 0) for value in (ours, theirs)]
            least = LEAST_DAYS_GAP if one.unit == "days" else LEAST_GAP
            if one.unit.endswith(A_MONTH) and max(ours, theirs) < LEAST_RATE:
                continue
            differ = shown[0] != shown[1] and abs(ours - theirs) > least * max(abs(ours), abs(theirs))
        if differ and (ours - theirs) * one.sign > 0:
            return ours, theirs
    return None


def _amount(value: float, unit: str) -> dict[str, Any]:
    if unit in ("share", YES_OR_NO):
        return {"share": value}
    if unit == "days":
        return {"days": value}
    name, _, period = unit.partition(" ")
    per = {A_MONTH: "month", A_YEAR: "year"}.get(period)
    kind = {"money": [value], "currency": name} if name.isupper() else {"number": [value]}
    return kind | ({"per": per} if per else {})


def _range(one: FeatureDifference, currency: str) -> dict[str, Any]:
    return {"money": [one.low, one.high], "currency": currency}


def _key(name: str) -> str:
    return name.lower().replace(" ", "_").replace("'", "")


def _message(key: str, **facts: Any) -> Message:
    return {"key": key} | ({"facts": facts} if facts else {})
