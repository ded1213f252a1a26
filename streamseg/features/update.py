"""Absorbs batches of events into rows: each event once, in any order (DESIGN.md, State that commutes)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from operator import attrgetter
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray
from xxhash import xxh3_64_intdigest

from streamseg.events.identity import names_an_order
from streamseg.events.money import Money
from streamseg.events.types import Click, Consent, Event, Profile, Purchase
from streamseg.features.contributions import Triples, of_clicks, of_purchases
from streamseg.features.fields import NEVER
from streamseg.features.groups import Groups, grouped
from streamseg.features.latest import take_consents, take_profiles
from streamseg.features.rows import Floats, Rows, Slots
from streamseg.features.times.visits import add_visits
from streamseg.features.windows.latest_times import add_click_times, add_purchase_times
from streamseg.features.windows.spent_days import add_spent

Mask = NDArray[np.bool_]

_ORDER: Final = 256
"""What stands in place of a source where a transaction id is the identity."""
_PREFIXES: Final = {0: b"", 1: b"\x01", 2: b"\x02", 3: b"\x03", 4: b"\x04", _ORDER: b"\x7f"}
"""Bytes before an id when it is hashed, by source. A seed will not do: for short ids xxh3 nearly adds it to the id, so
that the click "e-2" and the erasure "e-3" had one hash."""


class Source(IntEnum):
    """Input topic of an event: index among `INPUT_TOPICS` and in a row's last applied offsets."""

    CLICKS = 0
    PURCHASES = 1
    PROFILES = 2
    CONSENTS = 3
    ERASURES = 4


@dataclass(frozen=True, slots=True)
class Absorbed:
    """Result of a batch of n events: the True values of `mask` and the three counts add up to n."""

    mask: Mask
    """True for events absorbed (for erasures: those that took effect), shape (n,)."""
    slots: Slots
    """Slots of all rows in the batch, each once, ascending; at least their last applied offsets changed."""
    replayed: int = 0
    """Number of events at or below the row's last applied offset."""
    duplicates: int = 0
    """Number of new offsets whose identity is in the row's ring or occurred earlier in the batch."""
    erased: int = 0
    """Number of events that occurred at or before the row's erasure."""
    adjusted: int = 0
    """Number of absorbed profiles with a trait that was converted, or left out because it is no number."""


def absorb(  # noqa: PLR0917 - a batch is parallel arrays
    rows: Rows, source: int, slots: Slots, offsets: NDArray[np.int64], events: Sequence[Event], money: Money
) -> Absorbed:
    """Absorb a batch of events of one source into their rows.

    Replay is safe: an offset at or below the row's last applied offset changes nothing. Last applied offsets advance
    for all other events, absorbed or not. The sums do not depend on order or batching, with one exception: an erasure
    clears the whole row if it has events from before and after the erasure, so events that occurred after it but were
    read before it are lost too.

    Args:
        rows: the slab.
        source: `Source` of all the events.
        slots: row of each event, shape (n,).
        offsets: offset of each event in its topic's partition, ascending, shape (n,).
        events: n events.
        money: converts amounts to the configured currency.
    """
    nothing = np.zeros(len(events), dtype=np.bool_)
    if not len(events):
        return Absorbed(nothing, slots)
    fresh = offsets > rows.last_applied[slots, source]
    whole = grouped(slots)
    applied = rows.last_applied[:, source]
    applied[whole.slots] = np.maximum(applied[whole.slots], whole.greatest(offsets))

    at = np.fromiter(map(attrgetter("at"), events), np.float64, len(events))
    counts = fresh & (at > rows.erased_at[slots])
    ids = _hashes(source, events)
    repeated = counts & _repeated(rows, slots, ids, counts)
    mask = counts & ~repeated
    kept = np.flatnonzero(mask)
    adjusted = 0
    if len(kept):
        groups = whole if len(kept) == len(events) else grouped(slots[kept])
        chosen = events if len(kept) == len(events) else [events[i] for i in kept.tolist()]
        match Source(source):
            case Source.CLICKS:
                _absorb_clicks(rows, groups, at[kept], cast("Sequence[Click]", chosen), money)
            case Source.PURCHASES:
                _absorb_purchases(rows, groups, at[kept], ids[kept], cast("Sequence[Purchase]", chosen), money)
            case Source.PROFILES:
                _advance(rows, groups, at[kept])
                adjusted = take_profiles(rows, groups, at[kept], cast("Sequence[Profile]", chosen))
            case Source.CONSENTS:
                _advance(rows, groups, at[kept])
                take_consents(rows, groups, at[kept], cast("Sequence[Consent]", chosen))
            case Source.ERASURES:
                _erase(rows, groups, at[kept])
        if source != Source.ERASURES:
            _remember(rows, groups, ids[kept])
    return Absorbed(
        mask,
        whole.slots,
        replayed=int(np.count_nonzero(~fresh)),
        duplicates=int(np.count_nonzero(repeated)),
        erased=int(np.count_nonzero(fresh & ~counts)),
        adjusted=adjusted,
    )


