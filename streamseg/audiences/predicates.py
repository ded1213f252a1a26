"""What a rule asks of a customer, as plain values: the predicates, and the tree of all, any and not over them.

A predicate is true, false or unknown. Only these can be unknown: `Happened` and `Spent`, where counting began after the
window did; `OnList`, where a profile may have told an identifier before rows kept it; and `Alike`, before the
look-alike is learned. All others are true or false; what a customer does not have compares false.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Period = Literal["day", "week", "month"]
Operator = Literal[">=", ">", "<=", "<", "==", "!="]


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of the customer compares so with a number; false where the figure is not known.

    A figure is a feature of the catalogue as it was observed, without priors, or a count that the row keeps, as in
    `clustering.population`.
    """

    figure: str
    operator: Operator
    number: float


@dataclass(frozen=True, slots=True)
class Known:
    """The figure is known of the customer."""

    figure: str


@dataclass(frozen=True, slots=True)
class Among:
    """The profile attribute has one of these values, given by their indexes in its list; false where it is missing."""

    attribute: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InGroup:
    """The customer is in one of these segments or declared groups, given by their codes (`clustering.identity`)."""

    segmentation: str
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """At least so many events occurred within the last `seconds`; infinity is ever. Unknown as said above."""

    event: str
    at_least: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Spent:
    """At least so many minor units were spent within so many calendar days, today included. Unknown as said above."""

    at_least_minor: int
    days: int


@dataclass(frozen=True, slots=True)
class Birthday:
    """The birthday lies in this day, week or month of a time zone; false where it is not known or no date.

    The attribute is a number: month times 100 and day, with the year or not. Who was born on 29 February celebrates on
    1 March in other years.
    """

    attribute: str
    period: Period
    time_zone: str


@dataclass(frozen=True, slots=True)
class Belongs:
    """The customer is a member of the audience now: who is in leaves later than others would enter."""

    audience: str


@dataclass(frozen=True, slots=True)
class OnList:
    """The customer is on an uploaded list that has not ended. Unknown as said above."""

    list: str


@dataclass(frozen=True, slots=True)
class Stays:
    """The customer is in this segment as the look begins: the same for a segment of a declared segmentation."""

    segmentation: str
    code: int


@dataclass(frozen=True, slots=True)
class Alike:
    """The customer is like the members of a seed (`clustering.likeness`).

    That is at least by so much, or among so many customers outside of the seed who are most alike. Unknown until the
    look-alike is learned, and where the features of the customer are not known.
    """

    seed: str
    by: str
    likeness: float | None = None
    size: float | None = None


Predicate = Alike | Compared | Known | Among | InGroup | Happened | Spent | Birthday | Belongs | OnList | Stays


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where all parts hold; so it does without any."""

    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where one part holds; never without any."""

    parts: "tuple[Tree, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where the part is known to be false."""

    part: "Tree"


Tree = AllOf | AnyOf | Not | Predicate


def all_of(parts: Sequence[Tree]) -> Tree:
    """Return what holds where all of these do."""
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def any_of(parts: Sequence[Tree]) -> Tree:
    """Return what holds where one of these does."""
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))
