"""Send events to topics: as fast as the sink takes them, or at a multiple of the speed at which they occurred."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.events.cloudevents import HEARTBEAT_TYPE, binary_headers
from streamseg.pipeline.event_time import STEP_SECONDS, EventTime
from streamseg.ports import EventSink, OutgoingRecord
from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.topics import CLICKS

HEARTBEAT_SECONDS: Final = 6 * 3600.0
"""Event time between two heartbeats of a partition."""

BATCH_EVENTS: Final = 2_000
"""Greatest number of events sent at once."""

_EARLY_SECONDS: Final = 0.1
"""Wall time by which a paced event may be sent too early, so that batches are not tiny."""


@dataclass(slots=True)
class SendProgress:
    """What was sent so far. `first` and `latest` are epoch seconds of the events; None before the first event."""

    events: int = 0
    known: int = 0
    """Events that were not sent, because the topics hold them already."""
    first: float | None = None
    latest: float | None = None
    seconds: float = 0.0
    """Wall time since the start."""


async def _no_wait() -> None: ...


async def send_events(
    events: Iterable[SourceEvent],
    sink: EventSink,
    *,
    speed: float | None = None,
    paced_from: float = 0.0,
    partitions: int = 0,
    moves_clocks: bool = True,
    before_send: Callable[[], Awaitable[None]] = _no_wait,
    on_sent: Callable[[SendProgress], None] = lambda _: None,
) -> SendProgress:
    """Send all events in the given order.

    Args:
        events: should be in order of time, or the pace is uneven.
        sink: takes the records.
        speed: seconds of event time per second of wall time; None: no pacing.
        paced_from: epoch seconds; events that occurred earlier are sent without waiting.
        partitions: number of partitions of the click topic. Each gets a heartbeat at the end, which says so. 0: none.
        moves_clocks: whether each also gets one every `HEARTBEAT_SECONDS` of event time, so that clocks in event mode
            advance without events. A heartbeat carries the latest time that several events support.
        before_send: awaited before each batch; it can wait for a slow receiver.
        on_sent: called after each batch.
    """
    progress, began, last_heartbeat = SendProgress(), time.monotonic(), -math.inf
    clock = EventTime(STEP_SECONDS)
    async for batch in _paced(events, speed, paced_from):
        await before_send()
        await sink.send([record_of(event) for event in batch])
        times = [event.occurred_at for event in batch]
        clock.advance("", times, range(progress.events, progress.events + len(batch)))
        progress.events += len(batch)
        latest = max(times)
        progress.first = batch[0].occurred_at if progress.first is None else progress.first
        progress.latest = latest if progress.latest is None else max(progress.latest, latest)
        progress.seconds = time.monotonic() - began
        if moves_clocks and clock.reached > 0.0 and clock.reached - last_heartbeat >= HEARTBEAT_SECONDS:
            await sink.send(heartbeats(clock.reached, partitions))
            last_heartbeat = clock.reached
        on_sent(progress)
    if progress.first is not None:
        # A few events support no time: then the first one is the safe choice.
        await sink.send(heartbeats(clock.reached or progress.first, partitions, ends_history=True))
    return progress


def record_of(event: SourceEvent) -> OutgoingRecord:
    """Return the record of an event: CloudEvents in binary mode, the customer id as key."""
    headers = binary_headers(event.kind, event.event_id, event.occurred_at)
    return OutgoingRecord(event.topic, event.customer_id.encode(), event.value, headers)


def heartbeats(occurred_at: float, partitions: int, *, ends_history: bool = False) -> list[OutgoingRecord]:
    """Return a heartbeat with this event time (epoch seconds) for each partition of the click topic."""
    ending = {"ends_history": True} if ends_history else {}
    value = msgspec.json.encode({"occurred_at": rfc3339(occurred_at), **ending})
    headers = (("ce_specversion", b"1.0"), ("ce_type", HEARTBEAT_TYPE.encode()))
    return [OutgoingRecord(CLICKS, None, value, headers, partition) for partition in range(partitions)]


async def _paced(
    events: Iterable[SourceEvent], speed: float | None, paced_from: float
) -> AsyncIterator[list[SourceEvent]]:
    """Yield batches of events, each when its first event is due."""
    batch: list[SourceEvent] = []
    origin: tuple[float, float] | None = None
    for event in events:
        if speed is not None and event.occurred_at >= paced_from:
            now = time.monotonic()
            origin = origin or (now, event.occurred_at)
            due = origin[0] + (event.occurred_at - origin[1]) / speed
            if due > now + _EARLY_SECONDS:
                if batch:
                    yield batch
                    batch = []
                await asyncio.sleep(max(0.0, due - time.monotonic()))
        batch.append(event)
        if len(batch) >= BATCH_EVENTS:
            yield batch
            batch = []
    if batch:
        yield batch


def parse_speed(text: str) -> float | None:
    """Return the speed: None for `max`, 100.0 for `100x` or `100`. Raises `ValueError`."""
    if text == "max":
        return None
    factor = float(text.removesuffix("x"))
    if not 0 < factor < float("inf"):
        raise ValueError(text)
    return factor
