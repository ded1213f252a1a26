"""Audiences by brute force, straight from the events: without rows, windows or rules of ours."""

import json
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from streamseg.sources.event import SourceEvent

DAY = 86_400

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


def members_of(events: Iterable[SourceEvent], now: float, zone: str = "Europe/Amsterdam") -> dict[str, set[str]]:
    """Return the customers of each audience of `FILE` at a moment, epoch seconds. Each event counts once."""
    seen: set[tuple[str, str]] = set()
    times: dict[str, dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    amounts: dict[str, dict[date, int]] = defaultdict(lambda: defaultdict(int))
    for event in events:
        told = json.loads(event.value)
        order = event.kind == "purchase" and told.get("event_name", "purchase") != "refund"
        identity = (event.customer_id, told["transaction_id"] if order else event.event_id)
        if identity in seen or event.kind not in {"click", "purchase"}:
            continue
        seen.add(identity)
        at, of = int(event.occurred_at), times[event.customer_id]
        shoes = any(item.get("item_category", "").lower() == "footwear" for item in told.get("items") or ())
        if event.kind == "click":
            of["visit"].append(at)
            if told["event_name"] == "view_item" and shoes:
                of["view.footwear"].append(at)
            continue
        moment = datetime.fromisoformat(told["purchased_at"]) if told.get("purchased_at") else None
        counted = moment.timestamp() if moment is not None and not order else event.occurred_at
        day = datetime.fromtimestamp(counted, UTC).astimezone(ZoneInfo(zone)).date()
        amounts[event.customer_id][day] += round(told["value"] * 100) * (1 if order else -1)
        if order:
            of["visit"].append(at)
            of["purchase"].append(at)
            if shoes:
                of["purchase.footwear"].append(at)
    today = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(zone)).date()
    found: dict[str, set[str]] = {"regulars": set(), "gone-quiet": set(), "big-spenders": set(), "undecided": set()}
    for customer, of in times.items():

        def happened(event: str, days: float, of: dict[str, list[int]] = of) -> int:
            return sum(at > int(now) - days * DAY for at in of[event])

        if happened("purchase", 30) >= 2:
            found["regulars"].add(customer)
        if of["purchase"] and not happened("visit", 7):
            found["gone-quiet"].add(customer)
        spent = sum(minor for day, minor in amounts[customer].items() if day > today - timedelta(days=20))
        if spent >= 150 * 100:
            found["big-spenders"].add(customer)
        if happened("view.footwear", 10) >= 2 and not happened("purchase.footwear", 30):
            found["undecided"].add(customer)
    return found
