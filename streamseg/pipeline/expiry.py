"""Expires customers without events for the retention time: an exit from each segment, then the deletion."""

from collections.abc import Iterable, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.fields import NEVER
from streamseg.features.rows import Rows, Slots
from streamseg.membership.encoding import encode
from streamseg.membership.types import AudienceChange, Consent, Membership, MembershipChange, OutboxEntry
from streamseg.pipeline.live_audiences import LiveAudiences, belonged
from streamseg.pipeline.publishing import models_of, segments_told
from streamseg.pipeline.segmentation import Segmentation


def is_expired(rows: Rows, slots: Slots, cutoff: float, checkpoint: Sequence[int]) -> NDArray[np.bool_]:
    """Return the mask of rows whose last event occurred at or before `cutoff` (epoch seconds), shape (n,).

    So end also the rows that hold only the mark of an erasure at or before it.

    A row that has absorbed events at or after `checkpoint` (next offset per input topic) is kept: after a reset, these
    events would be read again and start a new row that has only them.
    """
    latest = np.maximum(rows.last_seen[slots], rows.erased_at[slots])
    silent = (latest > NEVER) & (latest <= cutoff)
    expired: NDArray[np.bool_] = silent & (rows.last_applied[slots] < checkpoint).all(axis=1)
    return expired


def exit_entries(
    rows: Rows,
    slots: Slots,
    *,
    now: float,
    wall_now: float,
    epoch: int,
    segmentations: Sequence[Segmentation],
    unknown: Consent,
    audiences: LiveAudiences | None = None,
) -> list[OutboxEntry]:
    """Return the outbox entries of expired rows, before they are removed.

    For each published customer: one entry that exits all segments and audiences that readers know of, if any, then the
    deletion.

    Args:
        rows: the slab; it is not changed.
        slots: expired rows, shape (n,).
        now: time of expiry on the partition's clock, epoch seconds.
        wall_now: wall time, epoch seconds.
        epoch: epoch of the partition's lease.
        segmentations: in the order of the rows' segmentations.
        unknown: consent that applies to unanswered purposes.
        audiences: those declared; None for none.
    """
    told = slots[rows.published_wall[slots] > 0]
    columns, segments = segments_told(rows, told, rows.segment[told], segmentations, wall_now)
    public = [segmentations[s] for s in columns]
    names, model = [one.name for one in public], models_of(public)
    left = _left_audiences(rows, told, audiences)
    entries = []
    for slot, answers, row, leaves in zip(told.tolist(), rows.answers(told), segments.tolist(), left, strict=True):
        customer_id, seq = rows.customer_ids[slot], int(rows.seq[slot])
        consent = Consent.of_codes(answers, unknown)
        codes = zip(names, row, strict=True)
        exits = tuple(MembershipChange(name, id_of(name, code), "exited") for name, code in codes if code != UNASSIGNED)
        if exits or leaves:
            seq += 1
            unassigned = dict.fromkeys(names)
            none = None if audiences is None or not audiences.generation else ()
            membership = Membership(customer_id, epoch, seq, int(now), model, unassigned, consent, none)
            entries.append(OutboxEntry(customer_id, epoch, seq, encode(membership), exits, None, leaves))
        entries.append(OutboxEntry(customer_id, epoch, seq + 1, None, (), consent))
    return entries


def _left_audiences(rows: Rows, slots: Slots, audiences: LiveAudiences | None) -> Iterable[tuple[AudienceChange, ...]]:
    """Return the exits of each row from its audiences."""
    if audiences is None:
        return repeat((), len(slots))
    ids, belongs = belonged(rows, slots, audiences)
    versions = audiences.versions
    return [
        tuple(AudienceChange(ids[index], versions[ids[index]], "exited") for index in np.flatnonzero(row).tolist())
        for row in belongs
    ]
