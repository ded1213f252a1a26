"""One line of a foreign file, read through a mapping."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from functools import cache, cached_property, lru_cache
from typing import Final
from zoneinfo import ZoneInfo

from streamseg.sources.mapping import REFUND, SKIP, ColumnSource, Fields, FileMapping, NumberForm, TimeForm

Line = Mapping[str, object]
"""A line by column: text from CSV, any JSON or Parquet value from the others."""

REMEMBERED: Final = 65_536
"""Texts of times and numbers whose values are kept."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ONE: Final = Decimal(1)
_LARGEST: Final = Decimal(10) ** 15
_NUMBERS: Final = frozenset({"value", "tax", "shipping", "price", "discount", "amount", "quantity", "index"})
_YES: Final = frozenset({"1", "true", "yes", "y", "t"})
_NO: Final = frozenset({"0", "false", "no", "n", "f"})


class UnmappableLineError(ValueError):
    """The line cannot become an event; the text says why."""


@dataclass(frozen=True, slots=True)
class MappedLine:
    """What a line says, in the words of events."""

    kind: str
    at: float
    """Epoch seconds."""
    customer_id: str
    fields: dict[str, object]
    item: dict[str, object]
    amount: Decimal | None
    """What the line costs; None unless it is a purchase."""
    refund: bool
    group: tuple[str, ...] | None
    """Lines of a purchase with equal groups belong together; None: it stands alone."""


@dataclass(frozen=True)
class LineReader:
    """Applies a mapping to lines."""

    mapping: FileMapping

    @cached_property
    def _at(self) -> Callable[[object], float]:
        """Epoch seconds of a time as it is written. The lines of an order, or of a day, have the same."""
        form, zone = self.mapping.time, ZoneInfo(self.mapping.time.zone)
        remembered = lru_cache(REMEMBERED)(lambda text: moment_of(text, form, zone))
        return lambda given: remembered(given) if isinstance(given, str) else moment_of(given, form, zone)

    @cached_property
    def _fields_of(self) -> Callable[[str], Fields]:
        return cache(self.mapping.fields_of)

    def read(self, line: Line) -> MappedLine | None:
        """What the line says; None if the mapping skips it.

        Raises:
            UnmappableLineError: with the reason.
        """
        word = self._value("event", self.mapping.event, line)
        if word == SKIP:
            return None
        refund = word == REFUND
        kind = "purchase" if refund else str(word)
        fields = self._table(self._fields_of(kind), line)
        customer_id, moment = fields.pop("customer_id", None), fields.pop("occurred_at", None)
        if customer_id is None:
            raise UnmappableLineError("no customer id")
        if moment is None:
            raise UnmappableLineError("no time")
        at = self._at(moment)
        item: dict[str, object] = {}
        amount = None
        if kind in ("click", "purchase"):
            item = self._table(self.mapping.items, line)
            given = item.pop("amount", None)
            amount = _priced(item, given) if kind == "purchase" else None
        elif kind == "profile":
            fields["traits"] = self._table(self.mapping.traits, line)
        elif kind == "consent":
            fields["consent"] = {
                name: _boolean(name, value) for name, value in self._table(self.mapping.consents, line).items()
            }
        group = None
        if kind == "purchase" and self.mapping.transactions:
            named = [_text(_cell(line.get(column))) for column in self.mapping.transactions.by]
            group = (str(customer_id), *named) if any(named) else None
        return MappedLine(kind, at, str(customer_id), fields, item, amount, refund, group)

    def _table(self, table: Mapping[str, ColumnSource], line: Line) -> dict[str, object]:
        found = ((name, self._value(name, source, line)) for name, source in table.items())
        return {name: value for name, value in found if value is not None}

    def _value(self, name: str, source: ColumnSource, line: Line) -> object:
        if source.constant is not None:
            return source.constant
        if len(source.columns) == 1:
            given = _cell(line.get(source.columns[0]))
        else:
            cells = [cell for column in source.columns if (cell := _cell(line.get(column))) is not None]
            given = cells[0] if len(cells) == 1 else " ".join(map(_text, cells)) or None
        if source.values:
            word = source.values.get(_text(given), source.default)
            if word is None:
                raise UnmappableLineError(f"{name}: no word for {_text(given)[:40]!r}")
            given = word
        if given is None:
            given = source.default
        if given is None:
            return None
        if source.prefix:
            given = f"{source.prefix}{given}"
        if name in _NUMBERS or source.number:
            return number_of(name, given, self.mapping.numbers)
        if name.endswith("_id") or name == "coupon":
            return _text(given) or None
        return given


