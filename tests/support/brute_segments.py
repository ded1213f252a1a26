"""Status and journey phase by brute force, straight from the events: without rows, windows or rules of ours."""

import json
from collections import defaultdict
from collections.abc import Iterable

from streamseg.sources.event import SourceEvent
from tests.support.brute_audiences import Facts, facts_of

CLICKS = {"add_to_cart": "cart", "begin_checkout": "checkout", "add_to_wishlist": "wish", "view_item": "view"}


def segments_of(events: Iterable[SourceEvent], now: float) -> dict[str, tuple[str, str]]:
    """Return status and journey phase of each customer at a moment, epoch seconds."""
    events = list(events)
    facts = facts_of(events)
    seen, clicks = set[tuple[str, str]](), defaultdict[str, list[tuple[str, int]]](list)
    for event in events:
        if event.kind == "click" and (event.customer_id, event.event_id) not in seen:
            seen.add((event.customer_id, event.event_id))
            name = CLICKS.get(json.loads(event.value)["event_name"])
            clicks[event.customer_id] += [] if name is None else [(name, int(event.occurred_at))]
    found = {}
    for customer in {event.customer_id for event in events}:
        one = facts.get(customer, Facts())
        for name, at in clicks[customer]:
            one.times[name].append(at)
        found[customer] = (f"status-{status(one, now)}", f"journey-{phase(one, now)}")
    return found


def status(one: Facts, now: float) -> str:
    """Whether a customer has bought, and lately."""
    if not one.times["purchase"]:
        return "prospect"
    return "customer" if one.happened("purchase", 365, now) else "lapsed"


def phase(one: Facts, now: float) -> str:
    """Where a customer is on the way to a purchase, and after it."""
    came = bool(one.times["visit"])
    asked = {
        "lost": came and not one.happened("visit", 180, now),
        "lapsing": came and not one.happened("visit", 60, now),
        "returning": len(one.times["purchase"]) >= 2 and one.happened("purchase", 60, now) > 0,
        "buying": one.happened("purchase", 30, now) > 0,
        "intending": one.happened("checkout", 7, now) + one.happened("cart", 2, now) > 0,
        "considering": one.happened("cart", 30, now) + one.happened("wish", 30, now) > 0,
        "interested": one.happened("view", 30, now) >= 3,
        "aware": True,
    }
    return next(name for name, holds in asked.items() if holds)
