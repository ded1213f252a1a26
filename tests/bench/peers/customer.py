"""The work per event that all peers share, in plain Python without batches and arrays.

Features, half-lives, model and written values are the same as ours.
"""

import json
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from streamseg.clustering.snapshot import Snapshot
from streamseg.features.aggregates import BROWSED, CLICK_COUNTS, DAY_PARTS, DEVICES, RECENT, aggregates, category_sum
from streamseg.features.times.visits import WINDOW
from streamseg.time_units import DAY_SECONDS

HALF_LIFE_DAYS: Final = 30
HALF_LIFE_SECONDS: Final = HALF_LIFE_DAYS * DAY_SECONDS
RECENT_HALF_LIFE_SECONDS: Final = 7 * DAY_SECONDS
RECENCY_CAP_DAYS: Final = 365.0
REMEMBERED_EVENT_IDS: Final = 8
BOUND_SECONDS: Final = DAY_SECONDS
MARGIN: Final = 0.05
LOOKS: Final = 2
SATURDAY: Final = 5
ROW_PREFIX: Final = "peer:row:"
DONE: Final = "peer:done"
"""Key at which peers that write a customer once per batch count the events that are in the store."""
MEMBERSHIP_SECONDS: Final = 30 * 86_400
"""Expiry of a membership string. Peers write rows with SET and memberships with SETEX, so that the benchmark can read
their progress from the number of SETs."""
SUMS: Final = [one.name for one in aggregates(())]
_RECENT: Final = {one.name for one in aggregates(()) if one.recent}

Customer = dict[str, Any]


def fresh() -> Customer:
    """A new customer."""
    return {
        "events": 0, "transactions": 0, "spend_minor": 0, "first_seen": None, "last_seen": None, "sums": {},
        "visits": {},
        "ids": [], "segment": None, "candidate": None, "streak": 0, "since": 0, "seq": 0, "published_at": 0,
    }  # fmt: skip


def add_click(customer: Customer, click: Any, at: float) -> bool:
    """Add a click to the customer. Returns False for a duplicate."""
    if click.event_id in customer["ids"]:
        return False
    sums, last = customer["sums"], customer["last_seen"]
    anchor = at if last is None else max(last, at)
    if last is not None and anchor > last:
        for name in sums:
            sums[name] *= 2.0 ** (-(anchor - last) / _half_life(name))
    moment = datetime.fromtimestamp(at, UTC)
    days = customer["visits"]
    day, part = moment.toordinal(), moment.hour * len(DAY_PARTS) // 24
    days[str(day)] = sorted({*days.get(str(day), ()), part})
    latest = max(map(int, days))
    customer["visits"] = {one: parts for one, parts in days.items() if int(one) > latest - WINDOW}
    for name, weight in _weights(click):
        sums[name] = sums.get(name, 0.0) + weight * 2.0 ** (-(anchor - at) / _half_life(name))
        if name in RECENT:
            recent = f"recent_{name}"
            sums[recent] = sums.get(recent, 0.0) + weight * 2.0 ** (-(anchor - at) / RECENT_HALF_LIFE_SECONDS)
    customer["events"] += 1
    customer["ids"] = [*customer["ids"], click.event_id][-REMEMBERED_EVENT_IDS:]
    customer["first_seen"] = at if customer["first_seen"] is None else min(customer["first_seen"], at)
    customer["last_seen"] = anchor
    return True


def _half_life(name: str) -> float:
    return RECENT_HALF_LIFE_SECONDS if name in _RECENT else HALF_LIFE_SECONDS


def _weights(click: Any) -> list[tuple[str, float]]:
    weights = [("clicks", 1.0)]
    if click.device_category is not None:
        weights.append(("devices", 1.0))
        if click.device_category in DEVICES:
            weights.append((click.device_category, 1.0))
    count = CLICK_COUNTS.get(click.event_name)
    if count is not None:
        weights.append((count, 1.0))
    if count in BROWSED:
        for item in click.items:
            if item.item_category:
                weights.append((category_sum("other"), 1.0))
            if item.price is not None:
                weights += [("lines_browsed", 1.0), ("price_browsed", math.log1p(item.price))]
    return weights


def vector(customer: Customer, now: float) -> list[float]:
    """The features of the segmentation `behaviour`, in the order of its settings."""
    sums, age = customer["sums"], max(0.0, now - customer["last_seen"])
    habit: float = 2.0 ** (-age / HALF_LIFE_SECONDS)

    def total(name: str) -> float:
        return float(sums.get(name, 0.0)) * habit

    def share(part: str, whole: float, prior: float) -> float:
        return min((total(part) + 4.0 * prior) / (whole + 4.0), 1.0)

    def level(logs: str, count: str, prior: float) -> float:
        return math.expm1((total(logs) + math.log1p(prior)) / (total(count) + 1.0))

    return [
        RECENCY_CAP_DAYS,
        min(age / DAY_SECONDS, RECENCY_CAP_DAYS),
        total("views"),
        total("purchases"),
        total("sessions"),
        total("spend"),
        level("order_log", "purchases", 60.0),
        (total("items") + 1.0) / (total("purchases") + 1.0),
        share("carts", total("views"), 0.1),
        share("purchases", total("carts"), 0.3),
        level("price_browsed", "lines_browsed", 30.0),
        level("price_bought", "lines_bought", 30.0),
        share("discount", total("lines_bought"), 0.05),
        _weekend_share(customer["visits"], now),
    ]


