"""What a declared segmentation is: segments with rules in an order, of which the first that matches decides.

A shipped one and one of a shop's own are files of this schema.
"""

from collections.abc import Iterable
from typing import Annotated, Any, Final, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, TypeAdapter, field_validator

from streamseg.audiences.written.leaves import AudienceRule, ListRule, LookalikeRule, Table
from streamseg.audiences.written.tracked_times import SpentDays, TrackedTimes
from streamseg.audiences.written.written_rules import AllRule, AnyRule, NotRule, Rule
from streamseg.clustering.identity import NAME, OUTSIDE_NAME
from streamseg.events.schema import schema_of
from streamseg.wrong_values import FORMATS

ENGLISH: Final = "en"
_PATTERN: Final = rf"^{NAME.pattern}$"
FORMATS[_PATTERN] = "must be 1-32 small letters, digits and underscores, a letter first"


def _by_language(given: object) -> object:
    return {ENGLISH: given} if isinstance(given, str) else given


def _check_english(given: dict[str, str]) -> dict[str, str]:
    if given and ENGLISH not in given:
        raise ValueError(f"needs a text in English, {ENGLISH} = ...")
    return given


Texts = Annotated[
    dict[Annotated[str, Field(pattern=r"^[a-z]{2}$")], Annotated[str, Field(min_length=1, max_length=1000)]],
    BeforeValidator(_by_language),
    AfterValidator(_check_english),
]
"""A text in English, or texts by language, of which English must be one."""


class DeclaredSegment(Table):
    """One segment of a declared segmentation."""

    id: Annotated[str, Field(pattern=_PATTERN)]
    """Ends the segment's id: `customer` of `status` is `status-customer`."""
    name: Annotated[Texts, Field(min_length=1)]
    """For people; may change."""
    description: Annotated[Texts, Field(default_factory=dict)]
    rule: Rule | None = None
    """Who is in it, if no rule above holds; none: all who are left, so only the last segment can be without."""

    @field_validator("id")
    @classmethod
    def _check_id(cls, value: str) -> str:
        if value == OUTSIDE_NAME:
            raise ValueError(f"{value} is the group of those who are not in the population: choose another id")
        return value


class SegmentRules(Table):
    """A file of a declared segmentation."""

    about: str = ""
    """What the segmentation tells."""
    needs: str = ""
    """What data it lives on."""
    tracked: Annotated[TrackedTimes, Field(default_factory=dict)]
    """How many of the latest times rows keep for the rules, by event, as in `audiences.tracked`."""
    spent_days: SpentDays = 0
    """Days of which rows keep the amount spent for the rules, as `audiences.spent_days`."""
    segment: Annotated[tuple[DeclaredSegment, ...], Field(strict=False, min_length=1, max_length=64)]
    """In the order in which their rules are asked."""


class Named(NamedTuple):
    """What is declared while workers run, and rules ask of."""

    audiences: frozenset[str]
    lists: frozenset[str]
    seeds: frozenset[str]
    """Of look-alikes: audiences, or segments."""


def named_by(rules: Iterable[SegmentRules]) -> Named:
    """Return the audiences and lists that the rules name."""
    audiences, lists, seeds = set[str](), set[str](), set[str]()
    waiting = [one.rule for of in rules for one in of.segment if one.rule is not None]
    while waiting:
        match waiting.pop():
            case AllRule(all=parts) | AnyRule(any=parts):
                waiting += parts
            case NotRule(not_=part):
                waiting.append(part)
            case AudienceRule(audience=audience):
                audiences.add(audience)
            case ListRule(list=uploaded):
                lists.add(uploaded)
            case LookalikeRule(lookalike=seed):
                seeds.add(seed)
            case _:
                pass
    return Named(frozenset(audiences), frozenset(lists), frozenset(seeds))


def segment_rules_schema() -> dict[str, Any]:
    """Return the JSON Schema of a file of a declared segmentation."""
    return schema_of("segment-rules", TypeAdapter(SegmentRules))
