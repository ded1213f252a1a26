"""Local hour and weekday, compared with the standard library."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from streamseg.features.times.local_time import local_time


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam", "America/New_York", "Asia/Kolkata", "Africa/Casablanca"])
def test_hour_and_weekday_agree_with_zoneinfo(zone: str) -> None:
    at = np.random.default_rng(1).uniform(0, datetime(2060, 1, 1, tzinfo=UTC).timestamp(), 3000)
    hour, weekday = local_time(zone).hour_and_weekday(at)
    local = [datetime.fromtimestamp(moment, ZoneInfo(zone)) for moment in at.tolist()]
    assert hour.tolist() == [moment.hour for moment in local]
    assert weekday.tolist() == [moment.weekday() for moment in local]


def test_summer_time_starts_on_the_exact_second() -> None:
    switch = datetime(2026, 3, 29, 1, tzinfo=UTC).timestamp()
    hour, _ = local_time("Europe/Amsterdam").hour_and_weekday(np.array([switch - 1, switch]))
    assert hour.tolist() == [1, 3]


def test_times_outside_the_table_use_the_nearest_offset() -> None:
    hour, weekday = local_time("UTC").hour_and_weekday(np.array([-1.0, 1e11]))
    assert hour.tolist() == [23, 9]
    assert weekday.tolist() == [2, 2]
