"""Decodes records into events, or rejects them with a reason.

The rules, in the order in which they are checked:

1. A null value, a value above `MAX_VALUE_BYTES`, or an unsupported envelope is rejected.
2. A heartbeat and a probe (known by their `ce_type`; they have no key) only carry a time.
3. The value must be one JSON document in UTF-8 that the topic's model accepts. If a name occurs twice, the last one
   counts. Unknown fields are ignored, whatever they hold.
4. The key must be the customer id in UTF-8.
5. An event that occurred later than its record was appended, by more than the limit, is rejected. The rule depends on
   the record alone, so it is the same with both clocks.
6. The currency of a purchase must be known. An event is never rejected for being late.

What is needed for money, identity and time is strict. Other fields that are invalid are normalised or left out, and
counted by field in `Decoded.adjusted` (see `adjusting.py`).

Runs are decoded in pieces: a piece of valid records takes the fast path as a whole; a piece with an invalid record is
halved until that record is alone (DESIGN.md, Reading in runs).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Final, cast

from streamseg.events.cloudevents import EVENT_CE_TYPES, HEARTBEAT_TYPE, PROBE_TYPE, envelope_fault
from streamseg.events.fast import read_quickly
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.events.rejection import Reason, RejectedEvent, RejectionError
from streamseg.events.types import EVENT_TYPES, KINDS, Event, Heartbeat, Probe
from streamseg.events.validation import adjusted_event, validated

MAX_VALUE_BYTES: Final = 1_048_576
STAGE: Final = "decode"
PIECE: Final = 256
"""Records that are checked together: few enough that an invalid one costs little and that all stay in the CPU cache."""

_HEADERS_OF: Final = attrgetter("headers")
_CE_TYPES: Final = tuple(name.encode() for name in EVENT_CE_TYPES)
_SIGNALS: Final[Mapping[bytes | None, type[Heartbeat | Probe]]] = {
    HEARTBEAT_TYPE.encode(): Heartbeat,
    PROBE_TYPE.encode(): Probe,
}
"""Records that only carry a time, by their type."""
_CLICK: Final = KINDS.index("click")
_PURCHASE: Final = KINDS.index("purchase")


@dataclass(slots=True)
class Decoded:
    """A decoded run. `offsets` is parallel to `events`; `heartbeat` is the latest heartbeat in epoch seconds."""

    events: list[Event] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    heartbeat: float | None = None
    history_ended: bool = False
    """Whether a heartbeat said that a history was sent before it."""
    probes: list[float] = field(default_factory=list)
    """When each probe was sent, epoch seconds."""
    rejected: list[RejectedEvent] = field(default_factory=list)
    adjusted: Counter[str] = field(default_factory=Counter)
    """Number of accepted events in which the field was normalised or left out, by field."""


class Decoder:
    """Decodes records of the input topics. A topic's kind is the index of its model in `EVENT_TYPES`.

    Args:
        money: the known currencies.
        future_limit_seconds: how much later than its record's append time an event may occur.
    """

    def __init__(self, money: Money, future_limit_seconds: float = 300.0) -> None:
        self._money = money
        self._future_limit_seconds = future_limit_seconds

    def decode(self, kind: int, record: Record, adjusted: Counter[str] | None = None) -> Event | Heartbeat | Probe:
        """Decode one record; count the fields that were normalised or left out in `adjusted`.

        Raises `RejectionError`.
        """
        fields: set[str] = set()
        value = record.value
        if value is None:
            raise RejectionError(Reason.NO_VALUE, "value: is null")
        if len(value) > MAX_VALUE_BYTES:
            raise RejectionError(Reason.TOO_LARGE, f"value: has {len(value)} bytes, more than {MAX_VALUE_BYTES}")
        if record.headers and (signal := _signal(kind, record)) is not None:
            return self._signal(signal, record, value)
        quick = read_quickly(kind, (value,))
        event: Any = quick[0] if quick else adjusted_event(EVENT_TYPES[kind], value, fields)
        if event.customer_id.encode() != record.key:
            raise RejectionError(Reason.WRONG_KEY, "customer_id: is not the record's key")
        if event.at > record.timestamp / 1000 + self._future_limit_seconds:
            raise self._ahead()
        if kind == _CLICK and event.currency not in self._money.known:
            fields.add("currency")  # its prices are left out: `features.lines` has no rate for them
        if kind == _PURCHASE:
            self._money.minor(event.value, event.currency)
        if adjusted is not None:
            adjusted.update(fields)
        return cast("Event", event)

    def decode_run(self, kind: int, records: Sequence[Record]) -> Decoded:
        """Decode records of one topic partition. Never raises because of a record's content."""
        decoded = Decoded()
        for start in range(0, len(records), PIECE):
            self._decode_piece(kind, records[start : start + PIECE], decoded)
        return decoded

    def _decode_piece(self, kind: int, records: Sequence[Record], decoded: Decoded) -> None:
        """Decode all records at once if all are valid, else each half separately, down to single records."""
        events = self._decode_fast(kind, records)
        if events is not None:
            decoded.events += events
            decoded.offsets += [record.offset for record in records]
        elif len(records) > 1:
            middle = len(records) // 2
            self._decode_piece(kind, records[:middle], decoded)
            self._decode_piece(kind, records[middle:], decoded)
        else:
            self._decode_one(kind, records[0], decoded)

    def _decode_fast(self, kind: int, records: Sequence[Record]) -> list[Event] | None:
        """Return the events if the fast checks show that `decode` would accept every record, else None."""
        values = [value for record in records if (value := record.value) is not None]
        if len(values) < len(records) or max(map(len, values)) > MAX_VALUE_BYTES:
            return None
        if any(map(_HEADERS_OF, records)) and not _are_plain_events(kind, records):
            return None
        events = read_quickly(kind, values)
        return events if events is not None and self._are_valid(kind, events, records) else None

    def _are_valid(self, kind: int, events: Sequence[Any], records: Sequence[Record]) -> bool:
        """Return whether keys, times and currencies are valid. Compares the latest event with the earliest record."""
        if [event.customer_id.encode() for event in events] != [record.key for record in records]:
            return False
        appended_at = min([record.timestamp for record in records]) / 1000
        if max([event.at for event in events]) > appended_at + self._future_limit_seconds:
            return False
        if kind == _CLICK:
            return self._money.known.issuperset([event.currency for event in events])
        return kind != _PURCHASE or self._can_convert(events)

    def _can_convert(self, purchases: Sequence[Any]) -> bool:
        try:
            for purchase in purchases:
                self._money.minor(purchase.value, purchase.currency)
        except RejectionError:
            return False
        return True

    def _decode_one(self, kind: int, record: Record, decoded: Decoded) -> None:
        try:
            event = self.decode(kind, record, decoded.adjusted)
        except RejectionError as error:
            decoded.rejected.append(RejectedEvent(record, STAGE, error.reason, error.detail))
            return
        if isinstance(event, Heartbeat):
            decoded.heartbeat = max(event.at, decoded.heartbeat or event.at)
            decoded.history_ended |= event.ends_history
        elif isinstance(event, Probe):
            decoded.probes.append(event.at)
        else:
            decoded.events.append(event)
            decoded.offsets.append(record.offset)

    def _signal(self, kind: type[Heartbeat | Probe], record: Record, value: bytes) -> Heartbeat | Probe:
        if record.key is not None:
            raise RejectionError(Reason.WRONG_KEY, f"key: must be null in a {kind.__name__.lower()}")
        signal = validated(kind, value)
        # A probe of a worker whose clock runs ahead moves nothing: no reason to fill the dead letters with them.
        if kind is Heartbeat and signal.at > record.timestamp / 1000 + self._future_limit_seconds:
            raise self._ahead()
        return signal

    def _ahead(self) -> RejectionError:
        detail = f"occurred_at: more than {self._future_limit_seconds:g} s ahead of the record's timestamp"
        return RejectionError(Reason.FUTURE, detail)


def _signal(kind: int, record: Record) -> type[Heartbeat | Probe] | None:
    """Return the kind of signal that the headers mark. Raises `RejectionError` if they are invalid for the topic."""
    headers = {name: value for name, value in record.headers if value is not None}
    named = headers.get("ce_type")
    signal = _SIGNALS.get(named)
    fault = envelope_fault(headers, _CE_TYPES[kind] if named is None or signal is None else named)
    if fault is not None:
        raise RejectionError(Reason.UNSUPPORTED_ENVELOPE, fault)
    return signal


def _are_plain_events(kind: int, records: Sequence[Record]) -> bool:
    """Return whether all headers are valid for this kind of event and none marks a signal."""
    try:
        return not any(record.headers and _signal(kind, record) for record in records)
    except RejectionError:
        return False
