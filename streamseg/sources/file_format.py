"""The parts of a mapping that say how a file is written."""

from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from streamseg.settings.toml_table import TimeZone, TomlTable


def _known_encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError(f"no such encoding: {name}") from None
    return name


Encoding = Annotated[str, AfterValidator(_known_encoding)]


class FileFormat(TomlTable):
    """How the file is written."""

    delimiter: str = Field(default=",", min_length=1)
    columns: tuple[str, ...] = ()
    encoding: Encoding = "utf-8"
    quote: str = Field(default='"', max_length=1)
    sort: bool = False
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
