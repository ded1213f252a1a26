"""Publishes memberships: decides which rows need a new membership string, and encodes it with its changes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product, repeat
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.rows import NO_SLOTS, Rows, Slots
from streamseg.membership.encoding import audiences_json, consent_json, encoder_at, segment_json
from streamseg.membership.types import AudienceChange, Consent, MembershipChange, OutboxEntry
from streamseg.pipeline.audiences import AudiencesLook
from streamseg.pipeline.looking import Looked
from streamseg.pipeline.parts import Part, epochs, first_seqs
from streamseg.pipeline.segmentation import Segmentation, is_known

Answers: TypeAlias = tuple[int, int, int]
"""Codes of a row's consents (`Rows.answers`)."""

NOTHING_ANSWERED: Final[Mapping[int, Answers]] = {}


@dataclass(frozen=True, slots=True)
class PublishingRules:
    """When to rewrite a membership string, and the consent that applies to unanswered purposes."""

    bound_seconds: float
    """Largest age of a membership, on the partition's clock."""
    ttl_seconds: float
    """Time to live of a membership string in the store, wall time."""
    unknown_consent: Consent


def publish(
    rows: Rows,
    slots: Slots,
    looked: Looked,
    *,
    now: float,
    wall_now: float,
    parts: Sequence[Part],
    segmentations: Sequence[Segmentation],
    rules: PublishingRules,
    answered: Mapping[int, Answers] = NOTHING_ANSWERED,
    cleared: Slots = NO_SLOTS,
    audiences: AudiencesLook | None = None,
) -> list[OutboxEntry]:
    """Return an outbox entry for each row that must be published, and increase its `seq`.

    A string is written if a public segment, an audience or an answer to a purpose changed, for a new customer, and if
    the latest string is older than half of the bound or of its TTL. It is deleted if the customer was erased. A
    customer with events after an erasure in the same flush gets two entries: the deletion, then the string of a new
    customer. After a segmentation became public, the next string of each customer enters their segment in it.

    An answer is the effective one: `rules.unknown_consent` fills in unknown answers.

    Args:
        rows: the slab; `seq`, `published_at` and `published_wall` are updated.
        slots: rows that were looked at, each once, shape (n,).
        looked: result of the look at these slots.
        now: time of the look on the partition's clock, epoch seconds.
        wall_now: wall time, epoch seconds.
        parts: the partitions of the rows.
        segmentations: in the order of the rows' segmentations.
        rules: when to rewrite.
        answered: by slot, the codes of the consent in the latest flush, for rows with consents or erasures since then.
        cleared: rows that an erasure has cleared since the latest flush, whether events came after it or not.
        audiences: result of the look at the audiences of these slots; None where none are declared.
    """
    known = is_known(rows, slots)
    stale = (now - rows.published_at[slots].astype(np.float64) > rules.bound_seconds / 2) | (
        wall_now - rows.published_wall[slots].astype(np.float64) > rules.ttl_seconds / 2
    )
    published = rows.published_wall[slots] > 0
    shown = _shown(rows, slots, looked, segmentations, wall_now)
    write = known & (shown.moved | stale | ~published)
    previous = _previous_consents(rows, answered, rules.unknown_consent)
    if audiences is not None:
        write |= known & audiences.moved
    if previous:
        write |= known & np.isin(slots, list(previous))
    withdrawn = ~known & published
    begins_anew = known & published & np.isin(slots, cleared)
    chosen = np.flatnonzero(write | withdrawn | begins_anew)
    if not len(chosen):
        return []
    touched = slots[chosen]
    begins = first_seqs(parts)[chosen]
    rows.seq[touched] = np.where(rows.seq[touched] > 0, rows.seq[touched] + 1, begins) + begins_anew[chosen]
    rows.published_at[touched] = int(now)
    rows.published_wall[touched] = np.where(withdrawn[chosen], 0, int(wall_now))
    names = tuple(s.name for s in shown.segmentations)
    models = models_of(shown.segmentations)
    strings_of = {part.epoch: encoder_at(part.epoch, int(now), models) for part in parts}
    consents = _consents(rules.unknown_consent)
    belonging = _told_audiences(audiences, chosen, begins_anew[chosen])
    # Whole columns to lists: reading single numbers out of arrays would cost more than everything else here.
    columns = zip(
        touched.tolist(),
        epochs(parts)[chosen].tolist(),
        withdrawn[chosen].tolist(),
        begins_anew[chosen].tolist(),
        rows.seq[touched].tolist(),
        rows.answers(touched),
        np.where(begins_anew[chosen, None], UNASSIGNED, shown.before[chosen]).tolist(),
        shown.after[chosen].tolist(),
        rows.since[touched][:, shown.columns].tolist(),
        np.round(looked.score[chosen][:, shown.columns], 2).tolist(),
        belonging,
        strict=True,
    )
    entries = []
    for slot, epoch, is_withdrawn, anew, seq, consent, before, after, since, scores, (belongs, moves) in columns:
        customer_id = rows.customer_ids[slot]
        if is_withdrawn or anew:
            told = Consent.of_codes(answered.get(slot, consent), rules.unknown_consent)
            entries.append(OutboxEntry(customer_id, epoch, seq - anew, None, (), told))
        if is_withdrawn:
            continue
        segments = map(_segment_json, names, after, since, scores)
        string = strings_of[epoch](customer_id, seq, segments, belongs, consents[consent])
        changes = _changes(names, tuple(before), tuple(after)) if before != after else ()
        entries.append(
            OutboxEntry(customer_id, epoch, seq, string, changes, None if anew else previous.get(slot), moves)
        )
    return entries


