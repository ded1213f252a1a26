"""Says what each leaf of a rule means: which predicates, with names and numbers checked by the vocabulary."""

import math

from streamseg.audiences.predicates import (
    AllOf,
    Belongs,
    Birthday,
    Compared,
    Happened,
    InGroup,
    Not,
    OnList,
    Operator,
    Spent,
    Stays,
    Tree,
    all_of,
    any_of,
)
from streamseg.audiences.trait_meaning import known_trait, trait
from streamseg.audiences.vocabulary import Vocabulary, WrongNameError
from streamseg.audiences.written.durations import days_of, seconds_of
from streamseg.audiences.written.leaves import (
    BirthdayRule,
    EventRule,
    FeatureRule,
    GroupRule,
    KnownRule,
    ListRule,
    NeverRule,
    SegmentRule,
    SpentRule,
    TraitRule,
)

Leaf = (
    FeatureRule
    | KnownRule
    | TraitRule
    | EventRule
    | NeverRule
    | SpentRule
    | BirthdayRule
    | SegmentRule
    | GroupRule
    | ListRule
)


def leaf(  # noqa: C901 - one for each kind
    rule: Leaf, member: Belongs | Stays, vocabulary: Vocabulary, time_zone: str | None = None
) -> Tree:
    """Return what a leaf of a rule asks, with days of a time zone: None is the shop's.

    `member` is of those for whom the rule holds now.

    Raises `WrongNameError`.
    """
    zone = time_zone or vocabulary.time_zone
    match rule:
        case FeatureRule():
            meant = _feature(rule, member, vocabulary)
        case KnownRule():
            meant = known_trait(rule.known, vocabulary)
        case TraitRule():
            meant = trait(rule, vocabulary)
        case EventRule():
            meant = _event(rule, vocabulary)
        case NeverRule():
            tracker = vocabulary.tracker("never", rule.never, rule.category, 1, "never")
            meant = Not(Happened(tracker, 1, math.inf))
        case SpentRule():
            meant = _spent(rule, vocabulary, zone)
        case BirthdayRule():
            meant = Birthday(vocabulary.date(rule.birthday), rule.this, zone)
        case SegmentRule():
            meant = _segment(rule, vocabulary)
        case GroupRule():
            codes = {vocabulary.group_code(rule.segmentation, group) for group in _names(rule.group)}
            meant = InGroup(rule.segmentation, tuple(sorted(codes)))
        case ListRule():
            meant = OnList(vocabulary.uploaded_list(rule.list))
    return meant


def _feature(rule: FeatureRule, member: Belongs | Stays, vocabulary: Vocabulary) -> Tree:
    figure = vocabulary.figure(rule.feature)
    numbers: dict[str, float | None] = {name: number for name, (_, number) in rule.bounds.items()}
    numbers |= {"is": rule.is_, "enter": rule.enter, "leave": rule.leave}
    for name, number in numbers.items():
        if number is not None:
            vocabulary.check_number(name, figure, number)
    if rule.enter is not None and rule.leave is not None:
        sign: Operator = ">=" if rule.enter > rule.leave else "<="
        stays = AllOf((member, Compared(figure, sign, rule.leave)))
        return any_of((Compared(figure, sign, rule.enter), stays))
    if rule.is_ is not None:
        return Compared(figure, "==", rule.is_)
    return all_of([Compared(figure, sign, number) for sign, number in rule.bounds.values()])


def _event(rule: EventRule, vocabulary: Vocabulary) -> Tree:
    least = rule.at_least if rule.at_least is not None or rule.at_most is not None else 1
    needed = max(least or 1, 1 if rule.at_most is None else rule.at_most + 1)
    counted = next((name for name in ("at_most", "at_least") if getattr(rule, name) is not None), "event")
    name = vocabulary.tracker("event", rule.event, rule.category, needed, counted)
    if rule.none_within is not None:
        return Not(Happened(name, 1, float(seconds_of(rule.none_within))))
    window = math.inf if rule.within is None else float(seconds_of(rule.within))
    parts: list[Tree] = [] if least is None else [Happened(name, least, window)]
    if rule.at_most is not None:
        parts.append(Not(Happened(name, rule.at_most + 1, window)))
    return all_of(parts)


def _spent(rule: SpentRule, vocabulary: Vocabulary, zone: str) -> Tree:
    if zone != vocabulary.time_zone:
        raise WrongNameError("spent", f"rows count amounts by days of {vocabulary.time_zone}, not of {zone}")
    if rule.currency not in {None, vocabulary.currency}:
        raise WrongNameError("currency", f"amounts are counted in {vocabulary.currency}, not in {rule.currency}")
    try:
        days = days_of(rule.within)
    except ValueError as error:
        raise WrongNameError("within", str(error)) from None
    return Spent(vocabulary.minor(rule.spent), vocabulary.days(days))


def _segment(rule: SegmentRule, vocabulary: Vocabulary) -> Tree:
    found: dict[str, set[int]] = {}
    for segment in _names(rule.segment):
        segmentation, code = vocabulary.segment(segment)
        found.setdefault(segmentation, set()).add(code)
    return any_of([InGroup(name, tuple(sorted(codes))) for name, codes in found.items()])


def _names(given: str | tuple[str, ...]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else given
