"""A quick reader for what is well formed: msgspec structs with the attributes of the pydantic models.

It may refuse what pydantic accepts, never the other way round; a refusal is not worded, pydantic decides it. Types and
limits come from the models; what the models check in code, `_OBEYS` checks with the same functions.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from streamseg.events.fields import is_click_name, is_currency, is_customer_id
from streamseg.events.structs import struct_of
from streamseg.events.types import EVENT_TYPES, is_identified

_MAX_DEPTH: Final = 190
_MAX_DIGITS: Final = 4_000
_NO_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))


def read_quickly(kind: int, value: bytes) -> Any:
    """The event, as a struct with the attributes of the kind's model; None when pydantic is to decide.

    Key, currency and the record's time are not looked at here.
    """
    if not _is_plain(value):
        return None
    try:
        event: Any = _DECODE[kind](value)
    except (msgspec.DecodeError, RecursionError):
        return None
    at = event.at = event.occurred_at.timestamp()
    if at < 0 or not is_customer_id(event.customer_id) or not _OBEYS[kind](event):
        return None
    return event


def _is_plain(value: bytes) -> bool:
    """Whether msgspec reads the value as closely as pydantic.

    What msgspec skips (unknown fields) it does not check for UTF-8, nor for the depth and the endless numbers at which
    pydantic stops.
    """
    if not value.isascii():
        try:
            value.decode()
        except UnicodeDecodeError:
            return False
    size = len(value)
    if size <= 2 * _MAX_DEPTH:
        return True
    if value.count(b"[") + value.count(b"{") > _MAX_DEPTH:
        return False
    return size <= _MAX_DIGITS or len(value.translate(None, _NO_DIGITS)) <= _MAX_DIGITS


def _obeys_click(event: Any) -> bool:
    if not is_click_name(event.event_name) or (event.currency is not None and not is_currency(event.currency)):
        return False
    return _obeys_items(event)


def _obeys_purchase(event: Any) -> bool:
    return is_currency(event.currency) and _obeys_items(event)


def _obeys_items(event: Any) -> bool:
    for item in event.items:  # noqa: SIM110 - a generator costs more than the check
        if not is_identified(item):
            return False
    return True


def _obeys(_event: Any) -> bool:
    return True


_OBEYS: Final[tuple[Callable[[Any], bool], ...]] = (_obeys_click, _obeys_purchase, _obeys, _obeys, _obeys)
_DECODE: Final = tuple(msgspec.json.Decoder(struct_of(model)).decode for model in EVENT_TYPES)
