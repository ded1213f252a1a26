"""Records, values and a decoder for the tests of decoding."""

import json
from typing import Any

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord
from streamseg.events.rejection import RejectionError
from streamseg.events.types import EVENT_TYPES, KINDS
from streamseg.topics import INPUT_TOPICS

MOMENT = "2026-11-23T14:05:09.120Z"
APPENDED_MS = 1_795_442_709_120
MONEY = Money("EUR", 2, {"GBP": 1.15})
DECODER = Decoder(MONEY)
CLICK, PURCHASE, PROFILE, CONSENT, ERASURE = range(len(EVENT_TYPES))

_REQUIRED: tuple[dict[str, Any], ...] = (
    {"event_name": "view_item"},
    {"transaction_id": "o-1", "value": 1, "currency": "EUR"},
    {"traits": {}},
    {"consent": {}},
    {},
)


def body(kind: int, **given: Any) -> dict[str, Any]:
    """Return the smallest valid value of a kind, with fields added or changed."""
    return {"event_id": "e-1", "customer_id": "c-81", "occurred_at": MOMENT, **_REQUIRED[kind], **given}


def record(
    kind: int,
    value: dict[str, Any] | bytes | None,
    key: bytes | None = b"c-81",
    headers: tuple[tuple[str, bytes | None], ...] = (),
    *,
    offset: int = 0,
    timestamp: int = APPENDED_MS,
) -> MemoryRecord:
    raw = json.dumps(value).encode() if isinstance(value, dict) else value
    return MemoryRecord(INPUT_TOPICS[kind], 3, offset, timestamp, key, raw, headers)


def decoded(kind: int, one: MemoryRecord, decoder: Decoder = DECODER) -> Any:
    """Return the event or heartbeat of a valid record."""
    return decoder.decode(kind, one)


def rejection(kind: int, one: MemoryRecord, decoder: Decoder = DECODER) -> RejectionError:
    """Return the rejection of a record; fail if it is accepted."""
    try:
        event = decoder.decode(kind, one)
    except RejectionError as error:
        return error
    raise AssertionError(f"{KINDS[kind]} was accepted: {event}")
