"""Building blocks of every TOML file that people write: strict tables, time zones and error texts."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError


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


def first_error(error: ValidationError) -> tuple[tuple[str, ...], str, bool]:
    """Return path and message of the first error, and whether the name at the path is unknown."""
    first = error.errors(include_url=False)[0]
    path = tuple(str(part) for part in first["loc"])
    return path, first["msg"].removeprefix("Value error, "), first["type"] == "extra_forbidden"
