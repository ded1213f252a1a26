"""How foreign columns become events: the TOML file behind `--mapping`.

Example, one line per article bought, grouped into transactions::

    event = "purchase"                    # what every line is; or, by a column:
    # event = { column = "event_type", values = { purchase = "purchase", view = "click", junk = "skip" } }

    [file]                                # how the file is written; all optional
    delimiter = ";"                       # of CSV: a character, or "whitespace"; default ","
    columns = ["id", "day", "amount"]     # names of the columns where the file has no header line
    encoding = "latin-1"                  # default utf-8

    [time]
    format = "%d/%m/%Y %H:%M"             # iso8601 (default), epoch_seconds, epoch_milliseconds, days, or strptime's
    zone = "Europe/London"                # of times without an offset; default UTC
    origin = "1997-01-01"                 # day 0, for format = "days" (a number of days, fractions allowed)

    [numbers]
    decimal = ","                         # default "."
    thousands = "."                       # default none

    [fields]                              # of every event: the event's field = where it comes from
    customer_id = "CustomerID"            # a column,
    occurred_at = ["Date", "Time"]        # several columns joined by a space,
    currency = { constant = "GBP" }       # a constant,
    event_name = { column = "what", values = { view = "view_item" } }  # or translated words;
                                          # `prefix` puts text before a column's value,
                                          # `number = true` makes a number of it

    [click]                               # fields of one kind only: click, purchase, profile, consent, erasure
    session_id = "session"

    [items]                               # of clicks and purchases: item_id, item_category, price, quantity, ...
    item_id = "StockCode"
    amount = "LineTotal"                  # what the line costs; default price times quantity

    [traits]                              # of profiles: trait = column
    age = { column = "AGE", number = true }

    [consents]                            # ads, personalisation, analytics: columns with true/false, yes/no or 1/0
    ads = "ads_ok"

    [transactions]
    by = ["InvoiceNo"]                    # lines of one customer that agree in these columns are one purchase
    lookahead = 1000                      # at most so many lines apart (this is the default), or "file": anywhere

- A word that `values` does not have is a reject unless `default` names another. The event words are click, purchase,
  refund, profile, consent, erasure and skip.
- Lines with none of the columns of `transactions.by` filled are purchases of their own.
- A purchase's value is the exact decimal sum of its lines' amounts (or the `value` field, if mapped), its
  `occurred_at` that of the latest line. A purchase that comes out negative is a refund. Of more than 1,000 lines the
  first 1,000 stand among the items; all count in the value.
- With `lookahead = "file"` the whole file is held in memory and comes out in order of time; otherwise events keep the
  order of the file, and a line that comes too late for its transaction is rejected.
- Fields that stay empty are left out. Without `event_id` an event is named after its transaction, else after file and
  line, so that a file replayed again gives the same ids.
"""

import tomllib
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from streamseg.errors import SettingsError
from streamseg.sources.event import TOPIC_OF_KIND

SKIP: Final = "skip"
REFUND: Final = "refund"
EVENT_WORDS: Final = frozenset({*TOPIC_OF_KIND, REFUND, SKIP})


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnSource(_Table):
    """Where a field's value comes from."""

    columns: tuple[str, ...] = ()
    constant: str | bool | int | float | None = None
    values: dict[str, str] = Field(default_factory=dict)
    default: str | None = None
    prefix: str = ""
    number: bool = False

    @model_validator(mode="after")
    def _one_origin(self) -> "ColumnSource":
        if bool(self.columns) == (self.constant is not None):
            raise ValueError("needs either a column or a constant")
        return self


def _as_source(given: object) -> object:
    if isinstance(given, str):
        return {"columns": (given,)}
    if isinstance(given, list):
        return {"columns": tuple(given)}
    if isinstance(given, dict) and "column" in given:
        column = given["column"]
        rest = {name: value for name, value in given.items() if name != "column"}
        return rest | {"columns": tuple(column) if isinstance(column, list) else (column,)}
    return given


Sourced = Annotated[ColumnSource, BeforeValidator(_as_source)]
Fields = dict[str, Sourced]


class FileForm(_Table):
    """How the file is written."""

    delimiter: str = Field(default=",", min_length=1)
    columns: tuple[str, ...] = ()
    encoding: str = "utf-8"


class TimeForm(_Table):
    """How times are written."""

    format: str = "iso8601"
    zone: str = "UTC"
    origin: date = date(1970, 1, 1)

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"no such time zone: {value}") from None
        return value


class NumberForm(_Table):
    """How numbers are written."""

    decimal: str = Field(default=".", min_length=1, max_length=1)
    thousands: str = Field(default="", max_length=1)


class Transactions(_Table):
    """Which lines are one purchase."""

    by: tuple[str, ...] = Field(min_length=1)
    lookahead: Annotated[int, Field(ge=1)] | Literal["file"] = 1000


class FileMapping(_Table):
    """A mapping, parsed."""

    event: Annotated[
        ColumnSource,
        BeforeValidator(lambda given: {"constant": given} if isinstance(given, str) else _as_source(given)),
    ]
    file: FileForm = FileForm()
    time: TimeForm = TimeForm()
    numbers: NumberForm = NumberForm()
    fields: Fields = Field(default_factory=dict)
    click: Fields = Field(default_factory=dict)
    purchase: Fields = Field(default_factory=dict)
    profile: Fields = Field(default_factory=dict)
    consent: Fields = Field(default_factory=dict)
    erasure: Fields = Field(default_factory=dict)
    items: Fields = Field(default_factory=dict)
    traits: Fields = Field(default_factory=dict)
    consents: Fields = Field(default_factory=dict)
    transactions: Transactions | None = None

    @model_validator(mode="after")
    def _known_words(self) -> "FileMapping":
        words = {*self.event.values.values(), self.event.default, self.event.constant} - {None}
        if unknown := words - EVENT_WORDS:
            raise ValueError(f"event: {min(map(str, unknown))!r} is none of {', '.join(sorted(EVENT_WORDS))}")
        return self

    def fields_of(self, kind: str) -> Fields:
        """The fields of an event of this kind."""
        own: Fields = getattr(self, kind)
        return self.fields | own

    @property
    def lookahead(self) -> int | None:
        """How many lines a transaction's lines stand apart at most; 0: nothing is grouped; None: anywhere."""
        if self.transactions is None:
            return 0
        return None if self.transactions.lookahead == "file" else self.transactions.lookahead

    def columns(self) -> frozenset[str]:
        """Every column that the mapping reads."""
        tables = (self.fields, self.click, self.purchase, self.profile, self.consent, self.erasure)
        sources = [source for table in (*tables, self.items, self.traits, self.consents) for source in table.values()]
        grouped = self.transactions.by if self.transactions else ()
        return frozenset(column for source in (*sources, self.event) for column in source.columns) | frozenset(grouped)


def load_mapping(file: Path) -> FileMapping:
    """Read a mapping; a bare name such as `online_retail` means one that comes with streamseg.

    Raises:
        SettingsError: it is not there or not right; one line that names the entry.
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
        first = error.errors(include_url=False)[0]
        entry = ".".join(str(part) for part in first["loc"]) or "file"
        raise SettingsError(f"mapping {file}, {entry}: {first['msg'].removeprefix('Value error, ')}") from None
