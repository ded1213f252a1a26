"""The latest times of tracked events: a row keeps the N greatest of each, so any window is exact to the second.

"At least 2 purchases within 30 days" is the second greatest time after now - 30 days. The greatest of a multiset do not
depend on order or batches. Two events in one second are two times. Times are whole seconds; 0 is none.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.events.types import Click, Item, Purchase
from streamseg.features.groups import Groups
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.windows.tracked import CLICK_EVENTS, VISIT
from streamseg.features.words.attributes import slug

Events = defaultdict[str, list[int]]
"""Positions in the batch by tracked event."""

_CACHED_NAMES: Final = 4096
_TIME_BITS: Final = 33
"""Bits for a time in seconds beside the number of a group: more than rows keep."""


def add_click_times(rows: Rows, groups: Groups, at: Floats, clicks: Sequence[Click]) -> None:
    """Add the times `at` of m clicks, epoch seconds, shape (m,)."""
    tracked, found = tracked_places(rows.layout), Events(list)
    if VISIT in tracked:
        found[VISIT] = list(range(len(clicks)))
    happened = [CLICK_EVENTS.get(click.event_name) for click in clicks]
    for name in tracked.keys() & set(happened):
        found[name] = [position for position, event in enumerate(happened) if event == name]
    if categorised := _categorised(rows.layout):
        for position, event in enumerate(happened):
            if event in categorised:
                _note_categories(found, tracked, event, position, clicks[position].items)
    _add(rows, groups, at, found)


def add_purchase_times(rows: Rows, groups: Groups, at: Floats, purchases: Sequence[Purchase]) -> None:
    """Add the times `at` of m purchases and refunds, epoch seconds, shape (m,). A refund is no visit."""
    tracked, found = tracked_places(rows.layout), Events(list)
    for position, purchase in enumerate(purchases):
        names = ["refund"]
        if purchase.event_name != "refund":
            names = [VISIT, "purchase"]
            if purchase.coupon or any(item.coupon for item in purchase.items):
                names.append("coupon")
            _note_categories(found, tracked, "purchase", position, purchase.items)
        for event in names:
            if event in tracked:
                found[event].append(position)
    _add(rows, groups, at, found)


@cache
def tracked_places(layout: Layout) -> dict[str, tuple[int, int]]:
    """Return the first and the end position of each tracked event's times in a row."""
    places, start = {}, 0
    for event, times in layout.trackers:
        places[event] = (start, start + times)
        start += times
    return places


@cache
def _categorised(layout: Layout) -> frozenset[str]:
    """Return the events that are tracked by category."""
    return frozenset(one.event.partition(".")[0] for one in layout.trackers if "." in one.event)


def _note_categories(
    found: Events, tracked: dict[str, tuple[int, int]], event: str, position: int, items: Iterable[Item]
) -> None:
    """Note an event at a position, once for each category of its items."""
    for name in {f"{event}.{_category(item.item_category)}" for item in items if item.item_category}:
        if name in tracked:
            found[name].append(position)


@lru_cache(maxsize=_CACHED_NAMES)
def _category(name: str) -> str:
    return slug(name)


def _add(rows: Rows, groups: Groups, at: Floats, found: Events) -> None:
    seconds, tracked = np.maximum(at, 0.0).astype(np.int64), tracked_places(rows.layout)
    order = _in_time(groups, seconds)
    for event, positions in found.items():
        start, end = tracked[event]
        happened = np.zeros(len(seconds), dtype=np.bool_)
        happened[positions] = True
        chosen = order[happened[order]]
        _merge(rows.tracked_times[:, start:end], groups.slots, groups.of[chosen], seconds[chosen])


def _in_time(groups: Groups, seconds: NDArray[np.int64]) -> NDArray[np.intp]:
    """Return the events sorted by group, then by time: in most batches they are in time as they came."""
    by_group = (groups.of[groups.order] << _TIME_BITS) + seconds[groups.order]
    if (by_group[1:] >= by_group[:-1]).all():
        return groups.order
    return groups.order[by_group.argsort(kind="stable")]


def _merge(kept: NDArray[np.uint32], slots: Slots, of: NDArray[np.intp], seconds: NDArray[np.int64]) -> None:
    """Merge times (m,) into the kept ones of their rows, shape (slab, N), greatest first.

    `of` says of which of the `slots` each time is, ascending; the times of one come in their order.
    """
    times, last = kept.shape[1], np.append(np.flatnonzero(of[1:] != of[:-1]), len(of) - 1)
    slots, latest = slots[of[last]], seconds[last].astype(np.uint32)
    if times == 1:
        kept[slots, 0] = np.maximum(kept[slots, 0], latest)
        return
    held = kept[slots]
    if len(last) == len(of):  # one time for each row: it takes its place among the kept ones
        for place in range(times):
            held[:, place], latest = np.maximum(held[:, place], latest), np.minimum(held[:, place], latest)
        kept[slots] = held
        return
    row = np.repeat(np.arange(len(last)), np.diff(last, prepend=-1))
    later = last[row] - np.arange(len(of))
    most = later < times
    new = np.zeros_like(held)
    new[row[most], times - 1 - later[most]] = seconds[most]
    # Of two sorted lists of N, one of them backwards, the greater ones at each place are the N greatest of both.
    np.maximum(held, new, out=held)
    held.sort(axis=1)
    kept[slots] = held[:, ::-1]
