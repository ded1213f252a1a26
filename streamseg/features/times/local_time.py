"""Computes local hour and weekday of many times at once, from a table of a zone's offset changes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
from numpy.typing import NDArray

from streamseg.time_units import DAY_SECONDS

_FROM: Final = int(datetime(1970, 1, 1, tzinfo=UTC).timestamp())
_TO: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())
_STEP: Final = 7 * DAY_SECONDS  # no zone changes its offset twice in a week


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time zone's offset changes from 1970 to 2100. Earlier and later times use the nearest offset."""

    changes: NDArray[np.float64]
    """Epoch seconds at which the offset changes, ascending, shape (n,)."""
    offsets: NDArray[np.float64]
    """Seconds east of UTC before, between and after the changes, shape (n + 1,)."""

    def hour_and_weekday(self, at: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return local hour (0-23) and weekday (Monday is 0) of epoch seconds, each of the same shape."""
        day, hour = self.day_and_hour(at)
        return hour, weekday_of(day)

    def day_and_hour(self, at: NDArray[np.float64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return local day (1970-01-01 is 0) and hour (0-23) of epoch seconds, each of the same shape."""
        local = at + self._offset(at)
        day = np.floor_divide(local, DAY_SECONDS)
        hour = (local - day * DAY_SECONDS) // 3600
        return day.astype(np.intp), hour.astype(np.intp)

    def midnight(self, day: NDArray[np.intp]) -> NDArray[np.float64]:
        """Return when local days (1970-01-01 is 0) begin, epoch seconds, of the same shape."""
        local = (day * DAY_SECONDS).astype(np.float64)
        before = self._offset(local - 1.5 * DAY_SECONDS)
        begins = local - before
        place = np.searchsorted(self.changes, begins, side="right")
        changed, after = np.append(-np.inf, self.changes)[place], self.offsets[place]
        # Where clocks are set forward at midnight, the day begins with the change.
        return np.where(after == before, begins, np.maximum(changed, local - after))

    def _offset(self, at: NDArray[np.float64]) -> NDArray[np.float64]:
        return self.offsets[np.searchsorted(self.changes, at, side="right")]


def weekday_of(day: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return the weekday (Monday is 0) of days since 1970-01-01, which was a Thursday."""
    return (day + 3) % 7


@cache
def local_time(time_zone: str) -> LocalTime:
    """Return the table of an IANA time zone: offsets are sampled weekly, changes found by bisection."""
    zone = ZoneInfo(time_zone)

    def offset(at: int) -> float:
        found = datetime.fromtimestamp(at, zone).utcoffset()
        return found.total_seconds() if found else 0.0

    changes: list[int] = []
    offsets = [offset(_FROM)]
    for start in range(_FROM, _TO, _STEP):
        if offset(start + _STEP) == offsets[-1]:
            continue
        low, high = start, start + _STEP
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset(middle) == offsets[-1] else (low, middle)
        changes.append(high)
        offsets.append(offset(high))
    return LocalTime(np.array(changes, dtype=np.float64), np.array(offsets))
