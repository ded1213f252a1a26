"""Answers questions about windows of time for many rows at once: yes, no, or not known, and until when."""

from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.times.local_time import local_time
from streamseg.features.windows.latest_times import tracked_places
from streamseg.features.windows.tracked import VISIT

Mask = NDArray[np.bool_]

KEPT_BY_EVERY_ROW: Final = {VISIT: 0, "purchase": 1}
"""Events whose latest time every row has, without a tracker: position among `_always`."""
_FOR_EVER: Final = 2**31 - 1
"""A window of so many seconds, 68 years, never ends."""
_FAILED: Final = np.uint32(2**31)
"""From here on, what is left of a window is less than nothing."""
_NO_DAY: Final = 2**32
"""Later than any day."""


class Answers(NamedTuple):
    """Answers to q questions by n rows: `yes` and `no` have shape (q, n); where neither is True, it is not known."""

    yes: Mask
    no: Mask
    until: Floats | None
    """When the first of the answers changes if no event comes, epoch seconds, shape (n,); infinite if none does.

    None of answers that no time changes.
    """


class CountQuestion(NamedTuple):
    """Whether an event occurred at least `at_least` times within the last `seconds` (infinite: ever)."""

    event: str
    at_least: int
    seconds: float


class AmountQuestion(NamedTuple):
    """Whether at least `minor` (minor units) were spent in the last `days` local days, today included."""

    minor: int
    days: int


class CountQuestions:
    """Questions about the latest times of events, prepared for a layout.

    The answer to one is whether an age is below a length. In whole seconds modulo 2**32 that is one subtraction and one
    comparison: what is left of a window is below 2**31 where the window holds, and at least as much where it does not.

    Raises `ValueError` for an event of which the layout keeps fewer times than a question counts.
    """

    def __init__(self, layout: Layout, questions: Sequence[CountQuestion]) -> None:
        tracked, places, trackers = tracked_places(layout), [], []
        numbers = {one.event: number for number, one in enumerate(layout.trackers)}
        times = sum(one.times for one in layout.trackers)
        for event, at_least, _ in questions:
            start, end = tracked.get(event, (0, 0))
            if 1 <= at_least <= end - start:
                places.append(start + at_least - 1)
                trackers.append(numbers[event])
            elif at_least == 1 and event in KEPT_BY_EVERY_ROW:
                places.append(times + KEPT_BY_EVERY_ROW[event])
                trackers.append(len(layout.trackers))
            else:
                raise ValueError(f"rows do not keep {at_least} times of {event}")
        self._places, self._trackers = np.array(places, dtype=np.intp), np.array(trackers, dtype=np.intp)
        self._asks_always = max(places, default=0) >= times
        seconds = np.array([one.seconds for one in questions])
        self._seconds = np.minimum(seconds, _FOR_EVER).astype(np.uint32)[:, None]
        ends = np.flatnonzero(seconds < _FOR_EVER)
        self._ends: NDArray[np.intp] | slice = slice(None) if len(ends) == len(questions) else ends
        """Questions whose answers end in time."""

    def answer(self, rows: Rows, slots: Slots, at: Floats) -> Answers:
        """Answer for rows at the moments `at` (n,), epoch seconds."""
        moment, times = at.astype(np.uint32), rows.tracked_times[slots]
        if self._asks_always:
            times = np.concatenate([times, _always(rows, slots)], axis=1)
        left = self._left(moment, times, self._places)
        yes = left < _FAILED
        first = self._first(left)
        since = rows.tracked_from[slots]
        if not since.any():
            return Answers(yes, ~yes, self._passed(moment, first))
        nothing = np.zeros((len(slots), 1), dtype=np.uint32)
        unknown = self._left(moment, np.concatenate([since, nothing], axis=1), self._trackers)
        no = ~yes & (unknown >= _FAILED)
        unknown[yes] = _FAILED
        return Answers(yes, no, self._passed(moment, np.minimum(first, self._first(unknown))))

    def _left(self, moment: NDArray[np.uint32], times: NDArray[np.uint32], of: NDArray[np.intp]) -> NDArray[np.uint32]:
        """Return the seconds for which each window still holds the time of its column, less one; see above."""
        since = np.minimum(np.maximum(moment[:, None], times) - times, _FAILED)
        since[times == 0] = _FAILED
        left: NDArray[np.uint32] = np.invert(since).T[of]
        left += self._seconds
        return left

    def _first(self, left: NDArray[np.uint32]) -> NDArray[np.uint32]:
        first: NDArray[np.uint32] = left[self._ends].min(axis=0, initial=_FAILED)
        return first

    def _passed(self, moment: NDArray[np.uint32], left: NDArray[np.uint32]) -> Floats:
        """Return when the first of the windows has passed, epoch seconds, shape (n,)."""
        return np.where(left < _FAILED, left + (moment + 1.0), inf)


