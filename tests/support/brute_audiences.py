"""Audiences by brute force, straight from the events: without rows, windows or rules of ours."""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from streamseg.sources.event import SourceEvent

DAY = 86_400
ZONE = ZoneInfo("Europe/Amsterdam")

FILE = """
[[audience]]
id = "regulars"
name = "Bought twice this month"
purpose = "ads"
minimum_size = 5
rule = { event = "purchase", at_least = 2, within = "30 days" }

[[audience]]
id = "gone-quiet"
name = "Customers who have not come for a week"
purpose = "content"
rule = { all = [ { event = "purchase" }, { event = "visit", none_within = "7 days" } ] }

[[audience]]
id = "big-spenders"
name = "Spent 150 within 20 days"
purpose = "ads"
rule = { spent = 150, within = "20 days" }

[[audience]]
id = "undecided"
name = "Viewed footwear twice within 10 days, and bought none in a month"
purpose = "ads"
rule.all = [
  { event = "view", category = "footwear", at_least = 2, within = "10 days" },
  { not = { event = "purchase", category = "footwear", within = "30 days" } },
]
"""
SETTINGS = {
    "STREAMSEG_MEMBERSHIP__BOUND_SECONDS": str(60 * DAY),  # no sweep may come before the windows end
    "STREAMSEG_AUDIENCES__TRACKED": '{"purchase": 2, "view.footwear": 2, "purchase.footwear": 1}',
    "STREAMSEG_AUDIENCES__SPENT_DAYS": "20",
    "STREAMSEG_FEATURES__REMEMBERED_EVENT_IDS": "128",
    "STREAMSEG_FEATURES__TIME_ZONE": "Europe/Amsterdam",
}


@dataclass
class Facts:
    """What happened to one customer."""

    times: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    """Epoch seconds by event."""
    amounts: dict[date, int] = field(default_factory=lambda: defaultdict(int))
    """Minor units by local day."""

    def happened(self, event: str, days: float, now: float) -> int:
        """How often an event happened within the last days."""
        return sum(at > int(now) - days * DAY for at in self.times[event])


def local_day(at: float) -> date:
    """The day in the shop's time zone."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZONE).date()


def facts_of(events: Iterable[SourceEvent]) -> dict[str, Facts]:
    """Return the facts by customer. Each event counts once: orders by transaction id, all others by event id."""
    seen, facts = set[tuple[str, str]](), defaultdict[str, Facts](Facts)
    for event in events:
        if event.kind not in {"click", "purchase"}:
            continue
        told = json.loads(event.value)
        order = event.kind == "purchase" and told.get("event_name", "purchase") != "refund"
        identity = (event.customer_id, told["transaction_id"] if order else event.event_id)
        if identity not in seen:
            seen.add(identity)
            note(facts[event.customer_id], event, told, order=order)
    return facts


def note(one: Facts, event: SourceEvent, told: dict[str, Any], *, order: bool) -> None:
    """Note an event of a customer."""
    at = int(event.occurred_at)
    shoes = any(item.get("item_category", "").lower() == "footwear" for item in told.get("items") or ())
    names = {
        "visit": event.kind == "click" or order,
        "view.footwear": event.kind == "click" and told["event_name"] == "view_item" and shoes,
        "purchase": order,
        "purchase.footwear": order and shoes,
    }
    for name, counts in names.items():
        one.times[name] += [at] if counts else []
    if event.kind == "purchase":
        of_refund = None if order else told.get("purchased_at")
        counted = event.occurred_at if of_refund is None else datetime.fromisoformat(of_refund).timestamp()
        one.amounts[local_day(counted)] += round(told["value"] * 100) * (1 if order else -1)


def members_of(events: Iterable[SourceEvent], now: float) -> dict[str, set[str]]:
    """Return the customers of each audience of `FILE` at a moment, epoch seconds."""
    first = local_day(now) - timedelta(days=19)
    found = defaultdict[str, set[str]](set)
    for customer, one in facts_of(events).items():
        spent = sum(minor for day, minor in one.amounts.items() if day >= first)
        belongs = {
            "regulars": one.happened("purchase", 30, now) >= 2,
            "gone-quiet": bool(one.times["purchase"]) and not one.happened("visit", 7, now),
            "big-spenders": spent >= 150 * 100,
            "undecided": one.happened("view.footwear", 10, now) >= 2 and not one.happened("purchase.footwear", 30, now),
        }
        for audience, inside in belongs.items():
            if inside:
                found[audience].add(customer)
    return found
