"""What happened to one customer, from the topics: changes of the membership, and the events before each."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from streamseg.errors import ServerUnavailableError, StreamsegError
from streamseg.events.record import Record
from streamseg.events.types import KINDS
from streamseg.membership.contract import HistoryRecord
from streamseg.ports import Log
from streamseg.topics import ERASURES, HISTORY, INPUT_TOPICS

PIECE: Final = 20_000
"""Records read at once, the newest piece first."""
MOST_CHANGES: Final = 100
BEFORE_A_CHANGE: Final = 3
"""Events told before each change, the latest ones."""


@dataclass(frozen=True, slots=True)
class PastEvent:
    """An event of the customer: when it occurred (epoch seconds), its kind, and what is told of it."""

    at: float
    kind: str
    name: str | None = None
    category: str | None = None
    value: float | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class PastChange:
    """A change of the membership, with the latest events since the change before."""

    record: HistoryRecord
    events: tuple[PastEvent, ...]

    @property
    def at(self) -> float:
        """When it took effect, epoch seconds."""
        return float(self.record.as_of or 0)


@dataclass(frozen=True, slots=True)
class Timeline:
    """The past of a customer, the newest first.

    `changes_reach` and `events_reach` are how far the reading came, epoch seconds: None when it found all that is kept.
    """

    changes: tuple[PastChange, ...]
    later: tuple[PastEvent, ...]
    """Events after the last change."""
    changes_reach: float | None
    events_reach: float | None


class _Told(msgspec.Struct):
    """What an event of any kind says that is told; nothing that people typed, and no addresses."""

    occurred_at: str
    event_name: str | None = None
    value: float | str | None = None
    currency: str | None = None
    items: Any = None


_HISTORY: Final = msgspec.json.Decoder(HistoryRecord)
_TOLD: Final = msgspec.json.Decoder(_Told)


async def read_timeline(log: Log, partition: int, customer_id: str, *, seconds: float) -> Timeline:
    """Read the topics backwards for one customer, for so long. Raises `ServerUnavailableError`.

    What an erasure took away is not told, as the contract of the history says.

    Args:
        log: the topics.
        partition: that of the customer.
        customer_id: whose past.
        seconds: for the changes at most half of it; the rest is for the events.
    """
    began, key = time.monotonic(), customer_id.encode()
    found, changes_reach = await _newest(log, HISTORY, partition, key, began + seconds / 2)
    changes = _changes(found)[-MOST_CHANGES:]
    events: list[PastEvent] = []
    reaches: list[float] = []
    erased_at = 0.0
    rest = (ERASURES, *(topic for topic in INPUT_TOPICS[::-1] if topic != ERASURES))  # clicks last: they are the most
    for place, topic in enumerate(rest):
        share = (began + seconds - time.monotonic()) / (len(rest) - place)
        records, reach = await _newest(log, topic, partition, key, time.monotonic() + share)
        told = [one for one in (told_of(topic, record) for record in records) if one is not None]
        if topic == ERASURES:
            erased_at = max((one.at for one in told), default=0.0)
        events += [one for one in told if one.at > erased_at or one.kind == "erasure"]
        reaches += [] if reach is None else [reach]
    events.sort(key=lambda one: one.at)
    before, past = 0.0, list[PastChange]()
    for number, change in enumerate(changes):
        if number and change.as_of != changes[number - 1].as_of:  # of two in one second both have the same causes
            before = _end(changes[number - 1])
        since = [one for one in events if before <= one.at < _end(change)]
        past.append(PastChange(change, tuple(since[-BEFORE_A_CHANGE:][::-1])))
    later = [one for one in events if not changes or one.at >= _end(changes[-1])]
    return Timeline(
        tuple(past[::-1]), tuple(later[-BEFORE_A_CHANGE:][::-1]), changes_reach, max(reaches, default=None)
    )  # fmt: skip


async def _newest(log: Log, topic: str, partition: int, key: bytes, until: float) -> tuple[list[Record], float | None]:
    """Return the records of a key, oldest first, and how far back the reading came; None when it came to the first."""
    first, end = await log.bounds(topic, partition)
    found, reach, pieces = list[Record](), None, 0
    while end > first and (pieces == 0 or time.monotonic() < until):
        start, piece = max(first, end - PIECE), list[Record]()
        try:
            async for records in log.read(topic, partition, start, end):
                piece += [one for one in records if one.key == key]
                if pieces == 0 or reach is None or records[0].timestamp / 1000 < reach:
                    reach = records[0].timestamp / 1000
        except ServerUnavailableError:
            raise
        except StreamsegError:  # retention has removed the piece meanwhile
            break
        found[:0], end, pieces = piece, start, pieces + 1
    return found, reach if end > first else None


def _end(change: HistoryRecord) -> float:
    """Return the end of the second in which a change took effect: `as_of` is whole seconds, events are not."""
    return (change.as_of or 0) + 1.0


def _changes(records: Sequence[Record]) -> list[HistoryRecord]:
    """Return each change once, in order, without those that must be forgotten."""
    known: dict[tuple[int, int], HistoryRecord] = {}
    forget = (-1, -1)
    for record in records:
        try:
            one = _HISTORY.decode(record.value or b"")
        except msgspec.MsgspecError:
            continue
        if one.forget:
            forget = max(forget, (one.epoch, one.seq))
        else:
            known[one.epoch, one.seq] = one
    return [one for order, one in sorted(known.items()) if order > forget]


def told_of(topic: str, record: Record) -> PastEvent | None:
    """Return what is told of an event; None for one that workers reject."""
    try:
        told = _TOLD.decode(record.value or b"")
        at = datetime.fromisoformat(told.occurred_at).timestamp()
    except (msgspec.MsgspecError, ValueError):
        return None
    lines = told.items if isinstance(told.items, list) else []
    named = [str(one["item_category"]) for one in lines if isinstance(one, dict) and one.get("item_category")]
    try:
        value = None if told.value is None else float(told.value)
    except ValueError:
        value = None
    return PastEvent(
        at, KINDS[INPUT_TOPICS.index(topic)], told.event_name, named[0] if named else None, value, told.currency
    )
