"""How a customer leaves who was silent for longer than the retention setting: an exit, then nothing is kept."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.layout import NEVER
from streamseg.features.rows import Rows, Slots
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, MembershipChange, OutboxEntry


def is_expired(rows: Rows, slots: Slots, latest: float, checkpoint: Sequence[int]) -> NDArray[np.bool_]:
    """Whose last event occurred at or before `latest` (epoch seconds).

    A row that holds events from `checkpoint` (next offset by input topic) on has to stay: were they read again, a row
    begun anew would count them, and nothing else.
    """
    seen = rows.last_seen[slots]
    left: NDArray[np.bool_] = (seen > NEVER) & (seen <= latest) & (rows.last_applied[slots] < checkpoint).all(axis=1)
    return left


def exit_entries(
    rows: Rows,
    slots: Slots,
    *,
    now: float,
    epoch: int,
    names: Sequence[str],
    model: Mapping[str, int],
    unknown: Consent,
) -> list[OutboxEntry]:
    """What readers are told, for rows that are about to be removed: the exit from each segment, then the deletion."""
    entries = []
    for slot in slots[rows.published_wall[slots] > 0].tolist():
        customer_id, seq = rows.customer_ids[slot], int(rows.seq[slot])
        codes = zip(names, rows.segment[slot].tolist(), strict=True)
        exits = tuple(MembershipChange(name, id_of(name, code), "exited") for name, code in codes if code != UNASSIGNED)
        if exits:
            seq += 1
            ads, own = int(rows.ads[slot]), int(rows.personalisation[slot])
            consent = Consent(unknown.ads if ads < 0 else bool(ads), unknown.personalisation if own < 0 else bool(own))
            nowhere = dict.fromkeys(names)
            standing = Membership(customer_id, epoch, seq, int(now), dict(model), nowhere, consent)
            entries.append(OutboxEntry(customer_id, epoch, seq, encode(standing), exits))
        entries.append(OutboxEntry(customer_id, epoch, seq + 1, None))
    return entries