class AmountQuestions:
    """Questions about the amounts of days, prepared for a layout.

    Raises `ValueError` for more days than the layout keeps.
    """

    def __init__(self, layout: Layout, questions: Sequence[AmountQuestion]) -> None:
        if any(not 1 <= one.days <= layout.spent_days for one in questions):
            raise ValueError(f"rows keep the amounts of {layout.spent_days} days")
        self._days = np.array([one.days for one in questions], dtype=np.intp)
        self._minor = np.array([one.minor for one in questions], dtype=np.int64)
        self._longest = int(self._days.max(initial=0))
        self._local = local_time(layout.time_zone)

    def answer(self, rows: Rows, slots: Slots, at: Floats) -> Answers:
        """Answer for rows at the moments `at` (n,), epoch seconds."""
        today = self._local.day_and_hour(at)[0]
        total = np.zeros((len(slots), len(self._days)), dtype=np.int64)
        change = np.full(len(slots), _NO_DAY)
        latest = rows.spent_day[slots, 0].astype(np.intp)
        buyers = np.flatnonzero(today - latest < self._longest)
        if len(buyers):
            total[buyers], change[buyers] = self._spent(rows, slots[buyers], today[buyers], latest[buyers])
        yes = (total >= self._minor).T
        complete_from = rows.spent_from[slots, 0].astype(np.intp)
        if not complete_from.any():
            return Answers(yes, ~yes, self._midnight(change))
        knows = (complete_from == 0) | (complete_from <= today - self._days[:, None] + 1)
        known = np.where(knows, _NO_DAY, complete_from + self._days[:, None] - 1).min(axis=0)
        return Answers(yes & knows, ~yes & knows, self._midnight(np.minimum(change, known)))

    def _spent(
        self, rows: Rows, slots: Slots, today: NDArray[np.intp], latest: NDArray[np.intp]
    ) -> tuple[NDArray[np.int64], NDArray[np.intp]]:
        """Return what was spent in the windows, shape (n, q), and the first day on which one of them is another sum."""
        spent = rows.spent[slots, : self._longest]
        ages = np.arange(spent.shape[1], dtype=np.int16)
        oldest = np.maximum.accumulate(np.where(spent != 0, ages, np.int16(-1)), axis=1)
        reaches = self._days - (today - latest)[:, None] - 1
        within, place = reaches >= 0, np.maximum(reaches, 0)
        total = np.take_along_axis(np.cumsum(spent, axis=1, dtype=np.int64), place, axis=1)
        age = np.take_along_axis(oldest, place, axis=1)
        leaves = np.where(within & (age >= 0), latest[:, None] - age + self._days, _NO_DAY).min(axis=1)
        return np.where(within, total, 0), leaves

    def _midnight(self, day: NDArray[np.intp]) -> Floats:
        """Return when the days begin, epoch seconds; infinite for no day."""
        return np.where(day < _NO_DAY, self._local.midnight(day), inf)


def _always(rows: Rows, slots: Slots) -> NDArray[np.uint32]:
    """Return the latest visit and purchase, which every row has, whole epoch seconds, shape (n, 2); 0 for none."""
    bought = np.maximum(rows.last_purchase[slots], 0.0)
    visited = np.maximum(rows.last_click[slots], bought)
    return np.stack([visited, bought], axis=1).astype(np.uint32)
