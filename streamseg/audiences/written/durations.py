"""Reads durations as people write them: `30 days`, `36 hours`, `2 weeks`."""

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from streamseg.time_units import DAY_SECONDS, HOUR_SECONDS
from streamseg.wrong_values import FORMATS

_SECONDS: Final = {"minute": 60, "hour": HOUR_SECONDS, "day": DAY_SECONDS, "week": 7 * DAY_SECONDS}
PATTERN: Final = r"^[1-9][0-9]{0,5} ?(min|minutes?|h|hours?|d|days?|w|weeks?)$"
FORMATS[PATTERN] = "must be a whole number of minutes, hours, days or weeks, such as 30 days"


def seconds_of(duration: str) -> int:
    """Return the seconds of a duration that fits `PATTERN`.

    >>> seconds_of("36 hours")
    129600
    """
    number, unit = re.findall(r"\d+|[a-z]+", duration)
    return int(number) * next(seconds for name, seconds in _SECONDS.items() if name.startswith(unit.rstrip("s")))


def days_of(duration: str) -> int:
    """Return the calendar days of a duration. Raises `ValueError` unless it is a whole number of days."""
    days, rest = divmod(seconds_of(duration), DAY_SECONDS)
    if rest:
        raise ValueError(f"amounts are counted in calendar days: must be whole days, not {duration!r}")
    return days


def _check_text(given: object) -> object:
    if not isinstance(given, str):
        raise ValueError("must have a unit, such as 30 days")  # noqa: TRY004 - pydantic wants it so
    return given


Duration = Annotated[str, Field(pattern=PATTERN), BeforeValidator(_check_text)]
"""A length of time as written; `seconds_of` reads it."""
