"""Evaluates a rule for one customer straight from facts: the tree as it is nested, by Kleene's logic of three values.

Written without a thought for speed, to compare quick evaluations with.
"""

import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from streamseg.audiences.normal_form import Clause
from streamseg.audiences.predicates import (
    Alike,
    AllOf,
    Among,
    AnyOf,
    Belongs,
    Birthday,
    Compared,
    Happened,
    InGroup,
    Known,
    Not,
    OnList,
    Predicate,
    Spent,
    Stays,
    Tree,
)

Truth = bool | None
"""None is unknown."""

_OPERATORS = {
    ">=": operator.ge,
    ">": operator.gt,
    "<=": operator.le,
    "<": operator.lt,
    "==": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True)
class Facts:
    """What is known of one customer."""

    now: float
    """Epoch seconds."""
    today: int = 0
    """Number of the calendar day."""
    figures: Mapping[str, float] = field(default_factory=dict)
    values: Mapping[str, int] = field(default_factory=dict)
    """Index of the listed value, by profile attribute."""
    groups: Mapping[str, int] = field(default_factory=dict)
    """Code of the segment or declared group, by segmentation."""
    times: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """All times, by event, since `counted_since`."""
    counted_since: Mapping[str, float] = field(default_factory=dict)
    """Epoch seconds, by event; missing is ever."""
    amounts: Sequence[tuple[int, int]] = ()
    """Day and minor units of each purchase, those of refunds negative, since the day `summed_since`."""
    summed_since: float = -math.inf
    audiences: frozenset[str] = frozenset()
    celebrated: frozenset[Birthday] = frozenset()
    on_lists: Mapping[str, Truth] = field(default_factory=dict)
    """Whether the customer is on a list that has not ended, by list; None where an identifier may be missing."""


def evaluate(rule: Tree, facts: Facts) -> Truth:
    """Return whether a rule holds."""
    return nested(rule, lambda predicate: _holds(predicate, facts))


def nested(rule: Tree, truth: Callable[[Predicate], Truth]) -> Truth:
    """Return whether a rule holds by what its predicates are."""
    match rule:
        case AllOf(parts):
            return every(nested(part, truth) for part in parts)
        case AnyOf(parts):
            return opposite(every(opposite(nested(part, truth)) for part in parts))
        case Not(part):
            return opposite(nested(part, truth))
        case _:
            return truth(rule)


def flat(clauses: Iterable[Clause], truth: Callable[[Predicate], Truth]) -> Truth:
    """Return whether a normal form holds by what its predicates are."""
    held = (
        every(truth(one.predicate) if one.holds else opposite(truth(one.predicate)) for one in clause)
        for clause in clauses
    )
    return opposite(every(opposite(one) for one in held))


def first(rules: Sequence[Iterable[Clause]], truth: Callable[[Predicate], Truth]) -> tuple[int | None, list[Truth]]:
    """Return which of ordered rules is the first that holds, None where that is none or not known.

    And for each whether it is that one.
    """
    held, found, is_first = [flat(rule, truth) for rule in rules], None, list[Truth]()
    for index, one in enumerate(held):
        is_first.append(every([*map(opposite, held[:index]), one]))
        if is_first[-1] is True:
            found = index
    return found, is_first


def every(parts: Iterable[Truth]) -> Truth:
    """Return false if one is false, else unknown if one is unknown."""
    found = list(parts)
    return False if False in found else None if None in found else True


def opposite(truth: Truth) -> Truth:
    """Return the opposite; that of unknown is unknown."""
    return None if truth is None else not truth


def _holds(predicate: Predicate, facts: Facts) -> Truth:  # noqa: C901 - one for each kind
    match predicate:
        case Compared(figure, sign, number):
            value = facts.figures.get(figure, math.nan)
            holds: Truth = not math.isnan(value) and bool(_OPERATORS[sign](value, number))
        case Known(figure):
            holds = not math.isnan(facts.figures.get(figure, math.nan))
        case Among(attribute, values):
            holds = facts.values.get(attribute) in values
        case InGroup(segmentation, codes):
            holds = facts.groups.get(segmentation) in codes
        case Belongs(audience):
            holds = audience in facts.audiences
        case OnList(name):
            holds = facts.on_lists.get(name, False)
        case Stays(segmentation, code):
            holds = facts.groups.get(segmentation) == code
        case Happened():
            holds = _happened(predicate, facts)
        case Spent():
            holds = _spent(predicate, facts)
        case Birthday():
            holds = predicate in facts.celebrated
        case Alike():
            holds = None  # nothing is learned here
    return holds


def _happened(asked: Happened, facts: Facts) -> Truth:
    """Return whether so many times lie in the window. Those before counting began could only be more."""
    begin = facts.now - asked.seconds
    found = sum(time > begin for time in facts.times.get(asked.event, ()))
    if found >= asked.at_least:
        return True
    return None if begin < facts.counted_since.get(asked.event, -math.inf) else False


def _spent(asked: Spent, facts: Facts) -> Truth:
    """Return whether so much was spent. What was before summing began could be purchases or refunds."""
    first = facts.today - asked.days + 1
    if first < facts.summed_since:
        return None
    return sum(minor for day, minor in facts.amounts if day >= first) >= asked.at_least_minor
