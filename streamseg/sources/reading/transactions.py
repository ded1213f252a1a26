"""Turn mapped lines into events; the lines of one transaction become one purchase, and its refunds.

One order number may name several events: the purchase, one refund or more, and a purchase per currency. They must get
different ids, and the same ids when the file is read again (`line_identity.py`).
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from operator import attrgetter
from typing import Any, Final

import msgspec

from streamseg.events.fields import MAX_ITEMS
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.sources.reading.cells import RejectedLineError
from streamseg.sources.reading.line_identity import ContentIds, content_of, fitting, joined
from streamseg.sources.reading.line_reader import MappedLine

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(slots=True)
class _Part:
    """Lines that become one event."""

    kind: str
    refund: bool
    customer_id: str
    currency: object
    at: float
    number: int
    """Number of the first line."""
    purchased_at: float | None
    fields: dict[str, object] = field(default_factory=dict)
    """The first value of each field that a line has."""
    items: list[dict[str, object]] = field(default_factory=list)
    amount: Decimal | None = None
    content: int = 0
    """Sum of the hashes of the lines' contents, so that their order does not matter; 0 where it is not needed."""

    def add(self, line: MappedLine) -> None:
        if _differ(self.fields.get("value"), line.fields.get("value")):
            raise RejectedLineError("value: an earlier line of the transaction has another value")
        self._take(line.fields, line.at, line.amount, [one for one in (line.item, *line.more_items) if _is_item(one)])
        if self.refund or line.group is None:
            self.content += content_of(line)

    def merge(self, other: "_Part") -> None:
        """Add the lines of another part."""
        self._take(other.fields, other.at, other.amount, other.items)
        self.content += other.content
        self.number = min(self.number, other.number)

    def _take(
        self, fields: dict[str, object], at: float, amount: Decimal | None, items: list[dict[str, object]]
    ) -> None:
        self.fields = {**fields, **self.fields}
        self.at = max(self.at, at)
        self.items += items[: MAX_ITEMS - len(self.items)]
        if amount is not None:
            self.amount = amount if self.amount is None else self.amount + amount

    @property
    def total(self) -> Decimal:
        """The mapped value, else the sum of the lines' amounts."""
        value = self.fields.get("value", self.amount)
        return value if isinstance(value, Decimal) else Decimal(0)


@dataclass(slots=True)
class _Transaction:
    """A transaction that may still get more lines."""

    group: tuple[str, ...] | None
    """None: an event of one line."""
    last_number: int
    parts: dict[object, _Part] = field(default_factory=dict)

    def add(self, line: MappedLine, number: int) -> None:
        """Add a line. Raises `RejectedLineError`."""
        refund, currency = line.subtracts, line.fields.get("currency")
        # A refund has a time of its own; the purchase has that of its latest line.
        key = (refund, currency, *((line.at, *map(line.fields.get, ("event_id", "value"))) if refund else ()))
        part = self.parts.get(key)
        if part is None:
            part = _Part(line.kind, refund, line.customer_id, currency, line.at, number, line.purchased_at)
        part.add(line)
        self.parts[key] = part
        self.last_number = number

    @property
    def purchased_at(self) -> float | None:
        """Epoch seconds of the purchase; None without one."""
        return max((part.at for part in self.parts.values() if not part.refund), default=None)

    def complete(self) -> list[_Part]:
        """Return the parts. Negative amounts up to the time of their purchase are discounts, and lower its value."""
        bought = {part.currency: part for part in self.parts.values() if not part.refund}
        rest = []
        for part in self.parts.values():
            purchase = bought.get(part.currency)
            if part.refund and part.total < 0 and purchase and "value" not in part.fields and part.at <= purchase.at:
                purchase.merge(part)
            else:
                rest.append(part)
        for part in bought.values():
            part.refund = part.kind == "purchase" and part.total < 0
        return rest


