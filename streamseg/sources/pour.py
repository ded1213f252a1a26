"""Pours events into topics: as fast as they are taken, or at a multiple of the speed at which they occurred."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.events.cloudevents import HEARTBEAT_TYPE, binary_headers
from streamseg.ports import EventSink, OutgoingRecord
from streamseg.sources.event import SourceEvent
from streamseg.sources.mapped import rfc3339
from streamseg.topics import CLICKS

BEAT_SECONDS: Final = 6 * 3600.0
"""Of event time: so often every partition hears a heartbeat, whether it has events or not."""

RUN: Final = 2_000
"""At most so many records in one sending."""

_PATIENCE_SECONDS: Final = 0.1
"""Wall time by which a paced event may be early, so that a sending is worth it."""


@dataclass(slots=True)
class Poured:
    """What was sent. `first` and `latest` are epoch seconds of the events, None before the first."""

    events: int = 0
    first: float | None = None
    latest: float | None = None
    seconds: float = 0.0


async def _always_room() -> None: ...


async def pour(
    events: Iterable[SourceEvent],
    sink: EventSink,
    *,
    speed: float | None = None,
    paced_from: float = 0.0,
    partitions: int = 0,
    room: Callable[[], Awaitable[None]] = _always_room,
    sent: Callable[[Poured], None] = lambda _: None,
) -> Poured:
    """Send all events, in the order given.

    Args:
        events: in order of time, or the pace is uneven.
        sink: where the records go.
        speed: seconds of event time per second of wall time; None: as fast as the sink takes them.
        paced_from: events that occurred before (epoch seconds) are sent without waiting.
        partitions: of the topic of clicks. Each hears a heartbeat every `BEAT_SECONDS` of event time and at the end,
            so that clocks in event mode go on where nobody does anything; 0: no heartbeats.
        room: awaited before each sending, where a receiver must not be overrun.
        sent: told after each sending what has been sent so far.
    """
    poured, began, beaten = Poured(), time.monotonic(), None
    async for run in _paced(events, speed, paced_from):
        await room()
        await sink.send([record_of(event) for event in run])
        poured.events += len(run)
        latest = max(event.occurred_at for event in run)
        poured.first = run[0].occurred_at if poured.first is None else poured.first
        poured.latest = latest if poured.latest is None else max(poured.latest, latest)
        poured.seconds = time.monotonic() - began
        if beaten is None or poured.latest - beaten >= BEAT_SECONDS:
            await sink.send(heartbeats(poured.latest, partitions))
            beaten = poured.latest
        sent(poured)
    if poured.latest is not None:
        await sink.send(heartbeats(poured.latest, partitions))
    return poured


def record_of(event: SourceEvent) -> OutgoingRecord:
    """The event as a record: CloudEvents in binary mode, key = customer id."""
    headers = binary_headers(event.kind, event.event_id, event.occurred_at)
    return OutgoingRecord(event.topic, event.customer_id.encode(), event.value, headers)


def heartbeats(occurred_at: float, partitions: int) -> list[OutgoingRecord]:
    """One heartbeat for each partition of the topic of clicks: this time has come (epoch seconds)."""
    value = msgspec.json.encode({"occurred_at": rfc3339(occurred_at)})
    headers = (("ce_specversion", b"1.0"), ("ce_type", HEARTBEAT_TYPE.encode()))
    return [OutgoingRecord(CLICKS, None, value, headers, partition) for partition in range(partitions)]


async def _paced(
    events: Iterable[SourceEvent], speed: float | None, paced_from: float
) -> AsyncIterator[list[SourceEvent]]:
    """Runs of events, each when its first is due."""
    run: list[SourceEvent] = []
    origin: tuple[float, float] | None = None
    for event in events:
        if speed is not None and event.occurred_at >= paced_from:
            now = time.monotonic()
            origin = origin or (now, event.occurred_at)
            due = origin[0] + (event.occurred_at - origin[1]) / speed
            if due > now + _PATIENCE_SECONDS:
                if run:
                    yield run
                    run = []
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        run.append(event)
        if len(run) >= RUN:
            yield run
            run = []
    if run:
        yield run


def parse_speed(text: str) -> float | None:
    """`max` is None, `100x` is 100.0. Raises ValueError for anything else."""
    if text == "max":
        return None
    factor = float(text.removesuffix("x"))
    if not 0 < factor < float("inf"):
        raise ValueError(text)
    return factor
