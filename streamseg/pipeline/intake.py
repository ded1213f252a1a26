"""Takes a run of records in: decodes it, rejects misrouted records, and absorbs the events into rows."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import RecordBatch
from streamseg.events.rejection import Reason, RejectedEvent
from streamseg.events.types import Event
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.update import Absorbed
from streamseg.features.update import absorb as absorb_events


@dataclass(slots=True)
class Taken:
    """A decoded run. `events`, `offsets`, `customer_ids` and `times` are parallel."""

    events: list[Event]
    offsets: NDArray[np.int64]
    customer_ids: list[str]
    missing: list[str]
    """Customers without a row in memory, each once. Load their rows before `absorb`."""
    rejected: list[RejectedEvent]
    times: Floats
    """Time of each event, epoch seconds."""
    heartbeat: float | None = None
    """Latest time of a heartbeat, epoch seconds."""
    history_ended: bool = False
    """Whether a heartbeat said that a history was sent before it."""
    probes: list[float] = field(default_factory=list)
    """When each probe was sent, epoch seconds."""
    adjusted: Counter[str] = field(default_factory=Counter)
    """Number of events in which a field was normalised or left out, by field."""
    slots: Slots | None = None
    """Row of each event, once somebody has asked for it."""

    def slots_in(self, rows: Rows) -> Slots:
        """Return the row of each event, looked up once. Raises `KeyError` if one is not loaded."""
        if self.slots is None:
            self.slots = rows.slots_of(self.customer_ids)
        return self.slots

    def part(self, rows: Rows, at: NDArray[np.intp]) -> "Taken":
        """Return the events at the positions `at`, ascending, with their rows instead of customer ids."""
        events = list(map(self.events.__getitem__, at.tolist()))
        return Taken(events, self.offsets[at], [], [], [], self.times[at], slots=self.slots_in(rows)[at])


def take(
    decoder: Decoder,
    source: int,
    batch: RecordBatch,
    rows: Rows,
    misrouted_of: Callable[[Sequence[str]], Collection[str]],
) -> Taken:
    """Decode a run and reject misrouted records.

    Args:
        decoder: decodes the records.
        source: `features.update.Source` of the run's topic.
        batch: the run.
        rows: the slab; it is not changed.
        misrouted_of: returns the customers whose key belongs on another partition. It is called with customers without
            a row in memory only, so each customer is checked once per load.
    """
    decoded = decoder.decode_run(source, batch.records)
    events, offsets, rejected = decoded.events, decoded.offsets, list(decoded.rejected)
    customers = [event.customer_id for event in events]
    missing = rows.missing(customers)
    misrouted = misrouted_of(missing)
    if misrouted:
        at = {record.offset: record for record in batch.records}
        detail = "key: belongs on another partition; set the producer's partitioner to murmur2 (murmur2_random)"
        rejected += [
            RejectedEvent(at[offset], "partition", Reason.WRONG_PARTITION, detail)
            for event, offset in zip(events, offsets, strict=True)
            if event.customer_id in misrouted
        ]
        kept = [(e, o) for e, o in zip(events, offsets, strict=True) if e.customer_id not in misrouted]
        events, offsets = [e for e, _ in kept], [o for _, o in kept]
        customers = [event.customer_id for event in events]
        missing = [customer for customer in missing if customer not in misrouted]
    times = np.array([event.at for event in events], dtype=np.float64)
    return Taken(
        events,
        np.array(offsets, dtype=np.int64),
        customers,
        missing,
        rejected,
        times,
        heartbeat=decoded.heartbeat,
        history_ended=decoded.history_ended,
        probes=decoded.probes,
        adjusted=decoded.adjusted,
    )


def absorb(rows: Rows, source: int, taken: Taken, money: Money) -> tuple[Slots, Absorbed]:
    """Absorb the events into their rows. Returns the slots of these rows, each once, and the counts.

    Raises:
        KeyError: the row of a customer is not loaded.
    """
    absorbed = absorb_events(rows, source, taken.slots_in(rows), taken.offsets, taken.events, money)
    rows.touch(absorbed.slots)
    return absorbed.slots, absorbed
