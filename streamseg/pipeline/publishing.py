"""What the world is told: membership strings with their changes."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.rows import Rows, Slots
from streamseg.membership.encoding import consent_json, encoder_at, segment_json
from streamseg.membership.types import Consent, MembershipChange, OutboxEntry
from streamseg.pipeline.looking import Looked
from streamseg.pipeline.segmentation import Segmentation, is_known


@dataclass(frozen=True, slots=True)
class PublishingRules:
    """When a membership string is written anew, and what unknown consent means. Seconds."""

    bound_seconds: float
    ttl_seconds: float
    unknown_consent: Consent


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
    write = known & (shown.moved | stale | ~standing)
    if consented:
        write |= known & np.isin(slots, list(consented))
    gone = ~known & standing
    chosen = np.flatnonzero(write | gone)
    if not len(chosen):
        return []
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


@lru_cache(maxsize=65_536)
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