def identity(source: int, event: Event) -> tuple[int, str]:
    """Return what makes two events of a customer the same: the transaction id of a purchase, else the event id.

    The first element tells apart sources, and purchases from refunds.
    """
    if source == Source.PURCHASES:
        bought = cast("Purchase", event)
        if names_an_order(bought.event_name, bought.transaction_id):
            return _ORDER, bought.transaction_id
    return int(source), event.event_id


def _hashes(source: int, events: Sequence[Event]) -> NDArray[np.uint64]:
    """Return a 64-bit hash of each identity, shape (n,); never 0, which marks an empty ring element."""
    prefix, order = _PREFIXES[source], _PREFIXES[_ORDER]
    if source == Source.PURCHASES:
        found = [
            xxh3_64_intdigest(order + one.transaction_id.encode())
            if names_an_order(one.event_name, one.transaction_id)
            else xxh3_64_intdigest(prefix + one.event_id.encode())
            for one in cast("Sequence[Purchase]", events)
        ]
    else:
        found = [xxh3_64_intdigest(prefix + event.event_id.encode()) for event in events]
    return np.maximum(np.array(found, dtype=np.uint64), np.uint64(1))


def _repeated(rows: Rows, slots: Slots, ids: NDArray[np.uint64], counts: Mask) -> Mask:
    """Return events whose hash is in their row's ring, or occurs earlier in the batch among those that count."""
    if not rows.layout.remembered_event_ids:
        return np.zeros(len(ids), dtype=np.bool_)
    repeated: Mask = (rows.ring[slots] == ids[:, None]).any(axis=1)
    # Ids may be unique only within a customer, so the sort key mixes in the slot.
    key = ids ^ (slots.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    ordered = np.sort(key)
    if not (ordered[1:] == ordered[:-1]).any():
        return repeated
    candidates = np.flatnonzero(counts)
    order = candidates[np.argsort(key[candidates], kind="stable")]
    same = (ids[order][1:] == ids[order][:-1]) & (slots[order][1:] == slots[order][:-1])
    repeated[order[1:][same]] = True
    return repeated


def _remember(rows: Rows, groups: Groups, ids: NDArray[np.uint64]) -> None:
    """Append the ids to the rings and count the events."""
    size = rows.layout.remembered_event_ids - rows.layout.remembered_orders
    counts, held = groups.counts(), rows.events[groups.slots].astype(np.intp)
    rows.events[groups.slots] = held + counts
    if size:
        rank = groups.ranks()
        last = np.flatnonzero(rank >= np.repeat(counts - size, counts))  # each ring element is written once
        group = groups.of[groups.order[last]]
        rows.ring[groups.slots[group], (held[group] + rank[last]) % size] = ids[groups.order[last]]


def _remember_orders(rows: Rows, groups: Groups, ids: NDArray[np.uint64], bought: Mask) -> None:
    """Append the ids of purchases to the part of the rings that only purchases write, and count the purchases."""
    size, kept = rows.layout.remembered_orders, rows.layout.remembered_event_ids - rows.layout.remembered_orders
    held = rows.transactions[groups.slots].astype(np.intp)
    rows.transactions[groups.slots] = held + groups.total(bought.astype(np.int64))
    if not size:
        return
    chosen = groups.order[bought[groups.order]]  # by row, then by offset
    group = groups.of[chosen]
    counts = np.bincount(group, minlength=len(held))
    rank = np.arange(len(chosen)) - np.repeat(np.cumsum(counts) - counts, counts)
    last = np.flatnonzero(rank >= np.repeat(counts - size, counts))  # each ring element is written once
    group, rank, chosen = group[last], rank[last], chosen[last]
    rows.ring[groups.slots[group], kept + (held[group] + rank) % size] = ids[chosen]


def _erase(rows: Rows, groups: Groups, at: Floats) -> None:
    moment = groups.greatest(at)
    rows.erased_at[groups.slots] = moment
    new_life = np.isfinite(rows.first_seen[groups.slots]) & (rows.first_seen[groups.slots] > moment)
    rows.forget(groups.slots[~new_life])


def _advance(
    rows: Rows, groups: Groups, at: Floats, added: Triples | None = None, counted_at: Floats | None = None
) -> None:
    """Update first and last seen, decay the sums to the new anchor, then add what the events add.

    `at` is `occurred_at` of the events, `counted_at` the times from which their sums decay where those differ.
    """
    layout, slots = rows.layout, groups.slots
    before = rows.last_seen[slots]
    anchor = np.maximum(before, groups.greatest(at))
    rows.first_seen[slots] = np.minimum(rows.first_seen[slots], groups.least(at))
    rows.last_seen[slots] = anchor
    sums = rows.sums[slots].astype(np.float64)
    layout.decay(sums, anchor - before)
    if added is not None:
        age = anchor[groups.of] - (at if counted_at is None else counted_at)
        decayed = np.stack(layout.kept(age))
        weight = added.weight * decayed[(added.sum >= layout.habits).astype(np.intp), added.event]
        place = groups.of[added.event] * sums.shape[1] + added.sum
        sums += np.bincount(place, weight, minlength=sums.size).reshape(sums.shape)
    rows.sums[slots] = sums


def _absorb_clicks(rows: Rows, groups: Groups, at: Floats, clicks: Sequence[Click], money: Money) -> None:
    if rows.layout.category_groups:
        rows.heard.hear((one.item_category for click in clicks for one in click.items), rows.layout.category_groups)
    _advance(rows, groups, at, of_clicks(rows.layout, clicks, money))
    add_visits(rows, groups, at)
    if rows.layout.trackers:
        add_click_times(rows, groups, at, clicks)
    rows.last_click[groups.slots] = np.maximum(rows.last_click[groups.slots], groups.greatest(at))


def _absorb_purchases(  # noqa: PLR0917 - a batch is parallel arrays
    rows: Rows, groups: Groups, at: Floats, ids: NDArray[np.uint64], purchases: Sequence[Purchase], money: Money
) -> None:
    if rows.layout.category_groups:
        rows.heard.hear(
            (one.item_category for bought in purchases for one in bought.items), rows.layout.category_groups
        )
    added, orders = of_purchases(rows.layout, purchases, at, money)
    _advance(rows, groups, at, added, orders.counted_at)
    slots = groups.slots
    add_visits(rows, groups, np.where(orders.bought, at, NEVER))
    latest = groups.greatest(np.where(orders.bought, at, NEVER))
    rows.last_purchase[slots] = np.maximum(rows.last_purchase[slots], latest)
    rows.spend_minor[slots] += groups.total(orders.minor)
    if rows.layout.trackers:
        add_purchase_times(rows, groups, at, purchases)
    if rows.layout.spent_days:
        add_spent(rows, groups, orders.counted_at, orders.minor)
    _remember_orders(rows, groups, ids, orders.bought)
