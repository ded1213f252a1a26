"""Building blocks of every TOML file that people write: strict tables and types of values."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


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
