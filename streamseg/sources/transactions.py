"""Mapped lines become events; lines of one transaction become one purchase."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

import msgspec

from streamseg.sources.event import SourceEvent
from streamseg.sources.mapped import MappedLine, UnmappableLineError, rfc3339

MOST_ITEMS: Final = 1_000
"""An event takes no more."""

_encode: Final = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(slots=True)
class _Open:
    """An event that may still get lines."""

    first: MappedLine
    name: str
    at: float
    last_number: int
    items: list[dict[str, object]] = field(default_factory=list)
    amount: Decimal | None = None

    def add(self, line: MappedLine, number: int) -> None:
        self.at = max(self.at, line.at)
        self.last_number = number
        if _is_item(line.item) and len(self.items) < MOST_ITEMS:
            self.items.append(line.item)
        if line.amount is not None:
            self.amount = line.amount if self.amount is None else self.amount + line.amount


class Transactions:
    """Gathers lines until their transactions are complete, keeping the order of the file.

    Args:
        source: name of the file, from which events without an id get one.
        lookahead: how many lines the lines of a transaction stand apart at most; 0: every line is an event of its
            own; None: anywhere in the file, all are held until the end.
    """

    def __init__(self, source: str, lookahead: int | None) -> None:
        self._source = source
        self._lookahead = lookahead
        self._open: OrderedDict[object, _Open] = OrderedDict()
        self._closed: set[object] = set()

    def add(self, line: MappedLine, number: int) -> Iterator[SourceEvent]:
        """Take in a line; yields the events that this completes.

        Raises:
            UnmappableLineError: the line's transaction was completed before.
        """
        key: object = line.group if line.group is not None else number
        if key in self._closed:
            raise UnmappableLineError(
                f"transaction {'-'.join(line.group or ())} ended more than {self._lookahead} lines before: "
                'raise transactions.lookahead, or set it to "file"'
            )
        entry = self._open.get(key)
        if entry is None:
            name = "-".join(line.group[1:]) if line.group else f"{self._source}-{number}"
            entry = self._open[key] = _Open(line, name, line.at, number)
        entry.add(line, number)
        self._open.move_to_end(key)
        return self._complete(number)

    def close(self) -> Iterator[SourceEvent]:
        """The events that were still open at the end of the file."""
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
    """Whether the line says what was bought; a line that takes something off again only counts in the value."""
    quantity = item.get("quantity")
    return ("item_id" in item or "item_name" in item) and not (isinstance(quantity, Decimal) and quantity <= 0)


def _event(entry: _Open) -> SourceEvent:
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
    return SourceEvent(line.kind, event_id, line.customer_id, entry.at, _encode(body))
