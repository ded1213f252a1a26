"""Normalises or leaves out fields that are invalid and not needed for money, identity or time.

A model's validation names the invalid fields; each is repaired in the decoded document, which is then validated again.
A repaired value may still be invalid: the next pass leaves it out. Fields without a default are never left out.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from streamseg.events.fields import MAX_ITEMS, MAX_TRAITS
from streamseg.events.types import Click, Consent, Item, Purchase

Document = dict[str, Any]

STRICT: Final = frozenset({"event_id", "customer_id", "occurred_at", "event_name", "scope", "merged_from"})
"""Fields that are never adjusted, in every kind of event."""
_STRICT_IN: Final[Mapping[type[BaseModel], frozenset[str]]] = {
    Purchase: frozenset({"value"}),
    Consent: frozenset({"consent"}),
}
_NUMBERS: Final = frozenset({"value", "tax", "shipping", "price", "quantity", "discount", "index"})
_NUMBER: Final = re.compile(r"\s*[-+]?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]{1,3})?\s*", re.ASCII)
_LARGEST: Final = 1e30
"""Largest number that becomes a text, or that a text may hold."""
_CATEGORIES: Final = tuple(name for name in Item.model_fields if name.startswith("item_category"))
_NOT_BOUGHT: Final = frozenset({"greater_than", "greater_than_equal"})
"""Error types of a purchase line that is a discount or a return: its price or quantity is negative or 0."""
_LINE: Final = ("price", "quantity")
_DEVICES: Final = {
    "desktop": "desktop", "computer": "desktop", "pc": "desktop", "web": "desktop",
    "mobile": "mobile", "phone": "mobile", "smartphone": "mobile",
    "tablet": "tablet",
}  # fmt: skip


def is_strict(model: type[BaseModel], name: str) -> bool:
    """Return whether an invalid value of this field rejects the event."""
    return name in STRICT or name in _STRICT_IN.get(model, ())


def adjust(model: type[BaseModel], document: Document, error: ErrorDetails, fields: set[str]) -> bool:
    """Repair the field that the error names, and add its name to `fields`; return False if it may not be adjusted."""
    path = error["loc"]
    name = str(path[0]) if path else ""
    if name not in document or is_strict(model, name):
        return False
    if name == "items" and len(path) > 1:
        fields.add(_adjust_line(model, document["items"], error))
    elif name == "items":
        given = document["items"]
        document["items"] = given[:MAX_ITEMS] if isinstance(given, list) else []
        fields.add(name)
    elif name == "traits":
        fields.add(name)
        return _adjust_traits(document, path[1:])
    else:
        fields.add(name)
        _repair(model, document, name, error)
        if model is Click and name == "currency" and name not in document:
            _leave_out_amounts(document)
    return True


def _adjust_line(model: type[BaseModel], items: list[Any], error: ErrorDetails) -> str:
    """Repair a field of an item line, or set the line to null to leave it out; return the field's name."""
    index, *rest = error["loc"][1:]
    assert isinstance(index, int)  # the path of an error within a list
    name = str(rest[0]) if rest else ""
    if not name or (model is Purchase and name in _LINE and error["type"] in _NOT_BOUGHT):
        items[index] = None
    elif items[index] is not None:
        if name in _CATEGORIES and isinstance(items[index][name], list):
            _spread(items[index], name)
        else:
            _repair(Item, items[index], name, error)
    return f"items.{name}" if name else "items"


def _spread(item: Document, name: str) -> None:
    """Write a list of categories to this level and the ones below it, as far as they are empty."""
    levels = [text for each in item.pop(name) if isinstance(text := _text(each), str)]
    for level, text in zip(_CATEGORIES[_CATEGORIES.index(name) :], levels, strict=False):
        item.setdefault(level, text)


def _adjust_traits(document: Document, path: tuple[int | str, ...]) -> bool:
    traits = document["traits"]
    if not isinstance(traits, dict):
        return False
    if path:
        traits.pop(path[0], None)
    else:
        document["traits"] = dict(list(traits.items())[:MAX_TRAITS])
    return True


def _leave_out_amounts(document: Document) -> None:
    """Leave out amounts of a click whose currency is not known: they would count as the configured one."""
    document.pop("value", None)
    for item in document.get("items") or ():
        if isinstance(item, dict):
            item.pop("price", None)
            item.pop("discount", None)


def _repair(model: type[BaseModel], document: Document, name: str, error: ErrorDetails) -> None:
    """Normalise a field; leave it out if that is not possible and the model has a default."""
    given = document[name]
    if error["type"] == "string_too_long" and name != "currency" and not name.endswith("_id"):
        repaired: Any = given[: error["ctx"]["max_length"]]
    else:
        normalise = _NORMALISE.get(name, number_in if name in _NUMBERS else _text)
        repaired = normalise(given)
    if repaired is not None and (repaired != given or type(repaired) is not type(given)):
        document[name] = repaired
    elif not model.model_fields[name].is_required():
        del document[name]


def _text(given: object) -> str | None:
    """Return a number as text, without the fraction of a whole one; None for anything else."""
    if isinstance(given, str):
        return given
    if isinstance(given, bool) or not isinstance(given, int | float) or not abs(given) <= _LARGEST:
        return None
    return str(int(given)) if given == int(given) else str(given)


def number_in(given: object) -> float | None:
    """Return the number that a text holds; None if it is no plain number below 1e30."""
    if not isinstance(given, str) or not _NUMBER.fullmatch(given):
        return None
    number = float(given)
    return number if abs(number) <= _LARGEST else None


def _device(given: object) -> str | None:
    if not isinstance(given, str) or not given.strip():
        return None
    return _DEVICES.get(given.strip().casefold(), "other")


def _currency(given: object) -> str | None:
    return given.strip().upper() or None if isinstance(given, str) else None


_NORMALISE: Final[Mapping[str, Callable[[object], Any]]] = {
    "device_category": _device,
    "currency": _currency,
}
