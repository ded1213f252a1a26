"""The mapping file of `--mapping`: it says which columns of a foreign file fill which fields of an event.

A mapping is TOML. This one reads a file with one line per article bought, and sends one purchase per invoice::

    event = "purchase"                    # what each line is

    [fields]                              # event field = source
    customer_id = "CustomerID"
    occurred_at = "InvoiceDate"
    currency = { constant = "GBP" }

    [items]                               # item field = source
    item_id = "StockCode"
    price = "UnitPrice"
    quantity = "Quantity"

    [transactions]
    by = ["InvoiceNo"]                    # lines with the same customer and invoice are one purchase

`event` and `[fields]` with `customer_id` and `occurred_at` are required; all else is optional.

**Sources.** A source is one of::

    "Date"                                               # the value of a column
    ["Date", "Time"]                                     # several columns, joined by a space
    { constant = "GBP" }                                 # the same value for every line
    { column = "what", values = { view = "view_item" } } # a column's value, translated
    { column = "what", values = { view = "view_item" }, default = "other" }
    { column = "id", prefix = "shop-" }                  # text put before a column's value
    { column = "AGE", number = true }                    # a column's value, read as a number
    { first = ["user_id", "cookie_id"] }                 # the first of several columns that is not empty
    { column = "Vendor", optional = true }               # files without this column are read too
    { column = "user_id", missing = ["0", "guest"] }     # these values mean that there is none
    { column = "path", split = ".", part = 2 }           # "kitchen" of "appliances.kitchen.kettle"
    { column = "Price", times = "Pieces", minus = "Rebate" } # a calculated number

A line whose value is not in `values` is rejected, unless there is a `default`. A `default` without `values` replaces
empty values. Fields without a value are left out of the event.

**Kinds of events.** `event` is the kind of every line, or a source with `values` that translates a column::

    event = { column = "event_type", values = { buy = "purchase", view = "click", test = "skip" } }

The kinds are click, purchase, refund, profile, consent and erasure; `skip` ignores the line.

**Tables of fields.** All of these map names to sources::

    [fields]                              # fields of every event; customer_id and occurred_at are required
    customer_id = "CustomerID"
    occurred_at = "InvoiceDate"
    [click]                               # more fields of one kind; also [purchase], [profile], [consent], [erasure]
    [items]                               # the item of a click or purchase: item_id, price, quantity, ...
    amount = "Total"                      # value of the whole line; without it, price times quantity
    [traits]                              # traits of a profile
    [consents]                            # consents to ads, personalisation, analytics: true/false, yes/no or 1/0

A field that the event does not have is refused, and so is a mapping of purchases without any amount.

**How the file is written**::

    [file]
    delimiter = ";"                       # of CSV: one character, or "whitespace"; default ","
    columns = ["id", "day", "amount"]     # column names, for a file without a header line
    encoding = "latin-1"                  # default "utf-8"
    sort = true                           # send in order of time: for a file ordered by customer; held in memory
    items = "items"                       # column with a list of items, in JSON Lines; [items] names its members
    quote = ""                            # quotation mark of CSV; "" for none; default '"'

    [time]
    format = "%d/%m/%Y %H:%M"             # "iso8601" (default), "epoch_seconds", "epoch_milliseconds",
                                          # "epoch_microseconds", "days", or a pattern of strptime
    zone = "Europe/London"                # time zone of times without an offset; default "UTC"
    origin = "1997-01-01"                 # day 0 of format = "days"; fractions of days are allowed

    [numbers]
    decimal = ","                         # decimal separator; default "."
    thousands = "."                       # thousands separator between groups of three digits; default none
    currency_signs = ["€", "EUR"]         # removed from either end of a number; default none

In JSON Lines, a column may be a path: `device.category`, or `event_params.page_location` in GA4's lists of keys.

**Visits**::

    [sessions]
    start = true                          # add a click `session_start` before the first click of each `session_id`

**Transactions**::

    [transactions]
    by = ["InvoiceNo"]                    # columns that identify a purchase of a customer
    lookahead = 1000                      # greatest distance between two lines of one purchase, in lines (default), or
                                          # "file": no limit

- Without this table, lines with the same customer and mapped `transaction_id` are one purchase.
- The value of a purchase is the exact decimal sum of its lines' amounts, or the field `value` if it is mapped: then all
  lines of the purchase have the same value or none, else they are rejected. Of other fields, the first value counts.
- Lines in another currency are a purchase of their own, whose `transaction_id` ends in the currency.
- **Refunds**: lines of kind `refund`, and lines with a negative amount that are later than their purchase, are never
  part of the purchase. Those of one order, time and currency are one refund. A purchase that is negative as a whole is
  sent as a refund.
- A refund's `purchased_at` can be mapped: the time of the refunded purchase, from which decayed sums subtract. Without
  it, the time of the purchase with the same customer and transaction is taken, if that is in the same file.
- A purchase's `occurred_at` is that of its latest line. At most 1,000 lines become items; all count in the value.
- A line in which all columns of `by` are empty is a purchase of its own.
- An empty cell of the order (its kind, `[fields]`, `[purchase]`) has the value of the purchase's first line.
- A line with a negative price or amount lowers the value and is no item. A line without any amount is rejected.
- Events keep the order of the file, and a line beyond the lookahead is rejected. With `lookahead = "file"` the whole
  file is held in memory, and events are sent in order of time.

**Ids.** Without a mapped `event_id`, the id of a purchase is its transaction. Refunds, and events without transactions,
get an id from the content of their lines, with a counter for lines that are repeated in the file. So the same lines
have the same ids in every run, under every file name; the same lines in two files are the same events. A purchase is
the same as another one of the customer with its `transaction_id`. A mapped `event_id` that equals the `transaction_id`
is no id of a refund, and is replaced.
"""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator

