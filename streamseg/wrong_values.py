"""What is wrong with a value that people wrote, in words of our own: pydantic's speak of its types."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

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
    "string_too_short": lambda bounds: f"must have at least {_many(bounds['min_length'], 'character', 'characters')}",
    "string_too_long": lambda bounds: f"must have at most {_many(bounds['max_length'], 'character', 'characters')}",
    "too_short": lambda bounds: f"must have at least {_many(bounds['min_length'], 'entry', 'entries')}",
    "too_long": lambda bounds: f"must have at most {_many(bounds['max_length'], 'entry', 'entries')}",
    "literal_error": lambda bounds: f"must be {bounds['expected']}",
    "string_pattern_mismatch": lambda bounds: FORMATS.get(bounds["pattern"], f"must match {bounds['pattern']}"),
}


def first_error(error: ValidationError) -> tuple[tuple[str, ...], str, bool]:
    """Return path and message of the first error, and whether the name at the path is unknown."""
    first = error.errors(include_url=False)[0]
    path = tuple(str(part) for part in first["loc"])
    return path, message(first), first["type"] == "extra_forbidden"


def message(error: Mapping[str, Any]) -> str:
    """Return what is wrong by one of the errors that pydantic lists."""
    kind, given = error["type"], error.get("input")
    if kind in _PLAIN:
        said = _PLAIN[kind]
    elif kind in _WITH_BOUNDS:
        said = _WITH_BOUNDS[kind](error["ctx"])
    else:
        return str(error["msg"]).removeprefix("Value error, ")
    return f"{said}, not {given!r}" if isinstance(given, str | bool | int | float) and kind != "missing" else said


def _many(count: int, one: str, several: str) -> str:
    return f"{count} {one if count == 1 else several}"
