"""The visits of a row: in which parts of which days a customer came, however much they did then.

Shares of clicks let one Saturday with 20 clicks make a weekend shopper. A click or purchase marks its local day and
part of the day, so a visit counts once in each part that it touches. A row holds one bit per part and day of the
`WINDOW` days up to its latest visit. Marks are a union, and what leaves the window depends on the latest visit
only: so order, batches and repetitions of events do not matter, and no session id is needed.
"""

from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.features.aggregates import DAY_PARTS
from streamseg.features.groups import Groups
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.times.local_time import local_time, weekday_of
from streamseg.time_units import DAY_SECONDS

WINDOW: Final = 64
"""Days that a row remembers: one per bit."""
SATURDAY: Final = 5
_DATE_ONLY_SECONDS: Final = 1_800
"""A time at a full or half hour is taken for a date: midnight, in whatever time zone. Few true times are."""
_WEEK: Final = 7
_PARTS: Final = len(DAY_PARTS)
_BYTES: Final = WINDOW // 8
_VALUES: Final = 256


def add_visits(rows: Rows, groups: Groups, at: Floats) -> None:
    """Mark the visits at times `at` (m,), epoch seconds; one that is not finite marks none.

    A date without a time marks all parts of its day: orders of a file with dates only would all be made at night.
    """
    counts = np.isfinite(at)
    day, hour = local_time(rows.layout.time_zone).day_and_hour(np.where(counts, at, 0.0))
    day = np.where(counts, np.maximum(day, 0), 0)
    before = rows.visited_day[groups.slots].astype(np.intp)
    latest = np.maximum(before, groups.greatest(day))
    age = latest[groups.of] - day
    bit = np.where(counts & (age < WINDOW), np.uint64(1) << (age % WINDOW).astype(np.uint64), np.uint64(0))
    dated = np.where(counts, at, 0.0) % _DATE_ONLY_SECONDS == 0
    touched = (hour[:, None] * _PARTS // 24 == np.arange(_PARTS)) | dated[:, None]
    marks = np.where(touched, bit[:, None], np.uint64(0))
    new = np.bitwise_or.reduceat(marks[groups.order], groups.starts, axis=0)
    passed = latest - before
    held = rows.visits[groups.slots] << (passed % WINDOW).astype(np.uint64)[:, None]
    rows.visits[groups.slots] = np.where(passed[:, None] < WINDOW, held, np.uint64(0)) | new
    rows.visited_day[groups.slots] = latest


def decayed(rows: Rows, slots: Slots, now: Floats) -> tuple[Floats, Floats]:
    """Return the decayed visits by part of the day, shape (n, 4), and those at weekends, shape (n,).

    A visit counts 2^-(days ago / habit half-life) at `now` (n,).
    """
    half_life = rows.layout.half_life_seconds / DAY_SECONDS
    latest = rows.visited_day[slots].astype(np.intp)
    held = np.ascontiguousarray(rows.visits[slots], dtype="<u8").view(np.uint8).reshape(-1, _PARTS, _BYTES)
    place = (weekday_of(latest)[:, None, None] * _BYTES + np.arange(_BYTES)) * _VALUES + held
    visits = _worth(half_life).take(place).sum(axis=2)
    today, _ = local_time(rows.layout.time_zone).day_and_hour(now)
    kept = np.exp2(-np.maximum(today - latest, 0) / half_life)
    return visits.real * kept[:, None], visits.imag.sum(axis=1) * kept


def days_visited(rows: Rows, slots: Slots) -> Floats:
    """Return the number of days with a visit (n,), of the `WINDOW` days up to the latest."""
    found: Floats = np.bitwise_count(np.bitwise_or.reduce(rows.visits[slots], axis=1)).astype(np.float64)
    return found


@lru_cache(maxsize=8)
def _worth(half_life: float) -> NDArray[np.complex128]:
    """Return what a byte of marks is worth at the latest visit: all, and i times that at weekends, (14336,).

    Rows are by weekday of the latest visit, then place of the byte, then its value.
    """
    ages = np.arange(WINDOW)
    worth = np.exp2(-ages / half_life)
    weekend = (np.arange(_WEEK)[:, None] - ages) % _WEEK >= SATURDAY
    each = (worth + 1j * worth * weekend).reshape(_WEEK, _BYTES, 8)
    bits = np.arange(_VALUES)[:, None] >> np.arange(8) & 1
    table: NDArray[np.complex128] = np.einsum("vb,wpb->wpv", bits, each).ravel()
    return table
