"""Records to events, or to a reason why not.

The rules, in the order in which they are asked:

1. A null value, a value above `MAX_VALUE_BYTES`, or an envelope of another kind is rejected.
2. A heartbeat (by its `ce_type`, without a key) only carries a time.
3. The value must be one JSON document in UTF-8 that the topic's model accepts. Of a name that comes twice the last
   counts; unknown fields are ignored, whatever they hold.
4. The key must be the customer id in UTF-8.
5. An event that occurred more than the limit after its record was appended is rejected, in both clocks.
6. The currency must be known. An event is never rejected for being late.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, TypeVar, cast

from pydantic import BaseModel, ValidationError

from streamseg.events.cloudevents import EVENT_CE_TYPES, HEARTBEAT_TYPE, envelope_fault
from streamseg.events.fast import read_quickly
from streamseg.events.fields import MERGED_FROM
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.events.rejection import Reason, RejectedEvent, RejectionError
from streamseg.events.types import EVENT_TYPES, KINDS, Event, Heartbeat, Item, Purposes

MAX_VALUE_BYTES: Final = 1_048_576
STAGE: Final = "decode"
PIECE: Final = 256
"""Records that are checked together: few enough that a bad one among them costs little, and all stay in the cache."""

_HEADERS_OF: Final = attrgetter("headers")
_CE_TYPES: Final = tuple(name.encode() for name in EVENT_CE_TYPES)
_HEARTBEAT: Final = HEARTBEAT_TYPE.encode()
_MODELS: Final[tuple[type[BaseModel], ...]] = (*EVENT_TYPES, Item, Purposes)
_NAMES: Final = {name for model in _MODELS for name in model.model_fields}
_CLICK: Final = KINDS.index("click")
_PURCHASE: Final = KINDS.index("purchase")


_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(slots=True)
class Decoded:
    """A run of records, decoded. `events` and `offsets` belong together; `heartbeat` is the latest, epoch seconds."""

    events: list[Event] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    heartbeat: float | None = None
    rejected: list[RejectedEvent] = field(default_factory=list)


class Decoder:
    """Decodes the records of the input topics; a topic's kind is its position among `EVENT_TYPES`.

    Args:
        money: which currencies are known.
        future_limit_seconds: how far ahead of its record's timestamp an event may lie.
    """

    def __init__(self, money: Money, future_limit_seconds: float = 300.0) -> None:
        self._money = money
        self._future_limit_seconds = future_limit_seconds

    def decode(self, kind: int, record: Record) -> Event | Heartbeat:
        """The event that the record holds. Raises `RejectionError`."""
        value = record.value
        if value is None:
            raise RejectionError(Reason.NO_VALUE, "value: is null")
        if len(value) > MAX_VALUE_BYTES:
            raise RejectionError(Reason.TOO_LARGE, f"value: has {len(value)} bytes, more than {MAX_VALUE_BYTES}")
        if record.headers and _announces_heartbeat(kind, record):
            return self._heartbeat(record, value)
        quick = read_quickly(kind, (value,))
        event: Any = quick[0] if quick else _read(EVENT_TYPES[kind], value)
        if event.customer_id.encode() != record.key:
            raise RejectionError(Reason.WRONG_KEY, "customer_id: is not the record's key")
        if event.at > record.timestamp / 1000 + self._future_limit_seconds:
            raise self._ahead()
        if kind == _CLICK and event.currency not in self._money.known:
            raise RejectionError(Reason.CURRENCY, "currency: has no rate in money.rates")
        if kind == _PURCHASE:
            self._money.minor(event.value, event.currency)
        return cast("Event", event)

    def decode_run(self, kind: int, records: Sequence[Record]) -> Decoded:
        """Decode records of one topic partition. Never raises for what a record holds."""
        decoded = Decoded()
        for start in range(0, len(records), PIECE):
            self._decode_piece(kind, records[start : start + PIECE], decoded)
        return decoded

    def _decode_piece(self, kind: int, records: Sequence[Record], decoded: Decoded) -> None:
        """All at once where all are good; else each half by itself, down to the record that is not."""
        events = self._all_good(kind, records)
        if events is not None:
            decoded.events += events
            decoded.offsets += [record.offset for record in records]
        elif len(records) > 1:
            middle = len(records) // 2
            self._decode_piece(kind, records[:middle], decoded)
            self._decode_piece(kind, records[middle:], decoded)
        else:
            self._decode_one(kind, records[0], decoded)

    def _all_good(self, kind: int, records: Sequence[Record]) -> list[Event] | None:
        """The events, when it takes no more than a quick look to see that `decode` would accept every record."""
        values = [value for record in records if (value := record.value) is not None]
        if len(values) < len(records) or max(map(len, values)) > MAX_VALUE_BYTES:
            return None
        if any(map(_HEADERS_OF, records)) and not _are_plainly_wrapped(kind, records):
            return None
        events = read_quickly(kind, values)
        return events if events is not None and self._are_fit(kind, events, records) else None

    def _are_fit(self, kind: int, events: Sequence[Any], records: Sequence[Record]) -> bool:
        """Whether keys, times and currencies are surely in order; times of events are held against the least limit."""
        if [event.customer_id.encode() for event in events] != [record.key for record in records]:
            return False
        appended_at = min([record.timestamp for record in records]) / 1000
        if max([event.at for event in events]) > appended_at + self._future_limit_seconds:
            return False
        if kind == _CLICK:
            return self._money.known.issuperset([event.currency for event in events])
        return kind != _PURCHASE or self._can_count(events)

    def _can_count(self, purchases: Sequence[Any]) -> bool:
        try:
            for purchase in purchases:
                self._money.minor(purchase.value, purchase.currency)
        except RejectionError:
            return False
        return True

    def _decode_one(self, kind: int, record: Record, decoded: Decoded) -> None:
        try:
            event = self.decode(kind, record)
        except RejectionError as error:
            decoded.rejected.append(RejectedEvent(record, STAGE, error.reason, error.detail))
            return
        if isinstance(event, Heartbeat):
            decoded.heartbeat = max(event.at, decoded.heartbeat or event.at)
        else:
            decoded.events.append(event)
            decoded.offsets.append(record.offset)

    def _heartbeat(self, record: Record, value: bytes) -> Heartbeat:
        if record.key is not None:
            raise RejectionError(Reason.WRONG_KEY, "a heartbeat has no key")
        heartbeat = _read(Heartbeat, value)
        if heartbeat.at > record.timestamp / 1000 + self._future_limit_seconds:
            raise self._ahead()
        return heartbeat

    def _ahead(self) -> RejectionError:
        detail = f"occurred_at: more than {self._future_limit_seconds:g} s ahead of the record's timestamp"
        return RejectionError(Reason.FUTURE, detail)


def _announces_heartbeat(kind: int, record: Record) -> bool:
    """Whether the headers say that it is a heartbeat. Raises `RejectionError` when they say something unfit."""
    headers = dict(record.headers)
    is_heartbeat = headers.get("ce_type") == _HEARTBEAT
    fault = envelope_fault(headers, _HEARTBEAT if is_heartbeat else _CE_TYPES[kind])
    if fault is not None:
        raise RejectionError(Reason.UNSUPPORTED_ENVELOPE, fault)
    return is_heartbeat


def _are_plainly_wrapped(kind: int, records: Sequence[Record]) -> bool:
    """Whether no record's headers say anything but that it holds an event of this kind."""
    try:
        return not any(record.headers and _announces_heartbeat(kind, record) for record in records)
    except RejectionError:
        return False


def _read(model: type[_Model], value: bytes) -> _Model:
    if value[:1] == b"\0":
        detail = "value: begins like a schema registry's message, send plain JSON"
        raise RejectionError(Reason.UNSUPPORTED_ENVELOPE, detail)
    try:
        return model.model_validate_json(value)
    except ValidationError as error:
        raise _worded(error) from None


def _worded(error: ValidationError) -> RejectionError:
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    if first["type"] == "json_invalid":
        return RejectionError(Reason.NOT_JSON, f"value: {first['msg']}")
    reason = Reason.MERGED_FROM if first["type"] == MERGED_FROM else Reason.SCHEMA
    return RejectionError(reason, f"{_path(first['loc'])}: {first['msg']}")


def _path(loc: tuple[int | str, ...]) -> str:
    """Where the fault is, in the models' own names: those that a producer chose (traits) may be personal data."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part in _NAMES:
            path += f".{part}"
        else:
            return f"{path[1:]}.*"
    return path[1:] or "value"