from streamseg.errors import SettingsError
from streamseg.events.types import EVENT_TYPES, KINDS, Item, Purposes
from streamseg.settings.toml_table import TomlTable
from streamseg.sources.event import TOPIC_OF_KIND
from streamseg.sources.reading.field_value import Fields, FieldSource, expand_kind
from streamseg.sources.reading.file_format import (
    DEFAULT_LOOKAHEAD,
    FileFormat,
    NumberFormat,
    SessionRule,
    TimeFormat,
    TransactionRule,
)
from streamseg.wrong_values import first_error

SKIP: Final = "skip"
REFUND: Final = "refund"
LINE_KINDS: Final = frozenset({*TOPIC_OF_KIND, REFUND, SKIP})
_MODELS: Final = dict(zip(KINDS, EVENT_TYPES, strict=True))
_NOT_FIELDS: Final = frozenset({"items", "traits", "consent", "merged_from"})
"""Fields that have tables of their own, or that a file cannot set."""


def _refuse_unknown(
    table: str, given: Iterable[str], *models: type[BaseModel], also: frozenset[str] = frozenset()
) -> None:
    known = also | {name for model in models for name in model.model_fields} - _NOT_FIELDS
    if unknown := sorted(set(given) - known):
        raise ValueError(f"{table}: an event has no field {unknown[0]!r}; it has {', '.join(sorted(known))}")


