"""Amounts by day: what a customer spent on each of the latest days, so that windows of days are exact.

A row keeps as many days as the settings say, in minor units, by age at the day of its latest amount: that day, the day
before it, ... It drops what is older. So order and batches do not matter. Days are those of the shop's time zone.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.features.groups import Groups
from streamseg.features.rows import Floats, Rows
from streamseg.features.times.local_time import local_time

LARGEST: Final = 2**31 - 1
"""Largest amount of a day, in minor units: more counts as this much."""


def add_spent(rows: Rows, groups: Groups, counted_at: Floats, minor: NDArray[np.int64]) -> None:
    """Add amounts of m purchases (refunds: negative), in minor units, as of `counted_at`, epoch seconds, shape (m,)."""
    window, slots = rows.layout.spent_days, groups.slots
    day = np.maximum(local_time(rows.layout.time_zone).day_and_hour(counted_at)[0], 0)
    before = rows.spent_day[slots, 0].astype(np.intp)
    latest = np.maximum(before, groups.greatest(day))
    aged = np.arange(window) - (latest - before)[:, None]
    held = np.where(aged >= 0, np.take_along_axis(rows.spent[slots], np.maximum(aged, 0), axis=1), 0).astype(np.int64)
    age = latest[groups.of] - day
    counts = age < window
    np.add.at(held, (groups.of[counts], age[counts]), minor[counts])
    rows.spent[slots] = np.clip(held, -LARGEST, LARGEST)
    rows.spent_day[slots, 0] = latest
