"""The leaves of a rule as people write them: tables that ask one thing each.

The first name of a leaf says what it asks of::

    {feature = "discount_share", at_least = 0.3}
    {feature = "recent_spend", enter = 100, leave = 60}         # in at 100, out below 60
    {known = "age"}
    {trait = "gender", is = "female"}
    {trait = "country", is_one_of = ["NL", "BE"]}
    {trait = "age", at_least = 30, below = 45}
    {event = "purchase", at_least = 2, within = "30 days"}
    {event = "visit", none_within = "14 days"}
    {event = "view", category = "running"}                      # ever
    {never = "purchase", category = "running"}
    {spent = 200, within = "90 days"}                           # calendar days, today included
    {birthday = "birthday", this = "week"}                      # a number such as 19900517 or 517
    {segment = "behaviour-k7q2"}                                # or a list of ids
    {segmentation = "value", group = "outside"}                 # a declared group, or a list of them
    {lookalike = "other", at_least = 0.8}                       # like the members of an audience or a segment
    {lookalike = "other", size = 500}                           # the 500 others who are most alike
    {audience = "other"}                                        # its rule takes this place
    {list = "vip"}                                              # an uploaded list (`streamseg lists`)

Numbers compare by at_least, above, at_most, below and is. What a customer does not have compares false, so `not` of it
is true; `known` asks for it.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from streamseg.audiences.predicates import Operator, Period
from streamseg.audiences.written.durations import Duration
from streamseg.wrong_values import FORMATS

ID: Final = r"^[a-z][a-z0-9]*(-[a-z0-9]+)*$"
FORMATS[ID] = "must be small letters and digits, a letter first, with single dashes between words"

AudienceId = Annotated[str, Field(pattern=ID, max_length=64)]
Name = Annotated[str, Field(min_length=1, max_length=256)]


def _check_names(given: object) -> object:
    if isinstance(given, str | list | tuple) and given and all(isinstance(one, str) and one for one in given):
        return given
    raise ValueError("must be a name, or a list of names")


def _check_value(given: object) -> object:
    if isinstance(given, bool | int | float) or (isinstance(given, str) and given):
        return given
    raise ValueError("must be text, a number, true or false")


Names = Annotated[
    Name | Annotated[tuple[Name, ...], Field(strict=False, min_length=1, max_length=256)],
    BeforeValidator(_check_names),
]
Value = Annotated[bool | float | Name, BeforeValidator(_check_value)]


class Table(BaseModel):
    """A table that people write. It is frozen, takes no value of another type, and refuses unknown names."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


class _Bounded(Table):
    """Limits of a number; several must hold together."""

    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None

    @property
    def bounds(self) -> dict[str, tuple[Operator, float]]:
        """The limits given: operator and number, by name."""
        signs: dict[str, Operator] = {"at_least": ">=", "above": ">", "at_most": "<=", "below": "<"}
        given = ((name, sign, getattr(self, name)) for name, sign in signs.items())
        return {name: (sign, number) for name, sign, number in given if number is not None}

    @model_validator(mode="after")
    def _check_bounds(self) -> Self:
        for one, other in (("at_least", "above"), ("at_most", "below")):
            if {one, other} <= self.bounds.keys():
                raise ValueError(f"has both {one} and {other}")
        least = self.at_least if self.at_least is not None else self.above
        most = self.at_most if self.at_most is not None else self.below
        if least is not None and most is not None:
            both = self.at_least is not None and self.at_most is not None
            if least > most or (least == most and not both):
                low, high = (f"{name.replace('_', ' ')} {number:g}" for name, (_, number) in self.bounds.items())
                raise ValueError(f"asks for a number {low} and {high}: there is none")
        return self


class FeatureRule(_Bounded):
    """A feature compares so with a number. With enter and leave, members stay until it passes the latter."""

    feature: Name
    """Name from the catalogue (`streamseg features`), or `events`. As observed, without priors: decayed counts and
    spend are per 30 days, and days are not capped."""
    is_: Annotated[float | None, Field(alias="is")] = None
    enter: float | None = None
    """Where a customer enters the audience."""
    leave: float | None = None
    """Where a member leaves it: below this, or above it if `enter` is the lower one."""

    @model_validator(mode="after")
    def _check_comparison(self) -> Self:
        if (self.enter is None) != (self.leave is None):
            raise ValueError("needs both enter and leave")
        if self.enter is not None and self.enter == self.leave:
            raise ValueError("has the same enter and leave: use at_least or at_most")
        ways = bool(self.bounds) + (self.is_ is not None) + (self.enter is not None)
        if ways == 0:
            raise ValueError("needs a number: at_least, above, at_most, below or is, or enter and leave")
        if ways > 1:
            raise ValueError("has limits, is, or enter and leave together: use one of them")
        return self


