"""The parts of a mapping that say how a file is written, and which of its lines belong together."""

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from streamseg.settings.toml_table import TimeZone, TomlTable

DEFAULT_LOOKAHEAD: Final = 1000
"""Greatest distance between two lines of one purchase, in lines."""


def _known_encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError(f"unknown encoding {name!r}: for example utf-8, latin-1, cp1252 or utf-16") from None
    return name


def _one_character(value: str) -> str:
    if value != "whitespace" and (len(value) != 1 or value in '\r\n"\0'):
        raise ValueError(f'must be one character, or "whitespace", not {value!r}')
    return value


Encoding = Annotated[str, AfterValidator(_known_encoding)]


class FileFormat(TomlTable):
    """How the file is written."""

    delimiter: Annotated[str, Field(min_length=1), AfterValidator(_one_character)] = ","
    columns: tuple[str, ...] = ()
    encoding: Encoding = "utf-8"
    quote: str = Field(default='"', max_length=1)
    sort: bool = False
    sheets: tuple[str, ...] = ()
    """Sheets of a workbook to read; none for the only one that holds anything."""
    items: str | None = None


class TimeFormat(TomlTable):
    """How times are written."""

    format: str = "iso8601"
    zone: TimeZone = "UTC"
    origin: date = date(1970, 1, 1)


class NumberFormat(TomlTable):
    """How numbers are written."""

    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)
    currency_signs: tuple[str, ...] = ()


class SessionRule(TomlTable):
    """Whether to add a click `session_start` before the first click of each `session_id`."""

    start: bool = False


class TransactionRule(TomlTable):
    """Which lines make up one purchase."""

    by: tuple[str, ...] = Field(min_length=1)
    lookahead: Annotated[int, Field(ge=1)] | Literal["file"] = DEFAULT_LOOKAHEAD