def _weekend_share(visits: dict[str, list[int]], now: float) -> float:
    today = datetime.fromtimestamp(now, UTC).toordinal()
    weights = {int(day): len(parts) * 2.0 ** (-(today - int(day)) / HALF_LIFE_DAYS) for day, parts in visits.items()}
    weekend: float = sum(weight for day, weight in weights.items() if date.fromordinal(day).weekday() >= SATURDAY)
    found: float = (weekend + 4.0 * 2 / 7) / (sum(weights.values()) + 4.0)
    return found


class Model:
    """The snapshot that the benchmark published."""

    def __init__(self, snapshot: bytes) -> None:
        read = Snapshot.from_json(snapshot)
        self.version = read.version
        self._segments = read.segments
        self._centres = read.centres
        self._steps = list(zip(read.skewed, read.scale.mean, [v**0.5 for v in read.scale.variance], strict=True))
        self._bound = math.inf if read.scale.bound is None else read.scale.bound

    def distances(self, values: list[float]) -> list[tuple[float, str]]:
        """Distance to every segment, nearest first."""
        scaled = [
            self._bounded(((math.log1p(max(value, 0.0)) if skewed else value) - mean) / deviation) if deviation else 0.0
            for value, (skewed, mean, deviation) in zip(values, self._steps, strict=True)
        ]
        return sorted(
            (math.dist(scaled, centre), segment) for centre, segment in zip(self._centres, self._segments, strict=True)
        )

    def _bounded(self, value: float) -> float:
        return max(-self._bound, min(self._bound, value))


def settle(customer: Customer, model: Model, now: float) -> list[dict[str, str]]:
    """Move the customer by margin and looks. Returns the changes."""
    ranked = model.distances(vector(customer, now))
    nearest, own = ranked[0], customer["segment"]
    to_own = next((distance for distance, segment in ranked if segment == own), math.inf)
    customer["score"] = round(max(0.0, 1.0 - nearest[0] / ranked[1][0]), 2)
    if nearest[1] == own or nearest[0] > to_own * (1 - MARGIN):
        customer["candidate"], customer["streak"] = None, 0
        return []
    customer["streak"] = customer["streak"] + 1 if customer["candidate"] == nearest[1] else 1
    customer["candidate"] = nearest[1]
    if own is not None and customer["streak"] < LOOKS:
        return []
    customer.update(segment=nearest[1], candidate=None, streak=0, since=int(now))
    exited = [] if own is None else [{"segmentation": "behaviour", "segment": own, "change": "exited"}]
    return [*exited, {"segmentation": "behaviour", "segment": nearest[1], "change": "entered"}]


def membership(customer_id: str, customer: Customer, model: Model, now: float, *, moved: bool) -> str | None:
    """The membership string, or None when it need not be written."""
    if not moved and now - customer["published_at"] <= BOUND_SECONDS / 2:
        return None
    customer["seq"] += 1
    customer["published_at"] = int(now)
    segment = {"id": customer["segment"], "since": customer["since"], "score": customer["score"]}
    return json.dumps(
        {
            "v": 1, "customer_id": customer_id, "epoch": 1, "seq": customer["seq"], "as_of": int(now),
            "model": {"behaviour": model.version}, "segments": {"behaviour": segment},
            "consent": {"ads": False, "personalisation": True},
        },
        separators=(",", ":"),
    )  # fmt: skip


def row(customer: Customer) -> str:
    """The stored value of a customer; begins with the counts that the benchmark checks."""
    exact = f"{customer['events']} {customer['transactions']} {customer['spend_minor']} "
    return exact + json.dumps(customer, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What has to be written after one event."""

    customer_id: str
    row: str
    membership: str | None
    changes: list[dict[str, str]]

    @property
    def change_record(self) -> dict[str, Any]:
        """The record for the memberships topic."""
        return {"membership": self.membership, "changes": self.changes}


def take(customer: Customer, click: Any, model: Model, now: float) -> Outcome | None:
    """Do all the work of one click. Returns None for a duplicate."""
    if not add_click(customer, click, click.occurred_at.timestamp()):
        return None
    changes = settle(customer, model, now)
    string = membership(click.customer_id, customer, model, now, moved=bool(changes))
    return Outcome(click.customer_id, row(customer), string, changes)
