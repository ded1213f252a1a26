"""Habits of day and hour count visits, not clicks (issue 14, number 4)."""

import random
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from streamseg.events.types import Event
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout
from streamseg.features.vector import observed, vectors
from tests.support.rows import DAY, Slab, click, purchase, refund
from tests.support.rows import NOON as FULL_HOUR

PARTS = ("night_share", "morning_share", "afternoon_share", "evening_share")
NOON = FULL_HOUR + 1.0
"""A full hour would be taken for a date without a time."""
SATURDAY = NOON - 2 * DAY
LONG = Layout.of(half_life_days=1e6)
"""Visits that hardly decay, for whole numbers."""


def shares(slab: Slab, *names: str, now: float = NOON) -> list[float]:
    found: list[float] = vectors(slab.rows, slab.all[:1], now, names)[0].tolist()
    return found


def test_one_saturday_with_20_clicks_makes_no_weekend_shopper() -> None:
    slab = Slab(LONG)
    slab.feed([click(SATURDAY + 60 * n) for n in range(20)])
    assert shares(slab, "weekend_share") == pytest.approx([(1 + 4 * 2 / 7) / (1 + 4)], abs=1e-4)
    slab.feed([click(NOON - DAY * 7 * week) for week in range(1, 4)])
    slab.feed([purchase(NOON - DAY * 7 * week) for week in range(1, 4)])
    assert shares(slab, "weekend_share") == pytest.approx([(1 + 4 * 2 / 7) / (4 + 4)], abs=1e-4), "three Mondays"


def test_a_visit_counts_once_in_each_part_of_a_local_day_that_it_touches() -> None:
    slab = Slab(Layout.of(half_life_days=1e6, time_zone="America/New_York"))
    night = SATURDAY - 7 * 3600  # 05:00 UTC, 01:00 in New York
    slab.feed([click(night), click(night + 1), click(NOON), click(NOON + 3 * 3600), click(NOON + 5 * 3600)])
    assert shares(slab, *PARTS) == pytest.approx([1.4 / 7, 2 / 7, 2.4 / 7, 1.2 / 7], abs=1e-4)
    assert slab.rows.visits[0].tolist() == [0b100, 0b1, 0b1, 0]
    assert slab.rows.visited_day[0] == int(NOON // DAY)


def test_visits_decay_by_whole_days_and_a_refund_is_none() -> None:
    slab = Slab(Layout.of(half_life_days=2))
    slab.feed([click(NOON), click(SATURDAY)])
    slab.feed([refund(NOON - DAY, 5.0)])
    assert shares(slab, "weekend_share") == pytest.approx([(0.5 + 8 / 7) / (1.5 + 4)])
    assert shares(slab, "weekend_share", now=NOON + 4 * DAY) == pytest.approx([(0.125 + 8 / 7) / (0.375 + 4)])
    seen = dict(zip(catalogue(slab.rows.layout), observed(slab.rows, slab.all, NOON)[0].tolist(), strict=True))
    assert seen["weekend_share"] == pytest.approx(0.5 / 1.5), "without a prior"


def test_visits_of_the_64_days_up_to_the_latest_are_kept() -> None:
    slab = Slab(LONG)
    days = [0, 63, 64, 200]
    slab.feed([click(NOON - n * DAY) for n in days])
    assert slab.rows.visits[0].tolist() == [0, 0, 1 | 1 << 63, 0]
    slab.feed([click(NOON + DAY)])
    assert slab.rows.visits[0].tolist() == [0, 0, 0b11, 0]
    slab.feed([click(NOON + 65 * DAY)])
    assert slab.rows.visits[0].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize("seed", range(20))
def test_order_batches_and_repetitions_do_not_change_visits(seed: int) -> None:
    draw = random.Random(seed)
    events: list[Event] = [click(NOON - draw.uniform(0, 150) * DAY) for _ in range(40)]
    whole, other = Slab(LONG), Slab(LONG)
    whole.feed(events)
    again = [*events, *(click(event.at) for event in draw.sample(events, 10))]
    draw.shuffle(again)
    while again:
        count = draw.randint(1, 7)
        other.feed(again[:count])
        again = again[count:]
    np.testing.assert_array_equal(other.rows.visits[:1], whole.rows.visits[:1])
    np.testing.assert_array_equal(other.rows.visited_day[:1], whole.rows.visited_day[:1])
    assert np.bitwise_count(whole.rows.visits[0]).sum() > 5


@pytest.mark.parametrize("time_zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_a_date_without_a_time_is_of_no_part_of_the_day(time_zone: str) -> None:
    """Orders of a file with dates only were "active mostly at night (100%)"."""
    midnight = datetime(2026, 10, 3, tzinfo=ZoneInfo(time_zone)).timestamp()  # a Saturday
    slab = Slab(Layout.of(half_life_days=1e6, time_zone=time_zone))
    slab.feed([click(midnight)])
    names = list(catalogue(slab.rows.layout))
    seen = dict(zip(names, observed(slab.rows, slab.all, midnight)[0].tolist(), strict=True))
    assert [seen[part] for part in PARTS] == pytest.approx([0.25] * 4)
    assert seen["weekend_share"] == pytest.approx(1.0)
