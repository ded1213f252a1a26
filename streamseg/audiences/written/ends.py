"""When something that people declare ends: a time with its zone, or the last day."""

from datetime import date, datetime, time, timedelta
from typing import Annotated, Final
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator

_EXAMPLES: Final = "must be a date such as 2027-01-31, or a time with its zone such as 2027-01-31T12:00:00+01:00"


def moment(given: object) -> date | None:
    """Read a date or a time with its zone; TOML and YAML give both as such, JSON as text. Raises `ValueError`."""
    if isinstance(given, str):
        try:
            given = date.fromisoformat(given) if len(given) <= len("2027-01-31") else datetime.fromisoformat(given)
        except ValueError:
            raise ValueError(f"{_EXAMPLES}, not {given!r}") from None
    if given is None or (isinstance(given, date) and not isinstance(given, datetime)):
        return given
    if not isinstance(given, datetime):
        raise ValueError(_EXAMPLES)  # noqa: TRY004 - pydantic wants it so
    if given.tzinfo is None:
        raise ValueError(f"has no zone: write {given.isoformat()}Z, or its offset such as +01:00")
    return given


Expiry = Annotated[datetime | date | None, BeforeValidator(moment)]


def end_of(expires: datetime | date | None, time_zone: str) -> float | None:
    """Return when it ends, epoch seconds; None for never. Days are those of the time zone."""
    if expires is None or isinstance(expires, datetime):
        return None if expires is None else expires.timestamp()
    return datetime.combine(expires + timedelta(days=1), time(), ZoneInfo(time_zone)).timestamp()
