"""READ FIRST: the path of an event, as a few plain functions.

    a run of records --take--> events | rejected --absorb--> rows --look--> segments --publish--> outbox entries
                                                               `--sample--> feature vectors for the trainer

No I/O and no clock in here: the edges (streamseg/stream) load the rows, call these in order, and write what comes out.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Assigner
from streamseg.clustering.budget import LearnBudget, draw
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.clustering.sample import RANKS, rank_of
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import RecordBatch
from streamseg.events.rejection import Reason, RejectedEvent
from streamseg.events.types import Event
from streamseg.features.layout import NEVER
from streamseg.features.rows import Rows
from streamseg.features.update import Absorbed
from streamseg.features.update import absorb as absorb_events
from streamseg.features.vector import vectors
from streamseg.membership.encoding import consent_json, encoder_at, segment_json
from streamseg.membership.settle import settle
from streamseg.membership.types import Consent, MembershipChange, OutboxEntry

Slots = NDArray[np.intp]

ERASURE_SOURCE = 4
"""Position of erasures among the input topics."""


@dataclass(frozen=True, slots=True)
class Segmentation:
    """One segmentation as the path needs it: its features and rules, and the current model, None while warming up."""

    name: str
    features: tuple[str, ...]
    margin: float
    looks: int
    learn_interval_seconds: float
    assigner: Assigner | None = None
    version: int = 0
    public_from: float = 0.0
    """Wall time, epoch seconds, from which memberships and changes tell of it; infinite while it is in shadow."""
    attributes: tuple[int, ...] = ()
    """Positions of its attributes, where it goes by attributes alone: then one of them must be known to be assigned."""
    sampled_share: float = 1.0
    """Of the customers, by rank, how many are sampled at all: the model says how many its challenges need."""


@dataclass(frozen=True, slots=True)
class PublishingRules:
    """When a membership string is written anew, and what unknown consent means. Seconds."""

    bound_seconds: float
    ttl_seconds: float
    unknown_consent: Consent


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


@dataclass(slots=True)
class Looked:
    """What a look at some rows decided, aligned with its slots. Matrices are (rows, segmentations)."""

    before: NDArray[np.uint32]
    after: NDArray[np.uint32]
    score: NDArray[np.float64]
    changed: NDArray[np.bool_]
    """Rows whose standing, or whose way to another one, is not what it was."""
    moved: NDArray[np.bool_] = field(init=False)
    """Rows that are in another segment than before."""

    def __post_init__(self) -> None:
        self.moved = (self.before != self.after).any(axis=1)


@dataclass(frozen=True, slots=True)
class SampleRecord:
    """A feature vector on its way to the trainer."""

    customer_id: str
    key: bytes
    value: bytes


class SampleValue(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The value of a sample record: what the trainer reads."""

    v: int = 1
    segmentation: str
    customer_id: str
    at: float
    events: int
    spend_minor: int
    x: tuple[float, ...]
    """Raw features, in the order of the segmentation's."""


_ENCODE_SAMPLE: Final = msgspec.json.Encoder().encode


def take(
    decoder: Decoder,
    source: int,
    batch: RecordBatch,
    rows: Rows,
    strangers_of: Callable[[Sequence[str]], Collection[str]],
) -> Taken:
    """Decode a run. `strangers_of` picks those whose key falls on another partition; it is asked once per row."""
    decoded = decoder.decode_run(source, batch.records)
    events, offsets, rejected = decoded.events, decoded.offsets, list(decoded.rejected)
    customers = [event.customer_id for event in events]
    missing = rows.missing(customers)
    strangers = strangers_of(missing)
    if strangers:
        at = {record.offset: record for record in batch.records}
        detail = "the key belongs on another partition: set the producer's partitioner to murmur2 (murmur2_random)"
        rejected += [
            RejectedEvent(at[offset], "partition", Reason.WRONG_PARTITION, detail)
            for event, offset in zip(events, offsets, strict=True)
            if event.customer_id in strangers
        ]
        kept = [(e, o) for e, o in zip(events, offsets, strict=True) if e.customer_id not in strangers]
        events, offsets = [e for e, _ in kept], [o for _, o in kept]
        customers = [event.customer_id for event in events]
        missing = [customer for customer in missing if customer not in strangers]
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


def is_known(rows: Rows, slots: Slots) -> NDArray[np.bool_]:
    """Which rows hold a customer, and not just the marker of an erasure or nothing at all."""
    return rows.last_seen[slots] > NEVER


def has_behaviour(rows: Rows, slots: Slots) -> NDArray[np.bool_]:
    """Which rows have a click or a purchase to go by; others stay unassigned."""
    return (rows.last_click[slots] > NEVER) | (rows.last_purchase[slots] > NEVER)