class TransactionGrouper:
    """Collects the lines of one file until their transactions are complete. Events come out in the order of completion.

    Args:
        lookahead: greatest distance between two lines of a transaction; 0: each line is an event; None: no limit, all
            events are held until the end and come out in order of time.
    """

    def __init__(self, lookahead: int | None) -> None:
        self._lookahead = lookahead
        self._open: OrderedDict[object, _Transaction] = OrderedDict()
        self._purchased: dict[tuple[str, ...], float] = {}
        """Time of each complete purchase."""
        self._ids = ContentIds()

    def add(self, line: MappedLine, number: int) -> Iterator[SourceEvent]:
        """Add the line with this number; yield the events that are complete now.

        Raises:
            RejectedLineError: the line's transaction is already complete, or has another value.
        """
        closed_at = self._purchased.get(line.group) if line.group else None
        returned = line.subtracts and (line.refund or (closed_at is not None and line.at > closed_at))
        if closed_at is not None and not returned:
            raise RejectedLineError(
                f"transaction {'-'.join(line.group or ())} ended more than {self._lookahead} lines before: "
                'raise transactions.lookahead, or set it to "file"'
            )
        key: object = number if line.group is None else (returned, line.group)
        entry = self._open.get(key) or _Transaction(line.group, number)
        entry.add(line, number)
        self._open[key] = entry
        self._open.move_to_end(key)
        return self._complete(number)

    def close(self) -> Iterator[SourceEvent]:
        """Yield the events that are still open at the end of the file."""
        entries = list(self._open.values())
        for entry in entries:
            self._remember(entry)
        self._open.clear()
        events = (event for entry in entries for event in self._events(entry))
        return iter(sorted(events, key=attrgetter("occurred_at")) if self._lookahead is None else events)

    def _complete(self, number: int) -> Iterator[SourceEvent]:
        while self._lookahead is not None and self._open:
            key, entry = next(iter(self._open.items()))
            if number - entry.last_number < self._lookahead:
                return
            del self._open[key]
            self._remember(entry)
            yield from self._events(entry)

    def _remember(self, entry: _Transaction) -> None:
        if entry.group is not None and (at := entry.purchased_at) is not None:
            self._purchased[entry.group] = at

    def _events(self, entry: _Transaction) -> Iterator[SourceEvent]:
        parts = entry.complete()
        several = sum(not part.refund for part in parts) > 1
        for part in parts:
            yield self._event(part, entry.group, f"-{part.currency}" if several and not part.refund else "")

    def _event(self, part: _Part, group: tuple[str, ...] | None, suffix: str) -> SourceEvent:
        fields = part.fields
        order = str(fields.get("transaction_id") or (joined(group[1:]) if group else ""))
        event_id = str(fields.get("event_id") or "")
        if part.kind == "purchase" and not part.refund and group:
            event_id = event_id or joined(group[1:]) + suffix
        if not event_id or (part.refund and event_id == order):
            event_id = self._ids.unique(part.content)
        event_id = fitting(event_id)
        body: dict[str, Any] = {**fields, "event_id": event_id}
        body |= {"customer_id": part.customer_id, "occurred_at": rfc3339(part.at)}
        if part.kind == "purchase":
            body |= {"event_name": "refund" if part.refund else "purchase", "value": abs(part.total)}
            body["transaction_id"] = (order or event_id) + suffix
            if part.refund and (bought := self._refunded_at(part, group)) is not None:
                body["purchased_at"] = rfc3339(bought)
        if part.kind in ("click", "purchase"):
            body["items"] = part.items
        return SourceEvent(part.kind, event_id, part.customer_id, part.at, _encode(body), part.number)

    def _refunded_at(self, part: _Part, group: tuple[str, ...] | None) -> float | None:
        """Return the time of the refunded purchase: as mapped, else that of the purchase in this file."""
        if part.purchased_at is not None or group is None:
            return part.purchased_at
        bought = self._purchased.get(group)
        if bought is None and (entry := self._open.get((False, group))) is not None:
            bought = entry.purchased_at
        return bought if bought is not None and bought <= part.at else None


def _differ(one: object, other: object) -> bool:
    return one is not None and other is not None and one != other


def _is_item(item: dict[str, object]) -> bool:
    """Return whether the line names a bought item; a returned item only changes the value."""
    quantity = item.get("quantity")
    return ("item_id" in item or "item_name" in item) and not (isinstance(quantity, Decimal) and quantity <= 0)