class FileMapping(TomlTable):
    """A parsed mapping file."""

    event: Annotated[FieldSource, BeforeValidator(expand_kind)]
    file: FileFormat = FileFormat()
    time: TimeFormat = TimeFormat()
    numbers: NumberFormat = NumberFormat()
    fields: Fields = Field(default_factory=dict)
    click: Fields = Field(default_factory=dict)
    purchase: Fields = Field(default_factory=dict)
    profile: Fields = Field(default_factory=dict)
    consent: Fields = Field(default_factory=dict)
    erasure: Fields = Field(default_factory=dict)
    items: Fields = Field(default_factory=dict)
    traits: Fields = Field(default_factory=dict)
    consents: Fields = Field(default_factory=dict)
    transactions: TransactionRule | None = None
    sessions: SessionRule = SessionRule()

    @model_validator(mode="after")
    def _check_kinds(self) -> "FileMapping":
        kinds = {*self.event.values.values(), self.event.default, self.event.constant} - {None}
        if unknown := kinds - LINE_KINDS:
            raise ValueError(f"event: {min(map(str, unknown))!r} is not one of {', '.join(sorted(LINE_KINDS))}")
        return self

    @property
    def _kinds(self) -> set[str]:
        """The kinds of events that lines become; a refund is a purchase."""
        named = {*self.event.values.values(), self.event.default, self.event.constant} - {None, SKIP}
        return {"purchase" if kind == REFUND else str(kind) for kind in named}

    @model_validator(mode="after")
    def _check_fields(self) -> "FileMapping":
        """Refuse fields that no event has."""
        _refuse_unknown("fields", self.fields, *(_MODELS[kind] for kind in sorted(self._kinds)))
        for kind, model in _MODELS.items():
            _refuse_unknown(kind, getattr(self, kind), model)
        for kind in sorted(self._kinds):
            if missing := {"customer_id", "occurred_at"} - self.fields_of(kind).keys():
                raise ValueError(f"fields: {min(missing)} is not mapped")
        _refuse_unknown("items", self.items, Item, also=frozenset({"amount"}))
        _refuse_unknown("consents", self.consents, Purposes)
        return self

    @model_validator(mode="after")
    def _check_amount(self) -> "FileMapping":
        named = {*self.items, *(f"order's {name}" for name in (*self.fields, *self.purchase))}
        if "purchase" in self._kinds and named.isdisjoint({"amount", "price", "order's value"}):
            raise ValueError("a purchase needs an amount: map value in [purchase], or amount or price in [items]")
        return self

    def fields_of(self, kind: str) -> Fields:
        """Return the fields of a kind of event: the common ones and its own."""
        own: Fields = getattr(self, kind)
        return self.fields | own

    @property
    def lookahead(self) -> int | None:
        """Greatest distance between two lines of one transaction; 0: no grouping; None: no limit."""
        if self.transactions is None:
            return DEFAULT_LOOKAHEAD if "transaction_id" in self.fields_of("purchase") else 0
        return None if self.transactions.lookahead == "file" else self.transactions.lookahead

    def columns(self) -> frozenset[str]:
        """Return the columns that the file must have."""
        tables = [self.fields, self.click, self.purchase, self.profile, self.consent, self.erasure]
        tables += [self.traits, self.consents]
        grouped = self.transactions.by if self.transactions else ()
        if self.file.items is None:
            tables.append(self.items)
        else:  # [items] names members of the entries of the list
            grouped = (*grouped, self.file.items)
        needed = [source for table in tables for source in table.values() if not source.optional]
        named = (column for one in (*needed, self.event) for column in one.all_columns)
        return frozenset(named) | frozenset(grouped)


def load_mapping(file: Path) -> FileMapping:
    """Load a mapping file, or a mapping shipped with streamseg by its name, such as `online_retail`.

    Raises:
        SettingsError: the file is missing or wrong; one line that names the entry.
    """
    shipped = Path(__file__).parent / "mappings" / f"{file.name}.toml"
    chosen = shipped if not file.is_file() and str(file) == file.name and shipped.is_file() else file
    try:
        return FileMapping.model_validate(tomllib.loads(chosen.read_text("utf-8")))
    except OSError as error:
        raise SettingsError(f"mapping {file}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"mapping {file}: {error}") from None
    except ValidationError as error:
        path, message, _ = first_error(error)
        raise SettingsError(f"mapping {file}, {'.'.join(path) or 'file'}: {message}") from None
