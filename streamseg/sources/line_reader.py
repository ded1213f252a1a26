"""Read one line of a foreign file through a mapping."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, cached_property, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from streamseg.sources.cells import CACHE_SIZE, RejectedLineError, boolean_of, cell_of, number_of, text_of, time_of
from streamseg.sources.mapping import REFUND, SKIP, Fields, FieldSource, FileMapping

Line = Mapping[str, object]
"""Cells by column: text from CSV, any JSON or Parquet value from the other formats."""

_NUMBERS: Final = frozenset({"value", "tax", "shipping", "price", "discount", "amount", "quantity", "index"})


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
    amount: Decimal | None
    """Value of the line; None if it is not a purchase or has no price."""
    refund: bool
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
        line_kind = self._value("event", self.mapping.event, line)
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
        item: dict[str, object] = {}
        amount = None
        if kind in ("click", "purchase"):
            item = self._table(self.mapping.items, line)
            given = item.pop("amount", None)
            amount = _line_amount(item, given) if kind == "purchase" else None
            if kind == "purchase" and _is_deduction(item, amount):
                item = {}
        elif kind == "profile":
            fields["traits"] = self._table(self.mapping.traits, line)
        elif kind == "consent":
            consents = self._table(self.mapping.consents, line)
            fields["consent"] = {name: boolean_of(name, value) for name, value in consents.items()}
        group = None
        if kind == "purchase" and self.mapping.transactions:
            cells = [text_of(cell_of(line.get(column))) for column in self.mapping.transactions.by]
            group = (str(customer_id), *cells) if any(cells) else None
        return MappedLine(kind, at, str(customer_id), fields, item, amount, refund, group)

    def _table(self, table: Mapping[str, FieldSource], line: Line) -> dict[str, object]:
        """Return the fields of a table that have a value."""
        found = ((name, self._value(name, source, line)) for name, source in table.items())
        return {name: value for name, value in found if value is not None}

    def _value(self, name: str, source: FieldSource, line: Line) -> object:
        if source.constant is not None:
            return source.constant
        if len(source.columns) == 1:
            given = cell_of(line.get(source.columns[0]))
        else:
            cells = [cell for column in source.columns if (cell := cell_of(line.get(column))) is not None]
            given = cells[0] if len(cells) == 1 else " ".join(map(text_of, cells)) or None
        if source.values:
            translated = source.values.get(text_of(given), source.default)
            if translated is None:
                raise RejectedLineError(f"{name}: {text_of(given)[:40]!r} is not among the mapped values")
            given = translated
        if given is None:
            given = source.default
        if given is None:
            return None
        if source.prefix:
            given = f"{source.prefix}{given}"
        if name in _NUMBERS or source.number:
            return number_of(name, given, self.mapping.numbers)
        if name.endswith("_id") or name == "coupon":
            return text_of(given) or None
        return given


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
