"""Holds the rows of the customers in memory: one slab, one numpy record per customer."""

from collections.abc import Iterable, Sequence
from itertools import filterfalse
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.features import codec
from streamseg.features.layout import Layout
from streamseg.features.words.heard import HeardNames

Floats = NDArray[np.float64]
Slots = NDArray[np.intp]
"""Indices of rows in the slab, shape (n,)."""
NO_SLOTS: Final[Slots] = np.empty(0, dtype=np.intp)

OUTLIVES_ERASURE: Final = (
    "fences",
    "erased_at",
    "seq",
    "published_at",
    "published_wall",
    "segment",
    "entered",
    "audiences_as_of",
    "due_at",
)
"""Fields that an erasure keeps: those that reject replayed and earlier events, and those needed to withdraw the
membership. The next look clears segments and audiences; until then they are needed to count the exits."""

_ATTRIBUTES: Final = {"fences": "last_applied"}
"""Attribute of `Rows` by stored field, where they differ: stored names are part of the layout's fingerprint."""

EVICTED_AT_ONCE: Final = 16
"""One of so many rows of the limit leaves memory with those above it."""

_CAPACITY: Final = 1024


class Rows:
    """Rows by slot; the slab grows as needed.

    Each field of the layout is a public array over the slab, shape (capacity,) or (capacity, k), indexed by slot.
    `fields.FIELDS` has their meanings; the stored field `fences` is `last_applied` here. `load` may grow the slab and
    replace all arrays: do not keep an array across it. A row has the same bytes here and in the store, so evicting and
    loading it again changes nothing.
    """

    first_seen: NDArray[np.float64]
    last_seen: NDArray[np.float64]
    last_click: NDArray[np.float64]
    last_purchase: NDArray[np.float64]
    erased_at: NDArray[np.float64]
    ads_at: NDArray[np.float64]
    personalisation_at: NDArray[np.float64]
    analytics_at: NDArray[np.float64]
    spend_minor: NDArray[np.int64]
    last_applied: NDArray[np.int64]
    ring: NDArray[np.uint64]
    visits: NDArray[np.uint64]
    attribute_at: NDArray[np.float64]
    attributes: NDArray[np.float64]
    identified_at: NDArray[np.float64]
    identifiers: NDArray[np.uint64]
    transactions: NDArray[np.uint32]
    events: NDArray[np.uint32]
    seq: NDArray[np.uint32]
    published_at: NDArray[np.uint32]
    published_wall: NDArray[np.uint32]
    segment: NDArray[np.uint32]
    candidate: NDArray[np.uint32]
    since: NDArray[np.uint32]
    looked_at: NDArray[np.uint32]
    learned_at: NDArray[np.uint32]
    held_segment: NDArray[np.uint32]
    held_candidate: NDArray[np.uint32]
    visited_day: NDArray[np.uint32]
    tracked_times: NDArray[np.uint32]
    tracked_from: NDArray[np.uint32]
    spent_day: NDArray[np.uint32]
    spent_from: NDArray[np.uint32]
    entered: NDArray[np.uint32]
    audiences_as_of: NDArray[np.uint32]
    due_at: NDArray[np.uint32]
    identified_from: NDArray[np.uint32]
    spent: NDArray[np.int32]
    sums: NDArray[np.float32]
    ads: NDArray[np.int8]
    personalisation: NDArray[np.int8]
    analytics: NDArray[np.int8]
    streak: NDArray[np.uint8]
    held_streak: NDArray[np.uint8]

    def __init__(self, layout: Layout, capacity: int = _CAPACITY, heard: HeardNames | None = None) -> None:
        self.layout = layout
        self.slots: dict[str, int] = {}
        """Slot of each customer id."""
        self.customer_ids: list[str] = []
        """Customer id of each slot; empty if the slot is free."""
        self.heard = heard or HeardNames()
        """Names of what rows keep hash groups of; not stored, and not part of any row."""
        self._free: list[int] = []
        self.slab: NDArray[np.void]
        self.raw: NDArray[np.uint8]
        """The same memory as bytes, shape (capacity, row bytes)."""
        self._touched: NDArray[np.int64]
        self._touches = 0
        self._allot(max(capacity, 1))

    def __len__(self) -> int:
        return len(self.slots)

    def missing(self, customer_ids: Iterable[str]) -> list[str]:
        """Return the customers without a row in memory, each once, in the order given."""
        return list(dict.fromkeys(filterfalse(self.slots.__contains__, customer_ids)))

    def slots_of(self, customer_ids: Sequence[str]) -> Slots:
        """Return the slots of customers in memory, shape (n,). Raises `KeyError` if one is not."""
        return np.fromiter(map(self.slots.__getitem__, customer_ids), dtype=np.intp, count=len(customer_ids))

    def load(self, customer_ids: Sequence[str], stored: Sequence[bytes | None]) -> Slots:
        """Add rows of distinct customers that are not in memory; None adds a fresh row. Returns their slots.

        Raises:
            LayoutMismatchError: a stored row cannot be read; then none is added.
        """
        known = [row for row in stored if row is not None]
        records = codec.decode(self.layout, known) if known else None
        slots = np.array([self._take_slot(customer) for customer in customer_ids], dtype=np.intp)
        self.slab[slots] = self.layout.fresh
        if records is not None:
            found = np.fromiter((row is not None for row in stored), dtype=np.bool_, count=len(stored))
            self.raw[slots[found]] = records
        self.touch(slots)
        return slots

    def add_copies(self, rows: "Rows", slots: Slots) -> int:
        """Add copies of rows of another slab of this layout, to be worked on; return the slot of the first.

        They follow each other, and are not found by their customers.
        """
        begin = len(self.customer_ids)
        end = begin + len(slots)
        if end > len(self.slab):
            self._allot(max(2 * len(self.slab), end))
        self.customer_ids += [rows.customer_ids[slot] for slot in slots.tolist()]
        self.raw[begin:end] = rows.raw[slots]
        return begin

    def take_back(self, slots: Slots, copies: "Rows", piece: slice) -> None:
        """Replace rows by their copies in another slab, and mark them as most recently used."""
        self.raw[slots] = copies.raw[piece]
        self.touch(slots)

    def dump(self, slots: Slots) -> list[bytes]:
        """Return the rows encoded for the store."""
        return codec.encode(self.layout, self.raw[slots])

    def answers(self, slots: Slots) -> list[tuple[int, int, int]]:
        """Return the codes of the consents to ads, personalisation and analytics: 1 yes, 0 no, -1 unknown."""
        columns = (self.ads[slots], self.personalisation[slots], self.analytics[slots])
        return list(zip(*(column.tolist() for column in columns), strict=True))

    def forget(self, slots: Slots) -> None:
        """Reset the rows to fresh ones, except `OUTLIVES_ERASURE`."""
        kept = [self.slab[name][slots] for name in OUTLIVES_ERASURE]
        self.slab[slots] = self.layout.fresh
        for name, values in zip(OUTLIVES_ERASURE, kept, strict=True):
            self.slab[name][slots] = values

    def evict(self, slots: Slots) -> None:
        """Remove the rows; their slots are reused."""
        for slot in slots.tolist():
            customer = self.customer_ids[slot]
            if customer:
                del self.slots[customer]
                self.customer_ids[slot] = ""
                self._free.append(slot)

    def evict_above(self, limit: int) -> int:
        """Above `limit` rows, remove the least recently used: a whole block of them. Returns how many.

        To find them, all rows are compared, which takes 17 ms with 500,000 (once, 2026-11-29): too long for each cycle.
        """
        surplus = len(self) - limit
        if surplus <= 0:
            return 0
        gone = self.least_recently_used(surplus + limit // EVICTED_AT_ONCE)
        self.evict(gone)
        return len(gone)

    def clear(self) -> None:
        """Remove all rows."""
        self.slots.clear()
        self.customer_ids.clear()
        self._free.clear()

    def touch(self, slots: Slots) -> None:
        """Mark the rows as most recently used."""
        self._touches += 1
        self._touched[slots] = self._touches

    def least_recently_used(self, count: int, pinned: NDArray[np.bool_] | None = None) -> Slots:
        """Return up to `count` slots to evict, least recently used, in no order.

        Args:
            count: largest number of slots.
            pinned: by slot, True for rows that must stay; may be shorter than the slab.
        """
        live = np.fromiter(self.slots.values(), dtype=np.intp, count=len(self.slots))
        if pinned is not None:
            live = live[~np.pad(pinned, (0, max(0, len(self.slab) - len(pinned))))[live]]
        if count >= len(live):
            return live
        return live[np.argpartition(self._touched[live], count)[:count]]

    def _take_slot(self, customer: str) -> int:
        if self._free:
            slot = self._free.pop()
            self.customer_ids[slot] = customer
        else:
            slot = len(self.customer_ids)
            self.customer_ids.append(customer)
            if slot == len(self.slab):
                self._allot(2 * slot)
        self.slots[customer] = slot
        return slot

    def _allot(self, capacity: int) -> None:
        slab = np.zeros(capacity, dtype=self.layout.dtype)  # zeros, not empty: memory pages are mapped on first use
        raw = slab.view(np.uint8).reshape(capacity, self.layout.row_bytes)
        touched = np.zeros(capacity, dtype=np.int64)
        if self.customer_ids:
            held = len(self.slab)
            raw[:held], touched[:held] = self.raw, self._touched
        self.slab, self.raw, self._touched = slab, raw, touched
        for field in self.layout.fields:
            setattr(self, _ATTRIBUTES.get(field.name, field.name), slab[field.name])
