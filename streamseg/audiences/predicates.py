"""What a rule can ask of a customer: the leaves of its tree."""

from dataclasses import dataclass
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure compared with a number: a feature as observed, `events` or `transactions`. False if not known."""

    figure: str
    operator: Literal[">=", ">", "<=", "<", "==", "!="]
    number: float


@dataclass(frozen=True, slots=True)
class Known:
    """Whether a figure is known."""

    figure: str


@dataclass(frozen=True, slots=True)
class Among:
    """Whether a profile attribute has one of the listed values, given by their indices. False if missing."""

    attribute: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class InGroup:
    """Whether the customer is in one of the groups of a segmentation (`clustering.identity.code_of`)."""

    segmentation: str
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Happened:
    """Whether an event occurred at least so often within the last `seconds` (infinite: ever). May be unknown."""

    event: str
    at_least: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Spent:
    """Whether at least so much (minor units) was spent in the last `days` days, today included. May be unknown."""

    at_least_minor: int
    days: int


@dataclass(frozen=True, slots=True)
class Belongs:
    """Whether the customer is a member of the audience now."""

    audience: str


Predicate: TypeAlias = Compared | Known | Among | InGroup | Happened | Spent | Belongs
