"""The source of an event's field, as a mapping gives it, and the value that a line has for it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

from pydantic import BeforeValidator, Field, model_validator
from typing_extensions import override

from streamseg.settings.toml_table import TomlTable
from streamseg.sources.reading.cells import RejectedLineError, cell_of, id_of, number_of, text_of
from streamseg.sources.reading.file_format import NumberFormat

Line = Mapping[str, object]
"""Cells by column: text from CSV, any JSON or Parquet value from the other formats."""

_NUMBERS: Final = frozenset({"value", "tax", "shipping", "price", "discount", "amount", "quantity", "index"})
_NO_COUPON: Final = frozenset({"", "no", "false", "none", "null", "nan", "n/a", "-"})
_ZERO: Final = re.compile(r"-?0+([.,]0+)?")


def _listed(given: object) -> object:
    return (given,) if isinstance(given, str) else tuple(given) if isinstance(given, list) else given


Columns = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class FieldSource(TomlTable):
    """Where the value of a field comes from: columns, or a constant."""

    columns: tuple[str, ...] = ()
    constant: str | bool | int | float | None = None
    values: dict[str, str] = Field(default_factory=dict)
    default: str | None = None
    prefix: str = ""
    number: bool = False
    first: bool = False
    optional: bool = False
    missing: tuple[str, ...] = ()
    split: str = ""
    part: int = Field(default=1, ge=1)
    times: Columns = ()
    minus: Columns = ()

    @property
    def all_columns(self) -> tuple[str, ...]:
        """Columns of the value, and those of the numbers that change it."""
        return (*self.columns, *self.times, *self.minus)

    @model_validator(mode="after")
    def _check_origin(self) -> "FieldSource":
        if bool(self.columns) == (self.constant is not None):
            raise ValueError("needs either a column or a constant")
        return self


def _expand_short_forms(given: object) -> object:
    """Expand `"column"` and `["column", ...]` to a table with `columns`."""
    if isinstance(given, str):
        return {"columns": (given,)}
    if isinstance(given, list):
        return {"columns": tuple(given)}
    if isinstance(given, dict) and "first" in given:
        columns = given["first"]
        rest = {name: value for name, value in given.items() if name != "first"}
        return rest | {"first": True, "columns": tuple(columns) if isinstance(columns, list) else (columns,)}
    if isinstance(given, dict) and "column" in given:
        column = given["column"]
        rest = {name: value for name, value in given.items() if name != "column"}
        return rest | {"columns": tuple(column) if isinstance(column, list) else (column,)}
    return given


def expand_kind(given: object) -> object:
    """Expand `event = "purchase"` to a constant."""
    return {"constant": given} if isinstance(given, str) else _expand_short_forms(given)


Fields = dict[str, Annotated[FieldSource, BeforeValidator(_expand_short_forms)]]


class NestedLine(dict[str, object]):
    """A JSON object whose columns may be paths: `device.category`, or `event_params.page` in GA4's lists of keys."""

    @override
    def get(self, column: str, default: object = None) -> object:
        if column in self:
            return self[column]
        found: object = self
        for part in column.split("."):
            found = _step(found, part)
        return default if found is None else found


def _step(within: object, part: str) -> object:
    """Return a member of an object, or the value of a key in a list of `{"key": ..., "value": {...}}`."""
    if isinstance(within, dict):
        return within.get(part) if not isinstance(within, NestedLine) else dict.get(within, part)
    if isinstance(within, list):
        for entry in within:
            if isinstance(entry, dict) and entry.get("key") == part and isinstance(entry.get("value"), dict):
                return next((value for value in entry["value"].values() if value is not None), None)
    return None


def value_of(name: str, source: FieldSource, line: Line, numbers: NumberFormat) -> object:
    """Return the value of the field `name`; None for none. Raises `RejectedLineError`."""
    if source.constant is not None:
        return source.constant
    given = _translated(name, source, _cell(source, line))
    if given is None:
        return None
    if isinstance(given, dict | list):
        raise RejectedLineError(f"{name}: holds a list or an object, not a value")
    if name.endswith("_id"):
        identified = id_of(name, given)
        return None if identified is None else source.prefix + identified
    if source.prefix:
        given = f"{source.prefix}{given}"
    if name in _NUMBERS or source.number or source.times or source.minus:
        return _calculated(name, source, line, number_of(name, given, numbers), numbers)
    if name == "currency":
        return text_of(given).upper()
    return _coupon_of(given) if name == "coupon" else given


def _cell(source: FieldSource, line: Line) -> object:
    """Return the cell of one column, the texts of several, or the first that is not empty."""
    cells = [cell for column in source.columns if (cell := _given(source, line.get(column))) is not None]
    if source.first or len(cells) <= 1:
        return next(iter(cells), None)
    return " ".join(map(text_of, cells))


def _given(source: FieldSource, given: object) -> object:
    """Return a cell, or the part of it that the source asks for; None if it is empty or means missing."""
    cell = cell_of(given)
    if cell is None or (source.missing and text_of(cell) in source.missing):
        return None
    if source.split:
        parts = text_of(cell).split(source.split)
        return cell_of(parts[source.part - 1]) if len(parts) >= source.part else None
    return cell


def _translated(name: str, source: FieldSource, given: object) -> object:
    if source.values:
        translated = source.values.get(text_of(given), source.default)
        if translated is None:
            raise RejectedLineError(f"{name}: {text_of(given)[:40]!r} is not among the mapped values")
        return translated
    return source.default if given is None else given


def _calculated(name: str, source: FieldSource, line: Line, number: Decimal, numbers: NumberFormat) -> Decimal:
    """Return the number times one group of columns, minus another; an empty cell is 1 and 0."""
    for column in source.times:
        cell = cell_of(line.get(column))
        number *= Decimal(1) if cell is None else number_of(name, cell, numbers)
    for column in source.minus:
        cell = cell_of(line.get(column))
        number -= Decimal(0) if cell is None else number_of(name, cell, numbers)
    return number


def _coupon_of(given: object) -> str | None:
    """Return the code of a coupon; None for words and numbers that mean none, such as 0.0."""
    text = text_of(given)
    return None if text.casefold() in _NO_COUPON or _ZERO.fullmatch(text) else text
