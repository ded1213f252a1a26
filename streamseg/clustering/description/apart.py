"""Says in what figures a segment differs, from all others or from the nearest one."""

from collections.abc import Mapping
from typing import Any, Final

from streamseg.clustering.description.bounds import MOST
from streamseg.clustering.description.difference import A_MONTH, NOTICEABLE, FeatureDifference, Figures
from streamseg.clustering.description.message import Message, message
from streamseg.clustering.description.words import is_grouped
from streamseg.features.aggregates import DAY_PARTS
from streamseg.features.catalogue import YES_OR_NO, Feature
from streamseg.features.formulas import RATE_DAYS

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


def apart(figures: Figures, known: Mapping[str, Feature]) -> list[Message]:
    """Return the strongest differences in numbers, each with members' and others' figure.

    Of features that say the same thing only the strongest is kept. Of the parts of a whole (devices, values of an
    attribute, categories) it is the strongest that members have more of, because the rest follows from it.
    """
    chosen: list[Message] = []
    said, told = set[str](), told_by_value(figures, known)
    for one in figures.values():
        if is_grouped(known[one.feature]) and known[one.feature].attribute in told:
            continue
        if abs(one.effect) < NOTICEABLE or one.known < MOST or len(chosen) == APART:
            continue
        if not is_spoken(one.feature):
            continue
        whole = part_of(known[one.feature])
        pair = visible_pair(one)
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
    return message("difference_on_average" if average else "difference", what=what, ours=ours, theirs=theirs)


def told_by_value(figures: Figures, known: Mapping[str, Feature], least: float = 0.0) -> set[str]:
    """Return the attributes of which a value itself is told, so that the group that it is in says nothing new."""
    return {
        known[one.feature].attribute
        for one in figures.values()
        if known[one.feature].value and not is_grouped(known[one.feature])
        if one.known >= MOST and one.effect >= NOTICEABLE and one.mean >= max(least, LEAST_SHARE_GAP)
    }


def part_of(feature: Feature) -> str:
    """Return the name of the whole that a feature is a part of; "" for none."""
    if feature.value:
        return feature.attribute
    if feature.block:
        return feature.block
    if feature.name.startswith("category_"):
        return "category"
    return "hour" if feature.name.removesuffix("_share") in DAY_PARTS else ""


def _subject(feature: Feature, *, nothing: bool) -> str:
    """Return what a feature is about: features of one subject say the same thing. No orders are no money, too."""
    found = next((subject for subject, names in _SUBJECTS.items() if feature.name in names), feature.name)
    return "buying" if nothing and found in ("money", "orders", "cart") else found


def visible_pair(one: FeatureDifference) -> tuple[float, float] | None:
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