def has_grounds(rows: Rows, slots: Slots, segmentation: Segmentation) -> NDArray[np.bool_]:
    """Which rows have what the segmentation goes by: attributes where it knows nothing else, else behaviour."""
    if not segmentation.attributes:
        return has_behaviour(rows, slots)
    missing = np.isnan(rows.attributes[slots][:, segmentation.attributes])
    grounds: NDArray[np.bool_] = is_known(rows, slots) & ~missing.all(axis=1)
    return grounds


def look(rows: Rows, slots: Slots, now: float, segmentations: Sequence[Segmentation]) -> Looked:
    """Assign the rows by the current models and settle them."""
    before = rows.segment[slots]
    way = rows.candidate[slots], rows.streak[slots]
    rows.segment[slots] = np.where(is_known(rows, slots)[:, None], before, UNASSIGNED)
    score = np.zeros(before.shape)
    for s, segmentation in enumerate(segmentations):
        if segmentation.assigner is None:
            continue
        grounded = has_grounds(rows, slots, segmentation)
        active = slots[grounded]
        if segmentation.attributes:  # they can be taken back, behaviour cannot
            rows.segment[slots[~grounded], s] = UNASSIGNED
        if not len(active):
            continue
        assignment = segmentation.assigner.assign(vectors(rows, active, now, segmentation.features))
        current = rows.segment[active, s]
        settled = settle(
            segment=current,
            candidate=rows.candidate[active, s],
            streak=rows.streak[active, s],
            since=rows.since[active, s].astype(np.float64),
            nearest=assignment.nearest_code,
            nearest_distance=assignment.nearest_distance,
            current_distance=assignment.distance_to(current),
            now=now,
            margin=segmentation.margin,
            looks=segmentation.looks,
        )
        rows.segment[active, s] = settled.segment
        rows.candidate[active, s] = settled.candidate
        rows.streak[active, s] = settled.streak
        rows.since[active, s] = settled.since
        rows.looked_at[active, s] = now
        score[grounded, s] = assignment.score(settled.segment)
    after = rows.segment[slots]
    changed = ((before != after) | (way[0] != rows.candidate[slots]) | (way[1] != rows.streak[slots])).any(axis=1)
    return Looked(before, after, score, changed)


def publish(
    rows: Rows,
    slots: Slots,
    looked: Looked,
    *,
    now: float,
    wall_now: float,
    epoch: int,
    segmentations: Sequence[Segmentation],
    rules: PublishingRules,
    consented: Collection[int] = (),
    first_seq: int = 1,
) -> list[OutboxEntry]:
    """The membership strings that must be written for these rows, with their changes; raises their `seq`.

    Written when the segment changed or a consent came (slots in `consented`), for a new customer, and when the
    standing string is older than half of the bound (`now`) or of its TTL (`wall_now`); deleted when the customer was
    erased. `first_seq` is where the numbers of new customers begin: above those of all who have left in this epoch.
    Of a segmentation that has become public, everybody enters their segment at their next string.
    """
    known = is_known(rows, slots)
    stale = (now - rows.published_at[slots].astype(np.float64) > rules.bound_seconds / 2) | (
        wall_now - rows.published_wall[slots].astype(np.float64) > rules.ttl_seconds / 2
    )
    standing = rows.published_wall[slots] > 0
    shown = _shown(rows, slots, looked, segmentations, wall_now)
    write = known & (shown.moved | stale | ~standing | np.isin(slots, list(consented)))
    gone = ~known & standing
    chosen = np.flatnonzero(write | gone)
    touched = slots[chosen]
    rows.seq[touched] = np.where(rows.seq[touched] > 0, rows.seq[touched] + 1, first_seq)
    rows.published_at[touched] = int(now)
    rows.published_wall[touched] = np.where(gone[chosen], 0, int(wall_now))
    model = {s.name: s.version for s in shown.segmentations if s.assigner is not None}
    names = tuple(s.name for s in shown.segmentations)
    string_of = encoder_at(epoch, int(now), model)
    answers = _answers(rules.unknown_consent)
    # Column by column: reading single numbers out of arrays costs more than all the rest.
    columns = zip(
        touched.tolist(),
        gone[chosen].tolist(),
        rows.seq[touched].tolist(),
        zip(rows.ads[touched].tolist(), rows.personalisation[touched].tolist(), strict=True),
        shown.before[chosen].tolist(),
        shown.after[chosen].tolist(),
        rows.since[touched][:, shown.columns].tolist(),
        np.round(looked.score[chosen][:, shown.columns], 2).tolist(),
        strict=True,
    )
    entries = []
    for slot, left, seq, told, stood, codes, since, scores in columns:
        customer_id = rows.customer_ids[slot]
        if left:
            entries.append(OutboxEntry(customer_id, epoch, seq, None))
            continue
        string = string_of(customer_id, seq, map(_standing, names, codes, since, scores), answers[told])
        changes = _changes(names, tuple(stood), tuple(codes)) if stood != codes else ()
        entries.append(OutboxEntry(customer_id, epoch, seq, string, changes))
    return entries