class KnownRule(Table):
    """The feature or profile trait is known of the customer."""

    known: Name


class TraitRule(_Bounded):
    """A profile trait has one of these values, or lies within limits if it is a number."""

    trait: Name
    is_: Annotated[Value | None, Field(alias="is")] = None
    is_one_of: Annotated[tuple[Value, ...] | None, Field(strict=False, min_length=1, max_length=256)] = None

    @model_validator(mode="after")
    def _check_comparison(self) -> Self:
        ways = bool(self.bounds) + (self.is_ is not None) + (self.is_one_of is not None)
        if ways == 0:
            raise ValueError("needs is, is_one_of, at_least, above, at_most or below; known asks whether there is one")
        if ways > 1:
            raise ValueError("has limits, is or is_one_of together: use one of them")
        return self


class EventRule(Table):
    """So many events occurred within a time up to now, or ever."""

    event: Name
    """What is counted, such as `visit` or `purchase`."""
    category: Name | None = None
    """Only events with items of this category."""
    at_least: Annotated[int, Field(ge=1)] | None = None
    """Default: 1, unless at_most is given."""
    at_most: Annotated[int, Field(ge=0)] | None = None
    within: Duration | None = None
    """Default: ever."""
    none_within: Duration | None = None
    """No such event within this time."""

    @model_validator(mode="after")
    def _check_counts(self) -> Self:
        counts = {name for name in ("at_least", "at_most", "within") if getattr(self, name) is not None}
        if self.none_within is not None and counts:
            raise ValueError(f"has both none_within and {min(counts)}")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"asks for a number at least {self.at_least} and at most {self.at_most}: there is none")
        return self


class NeverRule(Table):
    """No such event occurred ever."""

    never: Name
    category: Name | None = None


class SpentRule(Table):
    """Purchases minus refunds are at least so much, in calendar days up to today."""

    spent: Annotated[float, Field(gt=0)]
    """In units of the shop's currency, such as 12.50."""
    within: Duration
    """Whole days."""
    currency: str | None = None
    """Must be the shop's, if it is given."""


class BirthdayRule(Table):
    """The customer has their birthday in this day, week (from Monday) or month, in the definition's time zone."""

    birthday: Name
    """Profile trait with the date: a number such as 19900517, or 517 without the year."""
    this: Period = "week"


class SegmentRule(Table):
    """The customer is in the segment with this id, or in one of these."""

    segment: Names


class GroupRule(Table):
    """The customer is in this declared group of a segmentation, or in one of these."""

    segmentation: Name
    group: Names


class LookalikeRule(Table):
    """The customer is like the members of a seed: of an audience, or of a segment."""

    lookalike: Name
    """Id of the audience or the segment."""
    by: Name | None = None
    """Segmentation by whose features customers are compared. Default: the first one of the settings."""
    at_least: Annotated[float, Field(gt=0, le=1)] | None = None
    """Likeness to enter, 0-1; a member stays until it is 0.05 lower."""
    enter: Annotated[float, Field(gt=0, le=1)] | None = None
    """Likeness to enter, with `leave`."""
    leave: Annotated[float, Field(ge=0, lt=1)] | None = None
    """Likeness below which a member leaves."""
    size: Annotated[int, Field(ge=1)] | None = None
    """Wanted number of customers who are not in the seed; a member stays among a tenth more of them."""
    seed: Literal["in", "out"] = "out"
    """Whether the members of the seed belong too, or nobody of them does."""

    @model_validator(mode="after")
    def _check_limits(self) -> Self:
        if (self.enter is None) != (self.leave is None):
            raise ValueError("needs both enter and leave")
        if self.enter is not None and self.leave is not None and self.leave >= self.enter:
            raise ValueError("has leave above or at enter: leave is the lower one")
        if sum(one is not None for one in (self.at_least, self.enter, self.size)) != 1:
            raise ValueError("needs one of at_least, size, and enter with leave")
        return self


class AudienceRule(Table):
    """What the rule of another audience asks. Its minimum size and its expiry are its own."""

    audience: AudienceId


class ListRule(Table):
    """The customer is on an uploaded list: by id, or by e-mail address or phone number."""

    list: AudienceId
