"""Birthdays in the present day, week or month equal a count by the calendar, and hold until they say."""

import random
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from streamseg.audiences.birthdays import OfBirthdays
from streamseg.audiences.predicates import Birthday, Period
from streamseg.features.layout import Attribute, Layout
from streamseg.features.rows import Rows

ZONES = ("Europe/Amsterdam", "America/New_York", "Asia/Tokyo")
LAYOUT = Layout.of(attributes=(Attribute("age"), Attribute("birthday")), audiences=1)


def celebrates(birthday: tuple[int, int], today: date, period: Period) -> bool:
    """Whether one of the days of the period is the birthday."""
    if period == "day":
        days = [today]
    elif period == "week":
        monday = today - timedelta(days=today.weekday())
        days = [monday + timedelta(days=n) for n in range(7)]
    else:
        days = [today.replace(day=1) + timedelta(days=n) for n in range(31)]
        days = [one for one in days if one.month == today.month]
    leap = today.replace(month=12, day=31).timetuple().tm_yday == 366
    wanted = (3, 1) if birthday == (2, 29) and not leap else birthday
    return any((one.month, one.day) == wanted for one in days)


def asked(dates: list[float], predicate: Birthday, at: float) -> tuple[list[bool], list[float]]:
    rows = Rows(LAYOUT, len(dates))
    slots = rows.load([f"c-{n}" for n in range(len(dates))], [None] * len(dates))
    rows.attributes[slots, 1] = dates
    answers = OfBirthdays(LAYOUT, [predicate]).answer(rows, slots, np.full(len(slots), at))
    assert answers.until is not None
    assert (answers.no == ~answers.yes).all()
    return answers.yes[0].tolist(), answers.until.tolist()


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("period", ["day", "week", "month"])
def test_birthdays_are_those_of_the_calendar_and_hold_until_they_say(period: Period, zone: str) -> None:
    draw, predicate = random.Random(f"{period} {zone}"), Birthday("birthday", period, zone)
    for _ in range(60):
        at = draw.uniform(1_700_000_000, 1_900_000_000)
        today = datetime.fromtimestamp(at, ZoneInfo(zone)).date()
        near = [today + timedelta(days=draw.randrange(-40, 40)) for _ in range(8)]
        birthdays = [(one.month, one.day) for one in near] + [(2, 29), (12, 31), (1, 1)]
        dates = [draw.choice([0, 1990]) * 10_000.0 + month * 100 + day for month, day in birthdays]
        found, until = asked(dates, predicate, at)
        if (today.month, today.day) != (2, 29):
            assert found == [celebrates(one, today, period) for one in birthdays]
        for birthday, number, inside, end in zip(birthdays, dates, found, until, strict=True):
            assert end > at
            before, after = (asked([number], predicate, moment)[0][0] for moment in (end - 1, end))
            assert (before, after) == (inside, not inside), (birthday, datetime.fromtimestamp(end, UTC))


def test_what_is_no_date_is_no_birthday() -> None:
    found, until = asked([np.nan, 0.0, 1990.0, 1332.0, 231.0, -5.0, 42.0], Birthday("birthday", "month", "UTC"), 1.8e9)
    assert found == [False] * 7
    assert until == [np.inf] * 7
