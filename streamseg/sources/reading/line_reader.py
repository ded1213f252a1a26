"""Read one line of a foreign file through a mapping."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from zoneinfo import ZoneInfo

from streamseg.events.identity import is_order_id
from streamseg.sources.reading.cells import (
    CACHE_SIZE,
    RejectedLineError,
    boolean_of,
    cell_of,
    id_of,
    time_of,
)
from streamseg.sources.reading.field_value import Fields, FieldSource, Line, NestedLine, value_of
from streamseg.sources.reading.mapping import REFUND, SKIP, FileMapping


@dataclass(frozen=True, slots=True)
class MappedLine:
    """The fields of one line, under the names that events use."""

    kind: str
    """A key of `TOPIC_OF_KIND`."""
    at: float
    """Epoch seconds."""
    customer_id: str
    fields: dict[str, object]
    item: dict[str, object]
    more_items: list[dict[str, object]]
    """Further items of a line that holds a list of them."""
    amount: Decimal | None
    """Value of the line; None if it is not a purchase or has no price."""
    refund: bool
    """The mapping says that the line is of a refund."""
    subtracts: bool
    """The line is of a refund, or its value or amount is negative."""
    purchased_at: float | None
    """Epoch seconds of the purchase that a refund refunds, where it is mapped."""
    line: Line
    """The line as it was read, without the cells that an earlier line fills: its id must not depend on the order."""
    group: tuple[str, ...] | None
    """Customer id and transaction columns. Purchase lines with equal groups belong together; None: on its own."""


@dataclass(frozen=True)
class LineReader:
    """Applies a mapping to lines."""

    mapping: FileMapping

    @cached_property
    def _time_of(self) -> Callable[[object], float]:
        """Parser of `occurred_at` with a cache: lines of an order, or of a day, share their time."""
        time_format, zone = self.mapping.time, ZoneInfo(self.mapping.time.zone)
        cached = lru_cache(CACHE_SIZE)(lambda text: time_of(text, time_format, zone))
        return lambda given: cached(given) if isinstance(given, str) else time_of(given, time_format, zone)

    @cached_property
    def _fields_of(self) -> Callable[[str], Fields]:
        return cache(self.mapping.fields_of)

    def read(self, line: Line) -> MappedLine | None:
        """Return the fields of a line; None if the mapping skips it.

        Raises:
            RejectedLineError: the line cannot become an event.
        """
        as_read, line = line, self._filled(line)
        line_kind = value_of("event", self.mapping.event, line, self.mapping.numbers)
        if line_kind == SKIP:
            return None
        refund = line_kind == REFUND
        kind = "purchase" if refund else str(line_kind)
        fields = self._table(self._fields_of(kind), line)
        customer_id, occurred_at = fields.pop("customer_id", None), fields.pop("occurred_at", None)
        if customer_id is None:
            raise RejectedLineError("customer_id is empty")
        if occurred_at is None:
            raise RejectedLineError("occurred_at is empty")
        at = self._time_of(occurred_at)
        refunded = fields.pop("purchased_at", None)
        item: dict[str, object] = {}
        more: list[dict[str, object]] = []
        amount = None
        if kind in ("click", "purchase"):
            items = self._items(line)
            given = [one.pop("amount", None) for one in items]
            if kind == "purchase":
                amounts = [_line_amount(*pair) for pair in zip(items, given, strict=True)]
                known = [one for one in amounts if one is not None]
                amount = sum(known, Decimal(0)) if known else None
                if amount is None and "value" not in fields:
                    raise RejectedLineError("no amount: value, amount and price are empty")
                items = [one for one, each in zip(items, amounts, strict=True) if not _is_deduction(one, each)]
            item, *more = items or [{}]
        elif kind == "profile":
            fields["traits"] = self._table(self.mapping.traits, line)
        elif kind == "consent":
            consents = self._table(self.mapping.consents, line)
            fields["consent"] = {name: boolean_of(name, value) for name, value in consents.items()}
        group = None
        if kind == "purchase":
            cells = self._order(line) or [str(fields.get("transaction_id", ""))]
            group = (str(customer_id), *cells) if any(map(is_order_id, cells)) else None
        value = fields.get("value", amount)
        subtracts = refund or (kind == "purchase" and isinstance(value, Decimal) and value < 0)
        purchased_at = self._purchased_at(refunded, at) if subtracts else None
        return MappedLine(
            kind, at, str(customer_id), fields, item, more, amount, refund, subtracts, purchased_at, as_read, group
        )

    def _purchased_at(self, given: object, at: float) -> float | None:
        """Return the time of the purchase that a refund at `at` refunds."""
        if given is None:
            return None
        try:
            purchased_at = self._time_of(given)
        except RejectedLineError as error:
            raise RejectedLineError(str(error).replace("occurred_at", "purchased_at", 1)) from None
        if purchased_at > at:
            raise RejectedLineError("purchased_at: is after occurred_at")
        return purchased_at

    def _items(self, line: Line) -> list[dict[str, object]]:
        """Return the item of the line, or those of its list of items; at least one, which may be empty."""
        if self.mapping.file.items is None:
            return [self._table(self.mapping.items, line)]
        listed = line.get(self.mapping.file.items)
        entries = listed if isinstance(listed, list) else []
        items = [self._table(self.mapping.items, NestedLine(each)) for each in entries if isinstance(each, dict)]
        return [item for item in items if item] or [{}]

    def _order(self, line: Line) -> list[str]:
        """Return the cells that identify the line's transaction."""
        return [id_of(column, cell_of(line.get(column))) or "" for column in self._by]

    @cached_property
    def _by(self) -> tuple[str, ...]:
        """Columns that identify a transaction: those of `[transactions]`, else those of the transaction id."""
        if self.mapping.transactions:
            return self.mapping.transactions.by
        source = self._fields_of("purchase").get("transaction_id")
        return tuple(source.columns) if source else ()

    @cached_property
    def _order_columns(self) -> tuple[str, ...]:
        """Columns that hold for a whole transaction. The customer's are not among them: `by` may name a day."""
        own = {name: source for name, source in self._fields_of("purchase").items() if name != "customer_id"}
        columns = (column for source in (self.mapping.event, *own.values()) for column in source.all_columns)
        return tuple(dict.fromkeys(columns)) if self._by else ()

    @cached_property
    def _first_lines(self) -> OrderedDict[tuple[object, ...], Line]:
        """First lines of the transactions read last."""
        return OrderedDict()

    def _filled(self, line: Line) -> Line:
        """Return the line; empty cells of the order have the values of the transaction's first line."""
        if not self._order_columns or not any(map(is_order_id, order := self._order(line))):
            return line
        key = (*order, *(cell_of(line.get(column)) for column in self._fields_of("purchase")["customer_id"].columns))
        first = self._first_lines.setdefault(key, line)
        self._first_lines.move_to_end(key)
        lookahead = self.mapping.lookahead
        if lookahead is not None and len(self._first_lines) > lookahead:
            self._first_lines.popitem(last=False)
        if first is line:
            return line
        empty = [column for column in self._order_columns if cell_of(line.get(column)) is None]
        return NestedLine({**line, **{column: first.get(column) for column in empty}}) if empty else line

    def _table(self, table: Mapping[str, FieldSource], line: Line) -> dict[str, object]:
        """Return the fields of a table that have a value."""
        found = ((name, value_of(name, source, line, self.mapping.numbers)) for name, source in table.items())
        return {name: value for name, value in found if value is not None}


def _is_deduction(item: Mapping[str, object], amount: Decimal | None) -> bool:
    """Return whether a purchase line is a discount or a return: it lowers the value and is no bought item."""
    price = item.get("price")
    return (amount is not None and amount < 0) or (isinstance(price, Decimal) and price < 0)


def _line_amount(item: dict[str, object], amount: object) -> Decimal | None:
    """Return the value of a purchase line; set the item's price where only the amount is known."""
    price, quantity = item.get("price"), item.get("quantity", Decimal(1))
    assert isinstance(quantity, Decimal)  # the reader makes numbers of both
    if amount is None:
        return price * quantity if isinstance(price, Decimal) else None
    assert isinstance(amount, Decimal)
    if price is None and quantity:
        item["price"] = abs(round(amount / quantity, 4))
    return amount
