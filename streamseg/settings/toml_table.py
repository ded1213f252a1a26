"""Building blocks of every TOML file that people write: strict tables, types of values and error texts."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError


class TomlTable(BaseModel):
    """A table of a TOML file. It is frozen, and unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _check_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"no such time zone: {name}") from None
    return name


TimeZone = Annotated[str, AfterValidator(_check_zone)]
"""Name of a zone in the IANA time zone database, such as `Europe/Amsterdam`."""
Positive = Annotated[float, Field(gt=0)]


FORMATS: Final[dict[str, str]] = {}
"""What a value of each pattern looks like, by the pattern. Filled where the patterns are."""

_PLAIN: Final[dict[str, str]] = {
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "int_parsing": "must be a whole number",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "date_type": "must be a date such as 2026-11-23",
    "date_parsing": "must be a date such as 2026-11-23",
    "date_from_datetime_parsing": "must be a date such as 2026-11-23",
    "dict_type": "must be a table",
    "mapping_type": "must be a table",
    "model_type": "must be a table",
    "model_attributes_type": "must be a table",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "path_type": "must be the path of a file",
    "missing": "is missing",
    "extra_forbidden": "unknown name",
    "none_required": "must not be given",
}
_WITH_BOUNDS: Final[dict[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda bounds: f"must be greater than {bounds['gt']:g}",
    "greater_than_equal": lambda bounds: f"must be at least {bounds['ge']:g}",
    "less_than": lambda bounds: f"must be less than {bounds['lt']:g}",
    "less_than_equal": lambda bounds: f"must be at most {bounds['le']:g}",
    "string_too_short": lambda bounds: f"must have at least {bounds['min_length']} characters",
    "string_too_long": lambda bounds: f"must have at most {bounds['max_length']} characters",
    "too_short": lambda bounds: f"must have at least {bounds['min_length']} entries",
    "too_long": lambda bounds: f"must have at most {bounds['max_length']} entries",
    "literal_error": lambda bounds: f"must be {bounds['expected']}",
    "string_pattern_mismatch": lambda bounds: FORMATS.get(bounds["pattern"], f"must match {bounds['pattern']}"),
}


def first_error(error: ValidationError) -> tuple[tuple[str, ...], str, bool]:
    """Return path and message of the first error, and whether the name at the path is unknown."""
    first = error.errors(include_url=False)[0]
    path = tuple(str(part) for part in first["loc"])
    return path, _message(first), first["type"] == "extra_forbidden"


def _message(error: Any) -> str:
    """Return what is wrong, in words of our own: pydantic's speak of its types."""
    kind, given = error["type"], error.get("input")
    if kind in _PLAIN:
        said = _PLAIN[kind]
    elif kind in _WITH_BOUNDS:
        said = _WITH_BOUNDS[kind](error["ctx"])
    else:
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{said}, not {given!r}" if isinstance(given, str | bool | int | float) and kind != "missing" else said