def number_of(name: str, given: object, form: NumberForm) -> Decimal:
    """The exact decimal that is written; raises `UnmappableLineError`."""
    text = _text(given)
    if isinstance(given, str):
        text = text.replace(form.thousands, "") if form.thousands else text
        text = text.replace(form.decimal, ".") if form.decimal != "." else text
    try:
        number = _decimal(text)
    except InvalidOperation:
        raise UnmappableLineError(f"{name}: {text[:40]!r} is no number") from None
    if not number.is_finite() or abs(number) > _LARGEST:
        raise UnmappableLineError(f"{name}: {text[:40]!r} is too large")
    return number


@lru_cache(REMEMBERED)
def _decimal(text: str) -> Decimal:
    """The number without needless zeros where it is a whole one of a size that is taken; prices repeat."""
    number = Decimal(text)
    whole = number.is_finite() and abs(number) <= _LARGEST and number == number.to_integral_value()
    return number.quantize(_ONE) if whole else number


def moment_of(given: object, form: TimeForm, zone: ZoneInfo) -> float:
    """Epoch seconds of a time as it is written; raises `UnmappableLineError`."""
    text = _text(given)
    try:
        moment = given if isinstance(given, datetime) else _written(text, form)
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp()
    except (ValueError, OverflowError):
        raise UnmappableLineError(f"occurred_at: {text[:40]!r} is no time of the form {form.format}") from None


def _written(text: str, form: TimeForm) -> datetime:
    match form.format:
        case "iso8601":
            return datetime.fromisoformat(text)
        case "epoch_seconds":
            return _EPOCH + timedelta(seconds=float(text))
        case "epoch_milliseconds":
            return _EPOCH + timedelta(milliseconds=float(text))
        case "days":
            return datetime.combine(form.origin, time()) + timedelta(days=float(text))
        case pattern:
            return datetime.strptime(text, pattern)  # noqa: DTZ007  the zone follows


def rfc3339(at: float) -> str:
    """Epoch seconds as text in UTC, with as many decimals as they have."""
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")


def _priced(item: dict[str, object], amount: object) -> Decimal | None:
    """What the line costs. Fills in the price of a piece where only the line's amount is known."""
    price, quantity = item.get("price"), item.get("quantity", _ONE)
    assert isinstance(quantity, Decimal)  # the reader makes numbers of both
    if amount is None:
        return price * quantity if isinstance(price, Decimal) else None
    assert isinstance(amount, Decimal)
    if price is None and quantity:
        item["price"] = abs(round(amount / quantity, 4))
    return amount


def _boolean(name: str, given: object) -> bool:
    text = _text(given).casefold()
    if text not in _YES | _NO:
        raise UnmappableLineError(f"{name}: {text[:40]!r} is neither yes nor no")
    return text in _YES


def _cell(given: object) -> object:
    """The value of a cell without white space around it; None for an empty one."""
    if isinstance(given, str):
        return given.strip() or None
    return None if given != given else given  # noqa: PLR0124  NaN: how tables write "nothing"


def _text(given: object) -> str:
    if given is None:
        return ""
    if isinstance(given, float | Decimal) and given == int(given):
        return str(int(given))  # a column of numbers in which some are missing makes floats of its ids
    return str(given)
