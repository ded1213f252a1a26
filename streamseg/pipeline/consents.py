"""What customers consent to, by the answers in their rows."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.definition import PURPOSES
from streamseg.features.rows import Rows, Slots
from streamseg.membership.types import Consent
from streamseg.pipeline.live_audiences import Mask

Codes = tuple[int, int, int]
"""Answers to ads, personalisation and analytics, as in `Rows.answers`."""
NOTHING_SAID = Consent(ads=False, personalisation=False, analytics=False)
NO_ANSWERS: Mapping[int, Codes] = {}


def consents(rows: Rows, slots: Slots, unknown: Consent = NOTHING_SAID) -> Mask:
    """Return what customers consent to, shape (n, 3): ads, personalisation, analytics."""
    codes = np.stack([rows.ads[slots], rows.personalisation[slots], rows.analytics[slots]], axis=1)
    return _effective(codes, unknown)


def _effective(codes: NDArray[np.int8], unknown: Consent) -> Mask:
    otherwise = np.array([unknown.ads, unknown.personalisation, unknown.analytics])
    found: Mask = np.where(codes < 0, otherwise, codes > 0)
    return found


def consents_around(
    rows: Rows, slots: Slots, moved: Mask, answered: Mapping[int, Codes], unknown: Consent
) -> tuple[Mask, Mask]:
    """Return what rows consented to and consent to, each shape (n, 3), of those that moved or answered."""
    agreed = np.zeros((len(slots), len(PURPOSES)), dtype=np.bool_)
    asked = np.flatnonzero(moved | np.isin(slots, list(answered)) if answered else moved)
    if len(asked):
        agreed[asked] = consents(rows, slots[asked], unknown)
    if not answered:
        return agreed, agreed
    before = agreed.copy()
    for row in np.flatnonzero(np.isin(slots, list(answered))).tolist():
        before[row] = _effective(np.array(answered[int(slots[row])]), unknown)
    return before, agreed
