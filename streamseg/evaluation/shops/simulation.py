"""Draws the events of a simulated shop, day by day, with known true groups."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec
import numpy as np

from streamseg.clustering.encode import Floats
from streamseg.evaluation.shops.kinds import Shop, from_real, to_real
from streamseg.evaluation.shops.way_of_change import Change
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.sources.truth import TruthRow
from streamseg.time_units import DAY_SECONDS

PRESENT_SHARE: Final = 0.7
"""Share of the customers who come from the first day; the others join before the change."""
JOIN_DAYS: Final = 10.0
"""Days in which a new kind joins."""
CARTS: Final = 6
"""Most items of a purchase that are also put in the cart one by one."""
SALE_VISITS, SALE_LOGIT_BUYS, SALE_LOGIT_DISCOUNTS = 2.0, 0.7, 3.0
_WEEKEND: Final = 2 / 7
_THURSDAY: Final = 3
_SATURDAY: Final = 5
_PRICE_SPREAD: Final = 0.4
_REFUND_DAYS: Final = 8.0
_encode: Final = msgspec.json.Encoder().encode


class Simulation:
    """Iterating yields all events in order of time, the same ones for the same arguments.

    Args:
        shop: what customers do.
        change: what happens at half time.
        seed: of all draws.
        customers: number of customers at the end.
        days: length of the history.
        ends_at: end of the history, epoch seconds.
    """

    def __init__(self, shop: Shop, change: Change, seed: int, *, customers: int, days: int, ends_at: float) -> None:
        self.starts_at = ends_at - days * DAY_SECONDS
        self._half = days // 2
        self.changes_at = self.starts_at + self._half * DAY_SECONDS
        self._shop, self._change, self._days, self._seed = shop, change, days, seed
        self._ids = [f"{seed:x}-{number:05}" for number in range(customers)]
        rng = np.random.default_rng([seed, 0])
        kinds = len(shop.kinds)
        shares = np.array([kind.share for kind in shop.kinds])
        self._before = rng.choice(kinds, size=customers, p=shares / shares.sum())
        joins = np.where(rng.random(customers) < PRESENT_SHARE, 0.0, rng.random(customers) * self._half)
        if change.newcomers:
            joins = np.where(self._before == kinds - 1, self._half + rng.random(customers) * JOIN_DAYS, joins)
        self._joins = joins
        other = (self._before + rng.integers(1, kinds, size=customers)) % kinds
        self._after = np.where(rng.random(customers) < change.moving, other, self._before)
        self._own: Floats = shop.spread * rng.normal(size=(customers, to_real([shop.kinds[0].habits]).shape[1]))
        self._weekday = rng.integers(0, 7, size=customers)
        self._household = np.exp(shop.household * rng.normal(size=customers))

    def truth(self) -> list[TruthRow]:
        """Return the kind of each customer, and one more row for each who becomes another kind, half-way to it."""
        labels = [kind.label for kind in self._shop.kinds]
        rows = []
        for name, before, after, joins in zip(self._ids, self._before, self._after, self._joins, strict=True):
            newcomer = self._change.newcomers and joins >= self._half
            since = self.starts_at + joins * DAY_SECONDS if newcomer else None
            rows.append(TruthRow(name, labels[before], since))
            if after != before:
                rows.append(TruthRow(name, labels[after], self.changes_at + self._change.over / 2 * DAY_SECONDS))
        return rows

    def __iter__(self) -> Iterator[SourceEvent]:
        rng = np.random.default_rng([self._seed, 1])
        refunds: list[tuple[float, dict[str, Any]]] = []
        number = 0
        for day in range(self._days):
            starts_at = self.starts_at + day * DAY_SECONDS
            made: list[tuple[float, str, dict[str, Any]]] = []
            habits = self._habits(day)
            for customer in self._visitors(rng, habits, day, starts_at):
                at = starts_at + float(rng.uniform(6.0, 22.0)) * 3600.0
                made += self._visit(rng, habits, customer, at)
                kind, body = made[-1][1:]
                if kind == "purchase" and rng.random() < habits["returns"][customer]:
                    refunds.append((at + float(rng.uniform(2.0, _REFUND_DAYS)) * DAY_SECONDS, body))
            due = [one for one in refunds if one[0] < starts_at + DAY_SECONDS]
            refunds = [one for one in refunds if one[0] >= starts_at + DAY_SECONDS]
            made += [(at, "purchase", body | {"event_name": "refund"}) for at, body in due]
            for at, kind, body in sorted(made, key=lambda one: one[0]):
                number += 1
                head = {"event_id": f"{self._seed:x}-e{number}", "occurred_at": rfc3339(round(at, 3))}
                document = _encode(body | head)
                yield SourceEvent(kind, head["event_id"], body["customer_id"], round(at, 3), document)

    def _habits(self, day: int) -> dict[str, Floats]:
        kinds = to_real([kind.habits for kind in self._shop.kinds])
        over = self._change.over
        passed = np.clip((day - self._half) / over, 0.0, 1.0) if over else float(day >= self._half)
        real = kinds[self._before] * (1.0 - passed) + kinds[self._after] * passed + self._own
        names = list(from_real(real))
        if 0 <= day - self._half < self._change.sale:
            real[:, names.index("visits")] += np.log(SALE_VISITS)
            real[:, names.index("buys")] += SALE_LOGIT_BUYS
            real[:, names.index("discounts")] += SALE_LOGIT_DISCOUNTS
        found = from_real(real)
        season = 1.0 + self._shop.season * np.sin(2 * np.pi * day / self._shop.season_days)
        return found | {"visits": found["visits"] * season, "lines": found["lines"] * self._household}

    def _visitors(self, rng: np.random.Generator, habits: dict[str, Floats], day: int, starts_at: float) -> list[int]:
        """Draw who comes on a day, once per visit."""
        weekday = (int(starts_at // DAY_SECONDS) + _THURSDAY) % 7
        weekend = weekday >= _SATURDAY
        share = habits["weekend"] / _WEEKEND if weekend else (1.0 - habits["weekend"]) / (1.0 - _WEEKEND)
        own = self._shop.own_weekday
        rhythm = (1.0 - own) * share + own * 7.0 * (self._weekday == weekday)
        rate = np.where(self._joins <= day, habits["visits"] * rhythm, 0.0)
        joining = (self._joins > day - 1) & (self._joins <= day)
        visits = np.maximum(rng.poisson(rate), joining)
        return np.repeat(np.arange(len(rate)), visits).tolist()

    def _visit(
        self, rng: np.random.Generator, habits: dict[str, Floats], customer: int, at: float
    ) -> list[tuple[float, str, dict[str, Any]]]:
        """Return the events of a visit; a purchase is the last."""
        buys = rng.random() < habits["buys"][customer]
        lines = 1 + int(rng.poisson(max(habits["lines"][customer] - 1.0, 0.0))) if buys else 0
        views = 1 + int(rng.poisson(habits["views"][customer]))
        prices = habits["price"][customer] * np.exp(_PRICE_SPREAD * rng.normal(size=views + lines))
        who = {"customer_id": self._ids[customer]}
        made: list[tuple[float, str, dict[str, Any]]] = []
        for number, price in enumerate(prices[: views + CARTS].round(2).tolist()):
            bought = number >= views
            name = "add_to_cart" if bought else "view_item"
            item = {"item_id": f"i-{int(price * 7) % 997}", "price": max(price, 0.05)}
            made.append((at + 20.0 * number, "click", who | {"event_name": name, "currency": "EUR", "items": [item]}))
        if buys:
            items = []
            for price in prices[views:].round(2).tolist():
                reduced = rng.random() < habits["discounts"][customer]
                item = {"item_id": f"i-{int(price * 7) % 997}", "price": max(price, 0.05), "quantity": 1}
                items.append(item | {"discount": round(0.3 * price, 2)} if reduced else item)
            value = round(sum(float(str(item["price"])) for item in items), 2)
            order = {"transaction_id": f"o-{customer}-{at:.3f}", "value": value, "currency": "EUR", "items": items}
            made.append((at + 20.0 * len(made), "purchase", who | {"event_name": "purchase"} | order))
        return made
