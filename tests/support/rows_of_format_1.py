"""Rows as the release before format 2 wrote them: its record, byte by byte, and the fingerprints that it computed."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

DEFAULT: Final = "0ccccbf3"
"""Fingerprint of `Layout.of()`."""
PARTITION: Final = "08863706"
"""Fingerprint of `tests.support.partition.LAYOUT`."""
TWO: Final = "cb17ca44"
"""Fingerprint of `Layout.of(segmentations=("behaviour", "value"))`."""


def record_type(event_ids: int = 8, segmentations: int = 1) -> np.dtype[np.void]:
    """Return the type of a record without attributes and categories."""
    each, times = (segmentations,), ("first_seen", "last_seen", "last_click", "last_purchase", "erased_at")
    parts = [
        *((name, "<f8") for name in (*times, "ads_at", "personalisation_at")),
        ("spend_minor", "<i8"),
        ("fences", "<i8", (5,)),
        ("ring", "<u8", (event_ids,)),
        ("attribute_at", "<f8", (0,)),
        ("attributes", "<f8", (0,)),
        *((name, "<u4") for name in ("transactions", "events", "seq", "published_at", "published_wall")),
        *((name, "<u4", each) for name in ("segment", "candidate", "since", "looked_at", "learned_at")),
        ("sums", "<f4", (37,)),
        ("ads", "|i1"),
        ("personalisation", "|i1"),
        ("streak", "|u1", each),
    ]
    return np.dtype(parts, align=True)


def stored(fingerprint: str, records: NDArray[np.void]) -> list[bytes]:
    """Return the records, shape (n,), as stored rows."""
    return [b"\x01" + bytes.fromhex(fingerprint) + record.tobytes() for record in records]
