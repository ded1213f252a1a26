"""Parse the cells of foreign files: text, exact numbers, times, and yes or no."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from math import isfinite
from typing import Final
from zoneinfo import ZoneInfo

from streamseg.sources.reading.file_format import NumberFormat, TimeFormat

CACHE_SIZE: Final = 65_536
"""Number of parsed texts to remember: prices and times recur."""
_NOT_FINITE: Final = frozenset({"nan", "inf", "-inf", "infinity", "-infinity"})
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE: Final = Decimal(1)
_LARGEST: Final = Decimal(10) ** 15
_NULL_WORDS: Final = frozenset(
    {
        "null", "(null)", "<null>", "nil", "none", "nan", "<na>", "nat", "n/a", "#n/a", "na", "\\n",
        "undefined", "(not set)", "(none)", "[object object]",
    }
)  # fmt: skip
"""Words that programs write for a missing id, in lower case."""
_WHOLE: Final = re.compile(r"([0-9]+)\.0+")
_SHORTENED: Final = re.compile(r"[0-9](\.[0-9]+)?E\+[0-9]+")
_PLAIN_NUMBER: Final = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,4})?")
_YES: Final = frozenset({"1", "true", "yes", "y", "t"})
_NO: Final = frozenset({"0", "false", "no", "n", "f"})


class RejectedLineError(ValueError):
    """The line cannot become an event; the text gives the reason."""


def cell_of(given: object) -> object:
    """Return the value of a cell without surrounding white space; None for an empty one."""
    if isinstance(given, str):
        return given.strip() or None
    return None if given != given else given  # noqa: PLR0124  NaN marks an empty cell in tables


def text_of(given: object) -> str:
    """Return a value as text; "" for None."""
    if given is None:
        return ""
    if isinstance(given, float | Decimal) and -_LARGEST <= given <= _LARGEST and given == int(given):
        return str(int(given))  # a column of integer ids becomes a column of floats when some are missing
    return str(given)


def id_of(name: str, given: object) -> str | None:
    """Return an id as text; None for a word that means a missing id. A whole number has no fraction: 17850.0 is 17850.

    Raises:
        RejectedLineError: the text is a number that a spreadsheet shortened, such as 1.7E+05, or is not finite.
    """
    text = text_of(given)
    if text.casefold() in _NULL_WORDS:
        return None
    if whole := _WHOLE.fullmatch(text):
        return whole[1]
    if _SHORTENED.fullmatch(text) or (isinstance(given, float) and not isfinite(given)):
        raise RejectedLineError(f"{name}: {text[:40]!r} is a number that lost its digits, not an id")
    return text or None


def number_of(name: str, given: object, number_format: NumberFormat) -> Decimal:
    """Return the exact decimal of the field `name`. Raises `RejectedLineError`."""
    text = text_of(given)
    if isinstance(given, bool):
        raise RejectedLineError(f"{name}: {text[:40]!r} is not a number")
    try:
        number = _decimal(_plain(text, number_format) if isinstance(given, str) else text)
    except InvalidOperation:
        raise RejectedLineError(f"{name}: {text[:40]!r} is not a number") from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise RejectedLineError(f"{name}: {text[:40]!r} is out of range")
    return number


@lru_cache(CACHE_SIZE)
def _plain(text: str, number_format: NumberFormat) -> str:
    """Return a number with "." as decimal mark and without thousands marks and signs of currencies.

    Raises:
        InvalidOperation: the text is no number in this format; thousands marks must separate groups of three digits.
    """
    minus, plain = "", text
    for sign in number_format.currency_signs:
        plain = plain.strip().removeprefix("-" + sign) if plain.strip().startswith("-" + sign) else plain.strip()
        minus = "-" if text.strip().startswith("-" + sign) else minus
        plain = plain.removeprefix(sign).removesuffix(sign).strip()
    plain = minus + plain
    whole, mark, fraction = plain.partition(number_format.decimal)
    if number_format.thousands and number_format.thousands in plain:
        first, *groups = whole.split(number_format.thousands)
        if not re.fullmatch(r"[-+]?[0-9]{1,3}", first) or not all(re.fullmatch("[0-9]{3}", each) for each in groups):
            raise InvalidOperation
        whole = "".join((first, *groups))
    elif number_format.decimal != "." and "." in plain:
        raise InvalidOperation
    plain = f"{whole}.{fraction}" if mark else whole
    if not _PLAIN_NUMBER.fullmatch(plain) and plain.casefold() not in _NOT_FINITE:
        raise InvalidOperation
    return plain


@lru_cache(CACHE_SIZE)
def _decimal(text: str) -> Decimal:
    """Parse a decimal; a whole number within range loses its trailing zeros."""
    number = Decimal(text)
    whole = number.is_finite() and abs(number) <= _LARGEST and number == number.to_integral_value()
    return number.quantize(_ONE) if whole else number


def time_of(given: object, time_format: TimeFormat, zone: ZoneInfo) -> float:
    """Return the epoch seconds of `occurred_at`, in `zone` where it has no offset. Raises `RejectedLineError`."""
    text = text_of(given)
    try:
        moment = _moment(given) if isinstance(given, date) else _parse_time(text, time_format)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        reason = f"{text[:40]!r} is not a time in the format {time_format.format}"
        raise RejectedLineError(f"occurred_at: {reason}") from None


def _moment(given: date) -> datetime:
    """Return the time; of a day without time, its begin."""
    return given if isinstance(given, datetime) else datetime.combine(given, time())


def _parse_time(text: str, time_format: TimeFormat) -> datetime:
    match time_format.format:
        case "iso8601":
            return datetime.fromisoformat(text)
        case "epoch_seconds":
            return _EPOCH + timedelta(seconds=float(text))
        case "epoch_milliseconds":
            return _EPOCH + timedelta(milliseconds=float(text))
        case "epoch_microseconds":
            return _EPOCH + timedelta(microseconds=float(text))
        case "days":
            return datetime.combine(time_format.origin, time()) + timedelta(days=float(text))
        case pattern:
            return datetime.strptime(text, pattern)  # noqa: DTZ007  the caller adds the zone


def boolean_of(name: str, given: object) -> bool:
    """Return whether the field `name` says yes. Raises `RejectedLineError`."""
    text = text_of(given).casefold()
    if text not in _YES | _NO:
        raise RejectedLineError(f"{name}: {text[:40]!r} is neither yes nor no")
    return text in _YES
