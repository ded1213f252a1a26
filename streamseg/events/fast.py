"""A quick reader for what is well formed: msgspec structs with the attributes of the pydantic models.

It may refuse what pydantic accepts, never the other way round; a refusal is not worded, pydantic decides it. Types and
limits come from the models; what the models check in code is checked here with the same functions, of many events at
once: a rule for characters holds for a text when it holds for all texts in one, and a rule for names is asked once a
name.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from streamseg.events.fields import is_click_name, is_currency, is_customer_id
from streamseg.events.structs import struct_of
from streamseg.events.types import EVENT_TYPES, is_identified

_MAX_DEPTH: Final = 190
_MAX_DIGITS: Final = 4_000
_NO_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))


def read_quickly(kind: int, values: Sequence[bytes]) -> list[Any] | None:
    """The events, as structs with the attributes of the kind's model; None when pydantic is to decide about any.

    Key, currency and the record's time are not looked at here.
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
    """Whether msgspec reads the values as closely as pydantic.

    What msgspec skips (unknown fields) it does not check for UTF-8, nor for the depth and the endless numbers at which
    pydantic stops.
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
    return all(map(is_currency, {event.currency for event in events})) and _obey_items(events)


def _obey_items(events: Sequence[Any]) -> bool:
    return False not in [is_identified(item) for event in events for item in event.items]


def _obey(_events: Sequence[Any]) -> bool:
    return True


_OBEY: Final[tuple[Callable[[Sequence[Any]], bool], ...]] = (_obey_clicks, _obey_purchases, _obey, _obey, _obey)
_DECODE: Final = tuple(msgspec.json.Decoder(struct_of(model)).decode for model in EVENT_TYPES)
