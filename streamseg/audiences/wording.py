"""Says in plain English what a predicate asks, for people who want to know why a customer is in an audience or not."""

from collections.abc import Sequence
from math import isinf

from streamseg.audiences.predicates import (
    Among,
    Belongs,
    Compared,
    Happened,
    InGroup,
    Known,
    OnList,
    Predicate,
    Spent,
)
from streamseg.clustering.identity import id_of
from streamseg.features.layout import Layout
from streamseg.features.words.attributes import Attribute
from streamseg.time_units import DAY_SECONDS, HOUR_SECONDS


def asked(predicate: Predicate, layout: Layout) -> str:  # noqa: PLR0911 - one for each kind
    """Return what a predicate asks.

    >>> asked(Happened("purchase.shoes", 2, 30 * 86_400), Layout.of())
    'purchase of shoes at least 2 times within 30 days'
    """
    match predicate:
        case Compared(figure, operator, number):
            return f"{figure} {operator} {number:g}"
        case Known(figure):
            return f"{figure} is known"
        case Among(attribute, values):
            return f"{attribute} is {_one_of(_listed(attribute, values, layout.attributes))}"
        case InGroup(segmentation, codes):
            return f"is in {_one_of([id_of(segmentation, code) for code in codes])}"
        case Happened(event, at_least, seconds):
            name, _, category = event.partition(".")
            of = f" of {category.replace('_', ' ')}" if category else ""
            often = "" if at_least == 1 else f" at least {at_least} times"
            return f"{name}{of}{often} {_within(seconds)}"
        case Spent(at_least_minor, days):
            amount = at_least_minor / 10**layout.minor_units
            return f"spent at least {amount:,.{layout.minor_units}f} {layout.currency} within {days} days"
        case Belongs(audience):
            return f"is in {audience} already"
        case OnList(name):
            return f"is on list {name}"


def _within(seconds: float) -> str:
    if isinf(seconds):
        return "ever"
    unit, name = next(
        (unit, name) for unit, name in ((DAY_SECONDS, "days"), (HOUR_SECONDS, "hours"), (60, "minutes"), (1, "seconds"))
        if seconds % unit == 0
    )  # fmt: skip
    return f"within {int(seconds // unit)} {name}"


def _listed(name: str, values: Sequence[int], attributes: Sequence[Attribute]) -> list[str]:
    known = next(one.values for one in attributes if one.name == name)
    return [str(known[value]) for value in values]


def _one_of(names: Sequence[str]) -> str:
    return " or ".join(names)
