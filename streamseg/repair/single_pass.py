"""Compute the rows of a partition in a single pass over the log, to compare live rows with them.

A row holds the last applied offset of each topic, so a copy of it names exactly the events that it must contain. The
pass recognises duplicates by the identities of all events, whereas workers remember only the latest.

Customers expire after the retention time without an event, and start over with a new row when they come back. Events
older than such a row belong to the expired one, provided that enough silence lies between the two.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.events.types import Event
from streamseg.features.fields import NEVER
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.features.update import Source, absorb, identity
from streamseg.pipeline.event_time import STEP_SECONDS, EventTime
from streamseg.repair.row_comparison import RowDifference, compare_rows
from streamseg.topics import INPUT_TOPICS

ERASURES_FIRST: Final = tuple(reversed(range(len(INPUT_TOPICS))))
"""Order in which a pass reads the topics. Late events must find the erasures; clicks come last, because the latest ids
in rows are mostly theirs."""
ORDER_DOUBT_SECONDS: Final = 3_600.0
"""Workers read topics side by side, so an erasure may be absorbed before or after events appended this close to it."""
EARLY_SECONDS: Final = 86_400.0
"""By this much the silence before a new row may be shorter than the retention time: its first event may be late."""


class SinglePass:
    """The rows of one partition, computed in one pass. Take the topics in the order `ERASURES_FIRST`.

    Args:
        layout: layout of the rows.
        decoder: same as that of the workers.
        money: same as that of the workers.
        belongs: returns whether a customer's key falls on the partition.
        retention_seconds: time without an event after which a customer expires.
    """

    def __init__(
        self,
        layout: Layout,
        decoder: Decoder,
        money: Money,
        belongs: Callable[[str], bool],
        retention_seconds: float = math.inf,
    ) -> None:
        self.rows = Rows(layout)
        self.events = 0
        """Number of events in the rows."""
        self.unknown: dict[str, int] = {}
        """Customers without a live row, with the offset of their first event."""
        self.latest: dict[str, float] = {}
        """Time of the last event of those customers, over all topics."""
        self._event_time = EventTime(STEP_SECONDS)
        self._retention_seconds = retention_seconds
        self._begins: dict[str, float] = {}
        self._earlier: defaultdict[str, list[tuple[int, int, Event]]] = defaultdict(list)
        self._decoder = decoder
        self._money = money
        self._belongs = belongs
        self._ids: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
        self._erasures: dict[str, float] = {}
        self._in_doubt: set[str] = set()

    @property
    def now(self) -> float:
        """Where the event clock stands, epoch seconds."""
        return self._event_time.reached

    def expect(self, live: Mapping[str, bytes]) -> None:
        """Prepare for comparing these rows: events older than a row are set aside, and decided on in `compare`."""
        rows = Rows(self.rows.layout, max(len(live), 1))
        slots = rows.load(list(live), list(live.values()))
        begins = zip(live, rows.first_seen[slots].tolist(), rows.erased_at[slots].tolist(), strict=True)
        self._begins = {one: begin for one, begin, erased_at in begins if erased_at == NEVER and begin < math.inf}

    def start_from(self, stored: Mapping[str, bytes]) -> None:
        """Start with these rows, except those that have expired and started over since."""
        slots = self.rows.load(list(stored), list(stored.values()))
        last = dict(zip(stored, self.rows.last_seen[slots].tolist(), strict=True))
        expired = [self.rows.slots[one] for one, at in last.items() if self._started_over(one, at)]
        self.rows.evict(np.array(expired, dtype=np.intp))

    def take(self, source: int, records: Sequence[Record], until: Mapping[str, int]) -> None:
        """Absorb the events up to each customer's last applied offset; put customers without one into `unknown`."""
        decoded = self._decoder.decode_run(source, records)
        self._event_time.advance(str(source), [event.at for event in decoded.events], decoded.offsets)
        if decoded.heartbeat is not None:
            self._event_time.tick(decoded.heartbeat)
        appended = {record.offset: record.timestamp / 1000 for record in records} if self._erasures else {}
        events: list[Event] = []
        offsets: list[int] = []
        for event, offset in zip(decoded.events, decoded.offsets, strict=True):
            customer = event.customer_id
            last_applied = until.get(customer)
            if last_applied is None:
                if self._belongs(customer):
                    self.unknown.setdefault(customer, offset)
                    self.latest[customer] = max(event.at, self.latest.get(customer, event.at))
            elif offset <= last_applied and event.at < self._begins.get(customer, event.at):
                self._earlier[customer].append((source, offset, event))
            elif offset <= last_applied and (known := identity(source, event)) not in self._ids[customer]:
                self._ids[customer].add(known)
                events.append(event)
                offsets.append(offset)
                if customer in self._erasures:
                    self._mark_doubt(event, appended[offset])
        self._absorb(source, events, offsets)
        if source == Source.ERASURES:
            at = {record.offset: record.timestamp / 1000 for record in records}
            for event, offset in zip(events, offsets, strict=True):
                self._erasures[event.customer_id] = max(at[offset], self._erasures.get(event.customer_id, 0.0))

    def _absorb(self, source: int, events: Sequence[Event], offsets: Sequence[int]) -> None:
        customers = [event.customer_id for event in events]
        missing = self.rows.missing(customers)
        self.rows.load(missing, [None] * len(missing))
        slots = self.rows.slots_of(customers)
        absorbed = absorb(self.rows, source, slots, np.array(offsets, dtype=np.int64), events, self._money)
        self.events += int(absorbed.mask.sum())

    def _started_over(self, customer: str, before: float) -> bool:
        """Return whether an event at `before` belongs to an expired row of the customer, not to the live one."""
        silence = self._retention_seconds - EARLY_SECONDS
        return self._begins.get(customer, before) - before >= max(silence, self._retention_seconds / 2)

    def _absorb_earlier(self) -> None:
        """Absorb the events that are older than their row but not of an expired one: the row should hold them."""
        for customer, earlier in self._earlier.items():
            if self._started_over(customer, max(event.at for _, _, event in earlier)):
                continue
            if customer in self.rows.slots:
                self.rows.last_applied[self.rows.slots[customer]] = -1
            for source in Source:
                ordered = sorted((offset, n, event) for n, (by, offset, event) in enumerate(earlier) if by == source)
                first_by_id = {identity(source, event): (offset, event) for offset, _, event in reversed(ordered)}
                known = self._ids[customer]
                new = [found for one, found in first_by_id.items() if one not in known]
                new.sort(key=lambda found: found[0])
                self._absorb(source, [event for _, event in new], [offset for offset, _ in new])
        self._earlier.clear()

    def _mark_doubt(self, event: Event, appended_at: float) -> None:
        """Mark customers whose row depends on the order in which an erasure and this event were absorbed.

        An erasure clears all events absorbed before it, even those that occurred after it.
        """
        after = event.at > self.rows.erased_at[self.rows.slots[event.customer_id]]
        if after and appended_at < self._erasures[event.customer_id] + ORDER_DOUBT_SECONDS:
            self._in_doubt.add(event.customer_id)

    def compare(self, live: Mapping[str, bytes]) -> list[RowDifference]:
        """Return the differences between live rows and this pass.

        For customers who were active around their own erasure, only surplus events count.
        """
        if not live:
            return []
        self._absorb_earlier()
        customers = list(live)
        live_rows = Rows(self.rows.layout, len(live))
        live_slots = live_rows.load(customers, list(live.values()))
        missing = self.rows.missing(live)
        self.rows.load(missing, [None] * len(missing))
        found = compare_rows(customers, live_rows, live_slots, self.rows, self.rows.slots_of(customers))
        return [one for one in found if one.kind == "doubled" or one.customer_id not in self._in_doubt]


def last_applied_offsets(layout: Layout, stored: Mapping[str, bytes]) -> list[dict[str, int]]:
    """Return the last applied offsets of stored rows by customer, for each input topic in order."""
    rows = Rows(layout, max(len(stored), 1))
    slots = rows.load(list(stored), list(stored.values()))
    return [dict(zip(stored, column, strict=True)) for column in rows.last_applied[slots].T.tolist()]
