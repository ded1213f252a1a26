"""Converts what rows keep of identifiers, between layouts that keep other kinds.

What an old row did not keep is not known: the new one says up to when a profile may have told it.
"""

import numpy as np
from numpy.typing import NDArray

from streamseg.features.fields import IDENTIFIERS_SINCE
from streamseg.features.identifiers.normal_forms import FORMS
from streamseg.features.layout import Layout

Records = NDArray[np.void]


def convert_identifiers(old: Layout, new: Layout, records: Records, made: Records) -> None:
    """Fill `identifiers`, `identified_at` and `identified_from` of the new records (n,) from the old ones."""
    kept = old.identifiers if old.format >= IDENTIFIERS_SINCE else ()
    for index, kind in enumerate(new.identifiers):
        if kind not in kept:
            made["identified_from"][:, index] = _last_seen(records)
            continue
        at = kept.index(kind)
        to, of = slice(index * FORMS, (index + 1) * FORMS), slice(at * FORMS, (at + 1) * FORMS)
        made["identifiers"][:, to] = records["identifiers"][:, of]
        for name in ("identified_at", "identified_from"):
            made[name][:, index] = records[name][:, at]


def doubt_identifiers(records: Records, layout: Layout) -> None:
    """Let records (n,) know nothing of identifiers that an earlier profile may have told: the log lacked some."""
    if layout.identifiers:
        records["identified_from"] = _last_seen(records)[:, None]


def _last_seen(records: Records) -> NDArray[np.float64]:
    """Return the time of the latest event, whole epoch seconds, shape (n,); 0 without any."""
    seen: NDArray[np.float64] = np.floor(np.maximum(records["last_seen"], 0.0))
    return seen
