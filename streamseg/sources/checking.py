"""Check a file of events without sending anything: what it holds, and what a worker would reject or adjust."""

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from streamseg.events.decode import Decoder
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import RejectionError
from streamseg.events.types import KINDS
from streamseg.features.update import Source, identity
from streamseg.sources.event import SourceEvent, rfc3339


class _Paid(msgspec.Struct):
    value: Decimal


_paid = msgspec.json.Decoder(_Paid).decode


@dataclass(slots=True)
class CheckReport:
    """What files hold. Rejected lines and events are in none of the other counts.

    A repeated purchase or refund counts once in orders, refunds and spend, as a worker counts it.
    """

    events: int = 0
    customers: set[str] = field(default_factory=set)
    orders: int = 0
    refunds: int = 0
    spend: defaultdict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """Value of the orders less that of the refunds, by currency."""
    first: float | None = None
    last: float | None = None
    """Times of the earliest and the latest event, epoch seconds."""
    rejected: list[tuple[int, str]] = field(default_factory=list)
    """Number of the line and reason."""
    adjusted: Counter[str] = field(default_factory=Counter)
    paid: set[tuple[str, int, str]] = field(default_factory=set)
    """Customer and identity of the orders and refunds that are counted."""

    def shown(self) -> dict[str, Any]:
        """Return the report as it is printed with `--json`."""
        return {
            "events": self.events,
            "customers": len(self.customers),
            "orders": self.orders,
            "refunds": self.refunds,
            "spend": {currency: float(amount) for currency, amount in sorted(self.spend.items())},
            "first": None if self.first is None else rfc3339(self.first),
            "last": None if self.last is None else rfc3339(self.last),
            "rejected": [{"line": line, "reason": reason} for line, reason in self.rejected],
            "adjusted": dict(sorted(self.adjusted.items())),
        }


def check(
    events: Iterable[SourceEvent],
    decoder: Decoder,
    report: CheckReport,
    reject: Callable[[int, str], None],
    clock: Callable[[], float] = time.time,
) -> None:
    """Decode the events as a worker would do now, and add them to the report."""
    for event in events:
        kind = KINDS.index(event.kind)
        key, milliseconds = event.customer_id.encode(errors="replace"), int(clock() * 1000)
        record = MemoryRecord(event.topic, 0, 0, milliseconds, key, event.value)
        try:
            decoded = decoder.decode(kind, record, report.adjusted)
        except RejectionError as error:
            reject(event.line, str(error))
            continue
        report.events += 1
        report.customers.add(event.customer_id)
        report.first = event.occurred_at if report.first is None else min(report.first, event.occurred_at)
        report.last = event.occurred_at if report.last is None else max(report.last, event.occurred_at)
        if event.kind == "purchase":
            _add_purchase(report, decoded, event)


def _add_purchase(report: CheckReport, purchase: Any, event: SourceEvent) -> None:
    known = (event.customer_id, *identity(Source.PURCHASES, purchase))
    if known in report.paid:
        return
    report.paid.add(known)
    paid = _paid(event.value).value
    if purchase.event_name == "refund":
        report.refunds += 1
        report.spend[purchase.currency] -= paid
    else:
        report.orders += 1
        report.spend[purchase.currency] += paid
