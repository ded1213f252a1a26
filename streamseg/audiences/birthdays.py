"""Answers whether birthdays lie in the present day, week or month of a time zone, for many rows at once."""

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.predicates import Birthday, Period, Predicate
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.times.local_time import local_time, weekday_of
from streamseg.features.windows.answers import Answers

Days = NDArray[np.intp]
"""Days since 1970."""

_LONGEST: Final = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
"""Days of each month, by its number; 0 for none."""
_YEARLESS: Final = 10_000


class OfBirthdays:
    """Questions about birthdays. Raises `ValueError` for an attribute that rows do not keep."""

    def __init__(self, layout: Layout, used: Iterable[Predicate]) -> None:
        own = [one for one in used if isinstance(one, Birthday)]
        names = [attribute.name for attribute in layout.attributes]
        self.predicates: Sequence[Predicate] = own
        self._asked = [(names.index(one.attribute), one.period, local_time(one.time_zone)) for one in own]

    def answer(self, rows: Rows, slots: Slots, at: Floats) -> Answers:
        """Answer for rows at the moments `at` (n,), epoch seconds."""
        yes = np.zeros((len(self._asked), len(slots)), dtype=np.bool_)
        until = np.full(len(slots), np.inf)
        for number, (column, period, zone) in enumerate(self._asked):
            month, day, known = _month_and_day(rows.attributes[slots, column])
            today, _ = zone.day_and_hour(at)
            begins = _begin(today, period)
            birthday = _next(begins, month, day)
            yes[number] = known & (_begin(birthday, period) == begins)
            changes = np.where(yes[number], _following(begins, period), _begin(birthday, period))
            until = np.minimum(until, np.where(known, zone.midnight(changes), np.inf))
        return Answers(yes, ~yes, until)


def _month_and_day(dates: Floats) -> tuple[Days, Days, NDArray[np.bool_]]:
    """Return month and day of numbers such as 19900517 or 517, and which of them are dates."""
    whole = np.where(np.isfinite(dates), dates, 0.0).astype(np.int64) % _YEARLESS
    month, day = whole // 100, whole % 100
    known = (month >= 1) & (month < len(_LONGEST))
    known &= (day >= 1) & (day <= _LONGEST[np.where(known, month, 0)])
    return np.where(known, month, 1).astype(np.intp), np.where(known, day, 1).astype(np.intp), known


def _next(begins: Days, month: Days, day: Days) -> Days:
    """Return the first birthday from a day on."""
    year = begins.astype("M8[D]").astype("M8[Y]").astype(np.intp)
    this, following = (_day(year + more, month, day) for more in (0, 1))
    return np.where(this >= begins, this, following)


def _day(year: Days, month: Days, day: Days) -> Days:
    """Return the day of a date; `year` counts from 1970. 29 February is 1 March in other years."""
    first: Days = (year * 12 + month - 1).astype("M8[M]").astype("M8[D]").astype(np.intp)
    return first + day - 1


def _begin(day: Days, period: Period) -> Days:
    """Return the first day of the period that a day is in; weeks begin on Monday."""
    if period == "week":
        return day - weekday_of(day)
    if period == "month":
        first: Days = day.astype("M8[D]").astype("M8[M]").astype("M8[D]").astype(np.intp)
        return first
    return day


def _following(begins: Days, period: Period) -> Days:
    """Return the first day of the next period."""
    return _begin(begins + {"day": 1, "week": 7, "month": 31}[period], period)
