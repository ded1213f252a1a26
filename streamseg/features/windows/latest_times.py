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
from streamseg.features.groups import Groups, grouped
from streamseg.features.layout import Layout
from streamseg.features.rows import Floats, Rows
from streamseg.features.windows.tracked import CLICK_EVENTS, VISIT
from streamseg.features.words.attributes import slug

Events = defaultdict[str, list[int]]
"""Positions in the batch by tracked event."""

_CACHED_NAMES: Final = 4096


def add_click_times(rows: Rows, groups: Groups, at: Floats, clicks: Sequence[Click]) -> None:
    """Add the times `at` of m clicks, epoch seconds, shape (m,)."""
    tracked, found = tracked_places(rows.layout), Events(list)
    if VISIT in tracked:
        found[VISIT] = list(range(len(clicks)))
    categorised = _categorised(rows.layout)
    for position, event in enumerate([CLICK_EVENTS.get(click.event_name) for click in clicks]):
        if event in tracked:
            found[event].append(position)
        if event is not None and event in categorised:
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
    seconds = np.maximum(at, 0.0).astype(np.int64)
    tracked, slots = tracked_places(rows.layout), groups.slots[groups.of]
    for event, positions in found.items():
        start, end = tracked[event]
        chosen = np.array(positions, dtype=np.intp)
        _merge(rows.tracked_times[:, start:end], grouped(slots[chosen]), seconds[chosen])


def _merge(kept: NDArray[np.uint32], groups: Groups, seconds: NDArray[np.int64]) -> None:
    """Merge times (m,) into the kept ones of their rows, shape (slab, N), greatest first."""
    times = kept.shape[1]
    if times == 1:
        kept[groups.slots, 0] = np.maximum(kept[groups.slots, 0], groups.greatest(seconds))
        return
    if len(seconds) == len(groups.slots):  # one time for each row: it takes its place among the kept ones
        held, time = kept[groups.slots], seconds[groups.order].astype(np.uint32)
        for place in range(times):
            held[:, place], time = np.maximum(held[:, place], time), np.minimum(held[:, place], time)
        kept[groups.slots] = held
        return
    order = np.lexsort((-seconds, groups.of))
    rank = groups.ranks()  # of the sorted events: groups have the same sizes in either order
    latest = order[rank < times]
    new = np.zeros((len(groups.slots), times), dtype=np.uint32)
    new[groups.of[latest], rank[rank < times]] = seconds[latest]
    merged = np.concatenate([kept[groups.slots], new], axis=1)
    merged.sort(axis=1)
    kept[groups.slots] = merged[:, : -times - 1 : -1]