def sample(
    rows: Rows, slots: Slots, now: float, segmentations: Sequence[Segmentation], budget: LearnBudget | None = None
) -> list[SampleRecord]:
    """Feature vectors that are due to be learned (one per customer and interval); marks the rows as learned.

    Where there are many more customers than challenges need, only those with the lowest ranks are sampled, a uniform
    choice: what a segmentation costs its trainer does not grow with the number of customers. Those that are beyond the
    budget stay due: they get their turn at a later look. Without a budget all are taken.
    """
    samples = []
    for s, segmentation in enumerate(segmentations):
        active = slots[has_grounds(rows, slots, segmentation)]
        due = active[now - rows.learned_at[active, s] >= segmentation.learn_interval_seconds]
        if segmentation.sampled_share < 1.0:
            bound = segmentation.sampled_share * RANKS
            wanted = np.array([rank_of(rows.customer_ids[slot]) < bound for slot in due.tolist()], dtype=bool)
            rows.learned_at[due[~wanted], s] = now
            due = due[wanted]
        granted = len(due) if budget is None else budget.grant(segmentation.name, len(due), now)
        if not granted:
            continue
        if granted < len(due):
            due = due[draw([rows.customer_ids[slot] for slot in due.tolist()], granted, now)]
        rows.learned_at[due, s] = now
        columns = zip(
            due.tolist(),
            rows.events[due].tolist(),
            rows.spend_minor[due].tolist(),
            vectors(rows, due, now, segmentation.features).tolist(),
            strict=True,
        )
        for slot, events, spend_minor, vector in columns:
            customer_id = rows.customer_ids[slot]
            value = SampleValue(
                segmentation=segmentation.name,
                customer_id=customer_id,
                at=now,
                events=events,
                spend_minor=spend_minor,
                x=tuple(vector),
            )
            samples.append(SampleRecord(customer_id, sample_key(segmentation.name, customer_id), _ENCODE_SAMPLE(value)))
    return samples


def sample_key(segmentation: str, customer_id: str) -> bytes:
    """Key of a customer's sample record: the topic is compacted by it."""
    return f"{segmentation}|{customer_id}".encode()


def count_sizes(looked: Looked, segmentations: Sequence[Segmentation], sizes: Mapping[str, int]) -> dict[str, int]:
    """The partition's members per segment id after a look."""
    counted = dict(sizes)
    for s, segmentation in enumerate(segmentations):
        for codes, step in ((looked.before[:, s], -1), (looked.after[:, s], +1)):
            for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
                if code != UNASSIGNED:
                    name = id_of(segmentation.name, int(code))
                    counted[name] = counted.get(name, 0) + step * int(count)
    return {name: count for name, count in counted.items() if count}


@dataclass(frozen=True, slots=True)
class _Shown:
    """The public segmentations, their columns, and where the rows stood, as readers know it, and stand in them."""

    segmentations: Sequence[Segmentation]
    columns: slice | list[int]
    before: NDArray[np.uint32]
    after: NDArray[np.uint32]
    moved: NDArray[np.bool_]


def _shown(rows: Rows, slots: Slots, looked: Looked, segmentations: Sequence[Segmentation], wall_now: float) -> _Shown:
    if all(one.public_from == 0.0 for one in segmentations):
        return _Shown(segmentations, slice(None), looked.before, looked.after, looked.moved)
    columns = [s for s, one in enumerate(segmentations) if one.public_from <= wall_now]
    before, told_at = looked.before.copy(), rows.published_wall[slots]
    for s in columns:
        before[told_at < segmentations[s].public_from, s] = UNASSIGNED
    before, after = before[:, columns], looked.after[:, columns]
    return _Shown([segmentations[s] for s in columns], columns, before, after, (before != after).any(axis=1))


def _standing(name: str, code: int, since: int, score: float) -> str:
    return segment_json(name, None if code == UNASSIGNED else id_of(name, code), since, score)


def _answers(unknown: Consent) -> dict[tuple[int, int], str]:
    """What a row's answers to ads and personalisation come to, as a membership string has it."""
    told = (-1, 0, 1)
    return {
        (ads, own): consent_json(
            Consent(unknown.ads if ads < 0 else bool(ads), unknown.personalisation if own < 0 else bool(own))
        )
        for ads in told
        for own in told
    }


@lru_cache(maxsize=65_536)
def _changes(names: tuple[str, ...], before: tuple[int, ...], after: tuple[int, ...]) -> tuple[MembershipChange, ...]:
    changes = []
    for name, old, new in zip(names, before, after, strict=True):
        if old != new:
            if old != UNASSIGNED:
                changes.append(MembershipChange(name, id_of(name, old), "exited"))
            if new != UNASSIGNED:
                changes.append(MembershipChange(name, id_of(name, new), "entered"))
    return tuple(changes)
