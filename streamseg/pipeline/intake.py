"""A run of records becomes events, or reasons why not, and events become rows."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import RecordBatch
from streamseg.events.rejection import Reason, RejectedEvent
from streamseg.events.types import Event
from streamseg.features.rows import Rows, Slots
from streamseg.features.update import Absorbed
from streamseg.features.update import absorb as absorb_events


@dataclass(slots=True)
class Taken:
    """The good and the bad of one run; `events`, `offsets` and `customer_ids` belong together."""

    events: list[Event]
    offsets: list[int]
    customer_ids: list[str]
    missing: list[str]
    """Those of them without a row in memory, each once: to be loaded before the events are absorbed."""
    rejected: list[RejectedEvent]
    latest: float | None = None
    """Greatest `occurred_at` of events and heartbeats, epoch seconds."""


def take(
    decoder: Decoder,
    source: int,
    batch: RecordBatch,
    rows: Rows,
    misrouted_of: Callable[[Sequence[str]], Collection[str]],
) -> Taken:
    """Decode a run. `misrouted_of` picks those whose key falls on another partition; it is asked once per row."""
    decoded = decoder.decode_run(source, batch.records)
    events, offsets, rejected = decoded.events, decoded.offsets, list(decoded.rejected)
    customers = [event.customer_id for event in events]
    missing = rows.missing(customers)
    misrouted = misrouted_of(missing)
    if misrouted:
        at = {record.offset: record for record in batch.records}
        detail = "the key belongs on another partition: set the producer's partitioner to murmur2 (murmur2_random)"
        rejected += [
            RejectedEvent(at[offset], "partition", Reason.WRONG_PARTITION, detail)
            for event, offset in zip(events, offsets, strict=True)
            if event.customer_id in misrouted
        ]
        kept = [(e, o) for e, o in zip(events, offsets, strict=True) if e.customer_id not in misrouted]
        events, offsets = [e for e, _ in kept], [o for _, o in kept]
        customers = [event.customer_id for event in events]
        missing = [customer for customer in missing if customer not in misrouted]
    times = [event.at for event in events]
    if decoded.heartbeat is not None:
        times.append(decoded.heartbeat)
    return Taken(events, offsets, customers, missing, rejected, max(times, default=None))


def absorb(rows: Rows, source: int, taken: Taken, money: Money) -> tuple[Slots, Absorbed]:
    """Put the events into their rows, which must be loaded; the slots touched, each once."""
    slots = rows.slots_of(taken.customer_ids)
    absorbed = absorb_events(rows, source, slots, np.array(taken.offsets, dtype=np.int64), taken.events, money)
    rows.touch(absorbed.slots)
    return absorbed.slots, absorbed
