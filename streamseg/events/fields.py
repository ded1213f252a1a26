"""Types and limits of single event fields, and the checks that the models and the fast reader share."""

import re
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final, Literal

import msgspec
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field
from pydantic_core import PydanticCustomError, PydanticUseDefault

CLICK_NAME: Final = r"^[a-z][a-z0-9_]{0,39}$"
CURRENCY: Final = r"^[A-Z]{3}$"
NOT_CLICKS: Final = frozenset({"purchase", "refund"})
MAX_ITEMS: Final = 1_000
MAX_TRAITS: Final = 256
MAX_TRAIT: Final = 1e15
MERGED_FROM: Final = "merged_from"
"""Type of the pydantic error for a profile with `merged_from`."""


def is_customer_id(text: str) -> bool:
    """Return whether the text is printable, without white space or braces. Lone surrogates are not printable."""
    return text.isprintable() and " " not in text and "{" not in text and "}" not in text


@lru_cache(maxsize=1024)
def is_click_name(text: str) -> bool:
    """Return whether a click may have this name: GA4's form, and not a name of the purchases topic."""
    return re.fullmatch(CLICK_NAME[1:-1], text) is not None and text not in NOT_CLICKS


@lru_cache(maxsize=256)
def is_currency(text: str) -> bool:
    """Return whether the text has the form of an ISO 4217 code."""
    return re.fullmatch(CURRENCY[1:-1], text) is not None


def _customer_id(text: str) -> str:
    if not is_customer_id(text):
        raise PydanticCustomError("customer_id", "must be printable characters without white space or braces")
    return text


def _click_name(text: str) -> str:
    if not is_click_name(text):
        raise PydanticCustomError("event_name", "must be lower-case snake_case, and neither purchase nor refund")
    return text


def _moment(value: object) -> object:
    """Parse RFC 3339 with the fast reader's parser, so that both readers return the same microsecond."""
    if not isinstance(value, str):
        return value
    try:
        return msgspec.convert(value, Annotated[datetime, msgspec.Meta(tz=True)])
    except msgspec.ValidationError:
        raise PydanticCustomError("rfc3339", "must be an RFC 3339 date and time with an offset") from None


def _since_1970(moment: datetime) -> datetime:
    if moment.timestamp() < 0:
        raise PydanticCustomError("before_1970", "must not be before 1970")
    return moment


def _trait(value: object) -> object:
    if not isinstance(value, str | int | float | None):
        raise PydanticCustomError("trait", "must be a text, a number, a boolean or null")
    if isinstance(value, int | float) and not abs(value) <= MAX_TRAIT:
        raise PydanticCustomError("trait", "must be a number between -1e15 and 1e15")
    return value


def at_most(limit: int) -> BeforeValidator:
    """Check the number of entries before validating them: 1 MiB may hold 100,000 entries, each with an error."""

    def counted(value: object) -> object:
        if isinstance(value, list | dict) and len(value) > limit:
            raise PydanticCustomError("too_many", "must have at most {limit} entries", {"limit": limit})
        return tuple(value) if isinstance(value, list) else value

    return BeforeValidator(counted)


def null_as_default(annotation: Any) -> BeforeValidator:
    """Read null like a missing field. `annotation` is the type that the schema shows, with null."""

    def filled(value: object) -> object:
        if value is None:
            raise PydanticUseDefault
        return value

    return BeforeValidator(filled, json_schema_input_type=annotation)


def _not_merging(value: object) -> object:
    if value is not None:
        raise PydanticCustomError(MERGED_FROM, "merging customers is not supported yet: send the profile without it")
    return value


Id = Annotated[str, Field(max_length=256)]
Text = Annotated[str, Field(max_length=1024)]
Url = Annotated[str, Field(max_length=8192)]
Currency = Annotated[str, Field(pattern=CURRENCY, min_length=3, max_length=3)]
Amount = Annotated[float, Field(ge=0, le=1e12)]
Position = Annotated[int, Field(ge=0, le=1_000_000)]
Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
Trait = Annotated[
    Annotated[str, Field(max_length=1024)] | Annotated[float, Field(ge=-MAX_TRAIT, le=MAX_TRAIT)] | bool | None,
    BeforeValidator(_trait),
]
Name = Annotated[str, Field(min_length=1, max_length=64)]
_CLICK_NAME_SCHEMA: Final[dict[str, Any]] = {"pattern": CLICK_NAME, "not": {"enum": sorted(NOT_CLICKS)}}
ClickName = Annotated[str, Field(max_length=40, json_schema_extra=_CLICK_NAME_SCHEMA), AfterValidator(_click_name)]
EventId = Annotated[str, Field(min_length=1, max_length=128)]
CustomerId = Annotated[
    str,
    Field(min_length=1, max_length=256, json_schema_extra={"pattern": r"^[^\s{}]+$"}),
    AfterValidator(_customer_id),
]
PastMoment = Annotated[Moment, AfterValidator(_since_1970)]
Device = Literal["desktop", "mobile", "tablet", "other"]
NoMerge = Annotated[None, BeforeValidator(_not_merging)]
Traits = Annotated[dict[Name, Trait], Field(max_length=MAX_TRAITS), at_most(MAX_TRAITS)]
