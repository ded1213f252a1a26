"""Converts what rows keep for windows, between layouts that keep other events, more times or more days.

What an old row did not keep is not known: the new one says from when on its times and amounts are complete. Windows
that begin earlier are unknown, never false.
"""

import numpy as np
from numpy.typing import NDArray

from streamseg.features.fields import WINDOWS_SINCE
from streamseg.features.layout import Layout
from streamseg.features.times.local_time import local_time

Records = NDArray[np.void]


def convert_times(old: Layout, new: Layout, records: Records, made: Records) -> None:
    """Fill `tracked_times` and `tracked_from` of the new records (n,) from the old ones."""
    kept, start = {}, 0
    if old.format >= WINDOWS_SINCE:
        for index, (event, times) in enumerate(old.trackers):
            kept[event] = (index, start, times)
            start += times
    start = 0
    for index, (event, times) in enumerate(new.trackers):
        if event not in kept:
            made["tracked_from"][:, index] = _last_seen(records)
        else:
            at, old_start, old_times = kept[event]
            both = min(times, old_times)
            made["tracked_times"][:, start : start + both] = records["tracked_times"][:, old_start : old_start + both]
            complete_from = records["tracked_from"][:, at]
            if times > old_times:
                # Earlier events than the last one that is kept may have been pushed out.
                complete_from = np.maximum(complete_from, records["tracked_times"][:, old_start + old_times - 1])
            made["tracked_from"][:, index] = complete_from
        start += times


def convert_spent(old: Layout, new: Layout, records: Records, made: Records) -> None:
    """Fill `spent`, `spent_day` and `spent_from` of the new records (n,) from the old ones."""
    if not new.spent_days:
        return
    days = local_time(new.time_zone)
    if old.format < WINDOWS_SINCE or not old.spent_days:
        made["spent_from"][:, 0] = _day_after(_last_seen(records), new)
        return
    both = min(old.spent_days, new.spent_days)
    made["spent"][:, :both] = records["spent"][:, :both]
    made["spent_day"] = records["spent_day"]
    complete_from = records["spent_from"][:, 0].astype(np.intp)
    if new.spent_days > old.spent_days:
        first = np.where(np.isfinite(records["first_seen"]), records["first_seen"], 0.0)
        begins = records["spent_day"][:, 0].astype(np.intp) - old.spent_days + 1
        # Refunds count on the day of their purchase, which can be before the first event.
        unlike = records["spend_minor"] != records["spent"].sum(axis=1, dtype=np.int64)
        dropped = (days.day_and_hour(first)[0] < begins) | unlike
        complete_from = np.where(dropped, np.maximum(complete_from, begins), complete_from)
    made["spent_from"][:, 0] = complete_from


def doubt(records: Records, layout: Layout) -> None:
    """Let records (n,) know nothing of windows that begin before their latest event: the log lacked earlier ones."""
    if layout.trackers:
        records["tracked_from"] = _last_seen(records)[:, None]
    if layout.spent_days:
        records["spent_from"][:, 0] = _day_after(_last_seen(records), layout)


def _last_seen(records: Records) -> NDArray[np.float64]:
    """Return the time of the latest event, epoch seconds, shape (n,); 0 without any."""
    seen: NDArray[np.float64] = np.maximum(records["last_seen"], 0.0)
    return np.floor(seen)


def _day_after(seen: NDArray[np.float64], layout: Layout) -> NDArray[np.intp]:
    """Return the local day after each time, shape (n,); 0 for no time."""
    day: NDArray[np.intp] = np.where(seen > 0, local_time(layout.time_zone).day_and_hour(seen)[0] + 1, 0)
    return day
