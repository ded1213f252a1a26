"""What happened to a customer as plain lists of events, and windows over them by counting. No row is involved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from streamseg.events.types import Click, Event, Purchase
from streamseg.features.update import identity
from streamseg.features.windows.tracked import CLICK_EVENTS
from tests.support.rows import source_of

EPOCH = date(1970, 1, 1)


def day_of(at: float, zone: str) -> int:
    """Return the local day of epoch seconds, as days since 1970."""
    return (datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone)).date() - EPOCH).days


@dataclass
class Happenings:
    """All that happened to one customer: whole seconds by tracked event, and (day, minor units) of each amount."""

    times: dict[str, list[int]] = field(default_factory=dict)
    amounts: list[tuple[int, int]] = field(default_factory=list)

    @classmethod
    def of(cls, events: Iterable[Event], zone: str) -> "Happenings":
        """Read events; of those with the same identity the first counts."""
        told, seen = cls(), set[tuple[int, str]]()
        for event in events:
            known = identity(int(source_of(event)), event)
            if known in seen:
                continue
            seen.add(known)
            if isinstance(event, Click):
                told._click(event)
            elif isinstance(event, Purchase):
                told._purchase(event, zone)
        return told

    def _click(self, click: Click) -> None:
        self._note("visit", click)
        name = CLICK_EVENTS.get(click.event_name)
        if name is not None:
            self._note(name, click)

    def _purchase(self, purchase: Purchase, zone: str) -> None:
        at, sign = purchase.occurred_at.timestamp(), 1
        if purchase.event_name == "refund":
            self._note("refund", purchase)
            at, sign = (purchase.purchased_at or purchase.occurred_at).timestamp(), -1
        else:
            self._note("visit", purchase)
            self._note("purchase", purchase)
            if purchase.coupon or any(item.coupon for item in purchase.items):
                self._note("coupon", purchase)
        self.amounts.append((day_of(at, zone), sign * round(purchase.value * 100)))

    def _note(self, name: str, event: Click | Purchase) -> None:
        at = int(event.occurred_at.timestamp())
        self.times.setdefault(name, []).append(at)
        if name in {"view", "cart", "purchase"}:
            for category in {item.item_category.lower() for item in event.items if item.item_category}:
                self.times.setdefault(f"{name}.{category}", []).append(at)

    def count(self, name: str, seconds: float, at: float) -> int:
        """Return how often something happened within the last seconds before a moment."""
        return sum(one > int(at) - seconds for one in self.times.get(name, ()))

    def spent(self, days: int, at: float, zone: str) -> int:
        """Return what was spent within the last local days, today included, in minor units."""
        today = day_of(at, zone)
        return sum(minor for day, minor in self.amounts if day > today - days)

    def latest(self, name: str, times: int) -> list[int]:
        """Return so many latest times of an event, 0 for none."""
        found: Sequence[int] = sorted(self.times.get(name, ()), reverse=True)[:times]
        return [*found, *[0] * (times - len(found))]


def midnight(day: int, zone: str) -> float:
    """Return when a local day begins, epoch seconds."""
    found = datetime.combine(EPOCH + timedelta(days=day), datetime.min.time(), ZoneInfo(zone))
    return found.timestamp()
