"""What windows of time are about: the events whose latest times a row keeps.

`purchase` are all purchases, `purchase.running` those with an item of the category `running`. A tracker takes four
bytes of each row for each time that it keeps.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from streamseg.errors import SettingsError
from streamseg.features.words.attributes import slug
from streamseg.nearest_names import did_you_mean

VISIT: Final = "visit"
"""Any click or purchase."""
CLICK_EVENTS: Final = {
    "session_start": "session",
    "view_item": "view",
    "view_item_list": "list",
    "select_item": "list",
    "search": "search",
    "view_search_results": "search",
    "add_to_cart": "cart",
    "remove_from_cart": "removal",
    "add_to_wishlist": "wish",
    "begin_checkout": "checkout",
}
"""Tracked event by the GA4 name of a click."""
BY_CATEGORY: Final = ("view", "cart", "purchase")
"""Events that can be tracked by the category of their items."""
EVENTS: Final = (VISIT, *dict.fromkeys(CLICK_EVENTS.values()), "purchase", "refund", "coupon")
"""Everything that can be tracked. `coupon` is a purchase with a coupon."""
TIME_BYTES: Final = 4
"""Bytes of a row for each time that is kept."""
MOST_TIMES: Final = 64


class Tracker(NamedTuple):
    """The latest times of one kind of event: `event` or `event.category`, and how many are kept."""

    event: str
    times: int


def trackers_of(times: Mapping[str, int]) -> tuple[Tracker, ...]:
    """Return the trackers of a setting, ordered by name. Raises `SettingsError` for an event that nobody can track.

    >>> trackers_of({"visit": 1, "purchase.Trail Shoes": 2})
    (Tracker(event='purchase.trail_shoes', times=2), Tracker(event='visit', times=1))
    """
    found = {}
    for name, count in times.items():
        event, dot, category = name.partition(".")
        if event not in EVENTS:
            meant = did_you_mean(event, EVENTS, f"; there are {', '.join(EVENTS)}")
            raise SettingsError(f"there is no event {event}{meant}")
        if dot and event not in BY_CATEGORY:
            raise SettingsError(f"{event} has no category: only {', '.join(BY_CATEGORY)} can have one")
        if dot and not slug(category):
            raise SettingsError(f"{name} names no category")
        if not 1 <= count <= MOST_TIMES:
            raise SettingsError(f"{name} must keep 1 to {MOST_TIMES} times, not {count}")
        found[f"{event}.{slug(category)}" if dot else event] = count
    return tuple(Tracker(event, found[event]) for event in sorted(found))
