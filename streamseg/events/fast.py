"""Fast reader for valid events: decodes values to msgspec structs with the attributes of the pydantic models.

It may refuse a value that pydantic accepts, never the reverse. It gives no reason: a refused value goes to pydantic
(`validation.py`), which decides and explains. Types and limits are derived from the models. Checks that the models make
in code run here with the same functions, once for many events: character rules on the concatenated texts, name rules
once per distinct name.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from streamseg.events.fields import is_click_name, is_currency, is_customer_id
from streamseg.events.structs import struct_of
from streamseg.events.types import EVENT_TYPES, Item, is_refund_of_the_past

_MAX_DEPTH: Final = 190
_MAX_DIGITS: Final = 4_000
_ONE_PIECE: Final[float] = Item.model_fields["quantity"].default
_NO_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))


def read_quickly(kind: int, values: Sequence[bytes]) -> list[Any] | None:
    """Decode at least one value of one kind; return None if pydantic must decide about any of them.

    The structs have the attributes of the kind's model. Record key, currency rates and record time are not checked.
    """
    if not _are_plain(values):
        return None
    try:
        events: list[Any] = list(map(_DECODE[kind], values))
    except (msgspec.DecodeError, RecursionError):
        return None
    for event in events:
        event.at = event.occurred_at.timestamp()
    if min([event.at for event in events]) < 0 or not is_customer_id("".join([event.customer_id for event in events])):
        return None
    return events if _OBEY[kind](events) else None


def _are_plain(values: Sequence[bytes]) -> bool:
    """Return whether msgspec checks these values as strictly as pydantic does.

    In fields that it skips (unknown ones), msgspec does not check UTF-8, nesting depth, or the length of numbers.
    """
    if not all(map(bytes.isascii, values)):
        try:
            for value in values:
                value.decode()
        except UnicodeDecodeError:
            return False
    return max(map(len, values)) <= 2 * _MAX_DEPTH or all(map(_is_shallow, values))


def _is_shallow(value: bytes) -> bool:
    if value.count(b"[") + value.count(b"{") > _MAX_DEPTH:
        return False
    return len(value) <= _MAX_DIGITS or len(value.translate(None, _NO_DIGITS)) <= _MAX_DIGITS


def _obey_clicks(events: Sequence[Any]) -> bool:
    return (
        all(map(is_click_name, {event.event_name for event in events}))
        and all(map(is_currency, {event.currency for event in events} - {None}))
        and _obey_items(events)
    )


def _obey_purchases(events: Sequence[Any]) -> bool:
    return (
        all(map(is_currency, {event.currency for event in events}))
        and False not in [_obeys_purchased_at(event) for event in events if event.purchased_at is not None]
        and _obey_items(events)
    )


def _obeys_purchased_at(event: Any) -> bool:
    return event.purchased_at.timestamp() >= 0 and is_refund_of_the_past(event)


def _obey_items(events: Sequence[Any]) -> bool:
    """Return whether every line has an id or a name; replace null by the default in `items` and `quantity`."""
    if None in [event.items for event in events]:
        for event in events:
            event.items = event.items or ()
    lines = [item for event in events for item in event.items]
    if None in [item.quantity for item in lines]:
        for item in lines:
            item.quantity = _ONE_PIECE if item.quantity is None else item.quantity
    return False not in [item.item_id is not None or item.item_name is not None for item in lines]


def _obey(_events: Sequence[Any]) -> bool:
    return True


_OBEY: Final[tuple[Callable[[Sequence[Any]], bool], ...]] = (_obey_clicks, _obey_purchases, _obey, _obey, _obey)
_DECODE: Final = tuple(msgspec.json.Decoder(struct_of(model)).decode for model in EVENT_TYPES)
