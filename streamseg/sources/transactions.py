"""Turn mapped lines into events; the lines of one transaction become one purchase."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from streamseg.sources.cells import RejectedLineError
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.sources.line_reader import MappedLine

MAX_ITEMS: Final = 1_000
"""Greatest number of items that an event may have."""

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(slots=True)
class _OpenEvent:
    """An event that may still get more lines."""

    first: MappedLine
    name: str
    """Id of the event, unless one is mapped."""
    at: float
    last_number: int
    number: int
    """Number of the first line."""
    items: list[dict[str, object]] = field(default_factory=list)
    amount: Decimal | None = None

    def add(self, line: MappedLine, number: int) -> None:
        self.at = max(self.at, line.at)
        self.last_number = number
        for item in (line.item, *line.more_items):
            if _is_item(item) and len(self.items) < MAX_ITEMS:
                self.items.append(item)
        if line.amount is not None:
            self.amount = line.amount if self.amount is None else self.amount + line.amount


class TransactionGrouper:
    """Collects lines until their transactions are complete. Events come out in the order of completion.

    Args:
        source: name of the file; it becomes part of generated event ids.
        lookahead: greatest distance between two lines of a transaction; 0: each line is an event; None: no limit, all
            events are held until the end and come out in order of time.
    """

    def __init__(self, source: str, lookahead: int | None) -> None:
        self._source = source
        self._lookahead = lookahead
        self._open: OrderedDict[object, _OpenEvent] = OrderedDict()
        self._closed: set[object] = set()

    def add(self, line: MappedLine, number: int) -> Iterator[SourceEvent]:
        """Add the line with this number; yield the events that are complete now.

        Raises:
            RejectedLineError: the line's transaction is already complete.
        """
        key: object = line.group if line.group is not None else number
        if key in self._closed:
            raise RejectedLineError(
                f"transaction {'-'.join(line.group or ())} ended more than {self._lookahead} lines before: "
                'raise transactions.lookahead, or set it to "file"'
            )
        entry = self._open.get(key)
        if entry is None:
            name = "-".join(line.group[1:]) if line.group else f"{self._source}-{number}"
            entry = self._open[key] = _OpenEvent(line, name, line.at, number, number)
        entry.add(line, number)
        self._open.move_to_end(key)
        return self._complete(number)

    def close(self) -> Iterator[SourceEvent]:
        """Yield the events that are still open at the end of the file."""
        entries = list(self._open.values())
        self._open.clear()
        if self._lookahead is None:
            entries.sort(key=lambda entry: entry.at)
        return map(_event, entries)

    def _complete(self, number: int) -> Iterator[SourceEvent]:
        while self._lookahead is not None and self._open:
            key, entry = next(iter(self._open.items()))
            if number - entry.last_number < self._lookahead:
                return
            del self._open[key]
            if entry.first.group is not None:
                self._closed.add(key)
            yield _event(entry)


def _is_item(item: dict[str, object]) -> bool:
    """Return whether the line names a bought item; a returned item only changes the value."""
    quantity = item.get("quantity")
    return ("item_id" in item or "item_name" in item) and not (isinstance(quantity, Decimal) and quantity <= 0)


def _event(entry: _OpenEvent) -> SourceEvent:
    line = entry.first
    body: dict[str, Any] = {"event_id": entry.name, **line.fields}
    body |= {"customer_id": line.customer_id, "occurred_at": rfc3339(entry.at)}
    if line.kind == "purchase":
        value = line.fields.get("value", entry.amount)
        total = value if isinstance(value, Decimal) else Decimal(0)
        body["event_name"] = "refund" if line.refund or total < 0 else "purchase"
        body["value"] = abs(total)
        body.setdefault("transaction_id", entry.name)
    if line.kind in ("click", "purchase"):
        body["items"] = entry.items
    event_id = str(body["event_id"])
    return SourceEvent(line.kind, event_id, line.customer_id, entry.at, _encode(body), entry.number)