def _told_audiences(
    look: AudiencesLook | None, chosen: NDArray[np.intp], anew: NDArray[np.bool_]
) -> Iterable[tuple[str, tuple[AudienceChange, ...]]]:
    """Return the encoded audiences and their changes for the chosen rows of a look; those `anew` entered all of them.

    Few combinations occur, so each is encoded once.
    """
    if look is None or not look.told:
        return repeat(("", ()), len(chosen))
    after = look.after[chosen]
    before = look.before[chosen] & ~anew[:, None]
    packed = np.packbits(np.concatenate([before, after], axis=1), axis=1)
    whole, width = packed.tobytes(), packed.shape[1]
    made: dict[bytes, tuple[str, tuple[AudienceChange, ...]]] = {}
    told = []
    for row, start in enumerate(range(0, len(whole), width) if width else ()):
        if (one := made.get(key := whole[start : start + width])) is None:
            one = made[key] = audiences_json(look.names(after[row])), look.changes(before[row], after[row])
        told.append(one)
    return told or repeat((audiences_json(()), ()), len(chosen))


def _previous_consents(rows: Rows, answered: Mapping[int, Answers], unknown: Consent) -> dict[int, Consent]:
    """Return the previous consent by slot, for slots with a purpose whose answer changed."""
    previous = {}
    now = rows.answers(np.fromiter(answered, dtype=np.intp, count=len(answered)))
    for (slot, codes), current in zip(answered.items(), now, strict=True):
        before = Consent.of_codes(codes, unknown)
        if before != Consent.of_codes(current, unknown):
            previous[slot] = before
    return previous


@dataclass(frozen=True, slots=True)
class _Shown:
    """What readers see of a look: the public segmentations, their columns, and the segments in them.

    `before` is what readers know: unassigned in a segmentation that became public after the customer's latest string.
    """

    segmentations: Sequence[Segmentation]
    columns: slice | list[int]
    before: NDArray[np.uint32]
    after: NDArray[np.uint32]
    moved: NDArray[np.bool_]


def _shown(rows: Rows, slots: Slots, looked: Looked, segmentations: Sequence[Segmentation], wall_now: float) -> _Shown:
    if all(one.public_from == 0.0 for one in segmentations):
        return _Shown(segmentations, slice(None), looked.before, looked.after, looked.moved)
    columns, before = segments_told(rows, slots, looked.before, segmentations, wall_now)
    after = looked.after[:, columns]
    return _Shown([segmentations[s] for s in columns], columns, before, after, (before != after).any(axis=1))


def segments_told(
    rows: Rows, slots: Slots, codes: NDArray[np.uint32], segmentations: Sequence[Segmentation], wall_now: float
) -> tuple[list[int], NDArray[np.uint32]]:
    """Return the columns of the public segmentations, and the segments in them that readers were told of.

    `codes` are the segments in the rows, shape (n, segmentations). Readers were not told of a segment if its
    segmentation became public after the customer's latest string: there they know the customer as unassigned.
    """
    columns = [s for s, one in enumerate(segmentations) if one.public_from <= wall_now]
    told, published_wall = codes[:, columns], rows.published_wall[slots]
    for column, s in enumerate(columns):
        told[published_wall < segmentations[s].public_from, column] = UNASSIGNED
    return columns, told


def models_of(segmentations: Sequence[Segmentation]) -> dict[str, int]:
    """Return the snapshot version by segmentation, for those that have a model."""
    return {one.name: one.version for one in segmentations if one.assigner is not None}


@lru_cache(maxsize=65_536)
def _segment_json(name: str, code: int, since: int, score: float) -> str:
    return segment_json(name, None if code == UNASSIGNED else id_of(name, code), since, score)


@lru_cache(maxsize=8)
def _consents(unknown: Consent) -> Mapping[Answers, str]:
    """Return the encoded consent for the answers of any row."""
    codes = (-1, 0, 1)
    return {answers: consent_json(Consent.of_codes(answers, unknown)) for answers in product(codes, codes, codes)}


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
