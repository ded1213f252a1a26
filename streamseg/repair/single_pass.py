"""A single pass over the log, and where live rows differ from it.

Rows carry the offsets that they have absorbed (fences), so a copy of a row names exactly the events it must hold. The
pass tells duplicates by a full set of ids, not by the ring that workers have.

Customers who were silent for the retention time leave, and begin anew when they come back: what is older than their
row belongs to an earlier life if enough silence lies between the two.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.events.types import Event
from streamseg.features.layout import NEVER, Layout
from streamseg.features.rows import Rows, Slots
from streamseg.features.update import Source, absorb

RELATIVE_TOLERANCE: Final = 1e-3
"""Of decayed sums: they are kept as float32, and rescaled with every batch."""
COUNTS: Final = ("events", "transactions")
EXACT: Final = (
    "first_seen",
    "last_seen",
    "last_click",
    "last_purchase",
    "erased_at",
    "ads",
    "ads_at",
    "personalisation",
    "personalisation_at",
    "spend_minor",
    "attributes",
    "attribute_at",
)
"""Fields that must agree to the last bit. Settling, sampling and the ring depend on the order of events."""
ORDER_DOUBT_SECONDS: Final = 3_600.0
"""Topics are read side by side, so by about this much an erasure may be absorbed before or after its neighbours."""
EARLY_SECONDS: Final = 86_400.0
"""How much less than the retention time the silence before a new life may be: its first event may have come late."""

Kind = Literal["lost", "doubled", "different"]


@dataclass(frozen=True, slots=True)
class RowDifference:
    """One field in which a live row is not what the log says. Values as text."""

    customer_id: str
    field: str
    live: str
    replayed: str
    kind: Kind


class SinglePass:
    """One partition's rows as a single pass makes them. Erasures come first, so that late events find their marks.

    Args:
        layout: of the rows.
        decoder: as the workers have it.
        money: as the workers have it.
        belongs: whether a customer's key falls on the partition.
        retention_seconds: after how much silence a customer leaves.
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
        """How many the rows hold by this pass."""
        self.unknown: dict[str, int] = {}
        """Customers without a fence, with the offset of their first event."""
        self.latest: dict[str, float] = {}
        """When the last event of those customers occurred, over all topics."""
        self.now = 0.0
        """The greatest event time of all: where the clock of events stands."""
        self._retention_seconds = retention_seconds
        self._begins: dict[str, float] = {}
        self._earlier: defaultdict[str, list[tuple[int, int, Event]]] = defaultdict(list)
        self._decoder = decoder
        self._money = money
        self._belongs = belongs
        self._ids: defaultdict[str, set[tuple[int, str]]] = defaultdict(set)
        self._erasures: dict[str, float] = {}
        self._in_doubt: set[str] = set()

    def expect(self, live: Mapping[str, bytes]) -> None:
        """These rows will be compared: events older than what they hold are looked at in the end, all together."""
        theirs = Rows(self.rows.layout, max(len(live), 1))
        slots = theirs.load(list(live), list(live.values()))
        begins = zip(live, theirs.first_seen[slots].tolist(), theirs.erased_at[slots].tolist(), strict=True)
        self._begins = {one: begin for one, begin, erased_at in begins if erased_at == NEVER and begin < math.inf}

    def start_from(self, stored: Mapping[str, bytes]) -> None:
        """Begin with these rows instead of nothing; but for those who have left since and come back."""
        slots = self.rows.load(list(stored), list(stored.values()))
        last = dict(zip(stored, self.rows.last_seen[slots].tolist(), strict=True))
        gone = [self.rows.slots[one] for one, at in last.items() if self._new_life(one, at)]
        self.rows.evict(np.array(gone, dtype=np.intp))

    def take(self, source: int, records: Sequence[Record], until: Mapping[str, int]) -> None:
        """Absorb the events up to each customer's fence; who has none is noted in `unknown`."""
        decoded = self._decoder.decode_run(source, records)
        self.now = max([self.now, decoded.heartbeat or 0.0, *(event.at for event in decoded.events)])
        appended = {record.offset: record.timestamp / 1000 for record in records} if self._erasures else {}
        events: list[Event] = []
        offsets: list[int] = []
        for event, offset in zip(decoded.events, decoded.offsets, strict=True):
            customer = event.customer_id
            fence = until.get(customer)
            if fence is None:
                if self._belongs(customer):
                    self.unknown.setdefault(customer, offset)
                    self.latest[customer] = max(event.at, self.latest.get(customer, event.at))
            elif offset <= fence and event.at < self._begins.get(customer, event.at):
                self._earlier[customer].append((source, offset, event))
            elif offset <= fence and (source, event.event_id) not in self._ids[customer]:
                self._ids[customer].add((source, event.event_id))
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

    def _new_life(self, customer: str, before: float) -> bool:
        """Whether the row begins long enough after an event that occurred at `before` to be another life's."""
        silence = self._retention_seconds - EARLY_SECONDS
        return self._begins.get(customer, before) - before >= max(silence, self._retention_seconds / 2)

    def _absorb_earlier(self) -> None:
        """What is older than a row, and not of an earlier life, should be in it."""
        for customer, earlier in self._earlier.items():
            if self._new_life(customer, max(event.at for _, _, event in earlier)):
                continue
            if customer in self.rows.slots:
                self.rows.last_applied[self.rows.slots[customer]] = -1
            for source in Source:
                of = sorted((offset, n, event) for n, (by, offset, event) in enumerate(earlier) if by == source)
                fresh = {event.event_id: (offset, event) for offset, _, event in reversed(of)}
                known = self._ids[customer]
                kept = sorted(
                    ((o, e) for i, (o, e) in fresh.items() if (source, i) not in known), key=lambda one: one[0]
                )
                self._absorb(source, [event for _, event in kept], [offset for offset, _ in kept])
        self._earlier.clear()

    def _mark_doubt(self, event: Event, appended_at: float) -> None:
        """An erasure clears what came before it, even what occurred after it: then the order decides."""
        after = event.at > self.rows.erased_at[self.rows.slots[event.customer_id]]
        if after and appended_at < self._erasures[event.customer_id] + ORDER_DOUBT_SECONDS:
            self._in_doubt.add(event.customer_id)

    def compare(self, live: Mapping[str, bytes]) -> list[RowDifference]:
        """Where the live rows are not what this pass made.

        Of customers who were active around their own erasure, only what is above this pass counts.
        """
        if not live:
            return []
        self._absorb_earlier()
        standing = Rows(self.rows.layout, len(live))
        theirs = standing.load(list(live), list(live.values()))
        absent = self.rows.missing(live)
        self.rows.load(absent, [None] * len(absent))
        ours, ids = self.rows.slots_of(list(live)), list(live)
        found = [*self._counts(standing, theirs, ours, ids), *self._values(standing, theirs, ours, ids)]
        return [one for one in found if one.kind == "doubled" or one.customer_id not in self._in_doubt]

    def _counts(self, live: Rows, theirs: Slots, ours: Slots, ids: Sequence[str]) -> Iterator[RowDifference]:
        for name in COUNTS:
            stored = live.slab[name][theirs].astype(np.int64)
            counted = self.rows.slab[name][ours].astype(np.int64)
            for i in np.flatnonzero(stored != counted).tolist():
                kind: Kind = "lost" if stored[i] < counted[i] else "doubled"
                yield RowDifference(ids[i], name, str(stored[i]), str(counted[i]), kind)

    def _values(self, live: Rows, theirs: Slots, ours: Slots, ids: Sequence[str]) -> Iterator[RowDifference]:
        for name in (*EXACT, "sums"):
            stored, counted = live.slab[name][theirs], self.rows.slab[name][ours]
            off = _unlike_sums(stored, counted) if name == "sums" else _unlike(stored, counted)
            for i in np.flatnonzero(off.reshape(len(ids), -1).any(axis=1)).tolist():
                yield RowDifference(ids[i], name, str(stored[i]), str(counted[i]), "different")


def _unlike(stored: NDArray[np.generic], counted: NDArray[np.generic]) -> NDArray[np.bool_]:
    missing = (stored != stored) & (counted != counted)  # noqa: PLR0124  NaN
    off: NDArray[np.bool_] = (stored != counted) & ~missing
    return off


def _unlike_sums(stored: NDArray[np.float32], counted: NDArray[np.float32]) -> NDArray[np.bool_]:
    # Cancelling amounts (a refund) leave sums near 0: compare with what the row holds at its largest.
    scale = np.maximum(np.abs(stored), np.abs(counted)).max(axis=1, initial=0.0)[:, None]
    off: NDArray[np.bool_] = np.abs(stored - counted) > RELATIVE_TOLERANCE * np.maximum(scale, RELATIVE_TOLERANCE)
    return off


def fences_of(layout: Layout, stored: Mapping[str, bytes]) -> list[dict[str, int]]:
    """The fences of stored rows, by customer, for each input topic in order."""
    read = Rows(layout, max(len(stored), 1))
    slots = read.load(list(stored), list(stored.values()))
    return [dict(zip(stored, column, strict=True)) for column in read.last_applied[slots].T.tolist()]
