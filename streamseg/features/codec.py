"""Encodes rows as stored bytes: one byte of format, four of the layout's fingerprint, then the packed record.

Stored rows of an earlier format or of another readable layout are converted when they are decoded.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.errors import LayoutMismatchError
from streamseg.features.fields import FIELDS, FORMAT
from streamseg.features.layout import Layout
from streamseg.features.relayout import converted

HEADER_BYTES: Final = 5

_ERASED_AT: Final = 8 * [field.name for field in FIELDS].index("erased_at")
"""Byte offset in the record, in every format; all fields before it have eight bytes."""


def encode(layout: Layout, records: NDArray[np.uint8]) -> list[bytes]:
    """Encode records given as bytes, shape (n, row_bytes), to n stored rows."""
    count, width = len(records), HEADER_BYTES + layout.row_bytes
    stored = np.empty((count, width), dtype=np.uint8)
    stored[:, :HEADER_BYTES] = np.frombuffer(_header(layout), dtype=np.uint8)
    stored[:, HEADER_BYTES:] = records
    whole = stored.tobytes()
    return [whole[start : start + width] for start in range(0, count * width, width)]


def decode(layout: Layout, stored: Sequence[bytes]) -> NDArray[np.uint8]:
    """Decode n stored rows to records as bytes, shape (n, row_bytes). Converts earlier formats and other layouts.

    Raises:
        LayoutMismatchError: a row has a newer format, an unreadable layout, or is damaged.
    """
    header, width = _header(layout), HEADER_BYTES + layout.row_bytes
    odd = [n for n, row in enumerate(stored) if row[:HEADER_BYTES] != header or len(row) != width]
    ready = _converted(layout, stored, odd) if odd else stored
    return np.frombuffer(b"".join(ready), dtype=np.uint8).reshape(len(ready), width)[:, HEADER_BYTES:]


def erasure_of(row: bytes) -> float:
    """Return `erased_at` (epoch seconds) of a stored row of any layout: its offset is the same in all of them.

    Raises:
        LayoutMismatchError: the row has another format.
    """
    if not 1 <= row[0] <= FORMAT:
        raise LayoutMismatchError(f"a stored row has format {row[0]}, this version reads up to {FORMAT}")
    return float(np.frombuffer(row, np.float64, count=1, offset=HEADER_BYTES + _ERASED_AT)[0])


def field_table(layout: Layout) -> list[tuple[str, str, int, str]]:
    """Return name, numpy type, size in bytes and meaning of each part of a stored row, in order."""
    table = [
        ("format", "|u1", 1, "format; rows of earlier formats are converted when they are read"),
        ("layout", "|S4", HEADER_BYTES - 1, "fingerprint of the layout"),
    ]
    for field in layout.fields:
        dtype = layout.dtype[field.name]
        each = f" (one per {field.of})" if field.of else ""
        table.append(
            (
                field.name,
                f"{dtype.base.str} x {dtype.shape[0]}" if field.of else dtype.str,
                dtype.itemsize,
                field.meaning + each,
            )
        )
    padding = HEADER_BYTES + layout.row_bytes - sum(size for _, _, size, _ in table)
    return [*table, ("padding", "", padding, "to a multiple of 8 bytes")]


def _header(layout: Layout) -> bytes:
    return bytes([layout.format]) + bytes.fromhex(layout.fingerprint)


def _converted(layout: Layout, stored: Sequence[bytes], odd: Sequence[int]) -> list[bytes]:
    """Return the stored rows, with those at the indices `odd` converted to this layout."""
    ready, places = list(stored), dict[str, list[int]]()
    for n in odd:
        places.setdefault(_layout_of(layout, stored[n]).fingerprint, []).append(n)
    for fingerprint, found in places.items():
        other = layout.readable[fingerprint]
        raw = np.frombuffer(b"".join(stored[n][HEADER_BYTES:] for n in found), dtype=other.dtype)
        records = converted(other, layout, raw).view(np.uint8).reshape(len(found), layout.row_bytes)
        for n, row in zip(found, encode(layout, records), strict=True):
            ready[n] = row
    return ready


def _layout_of(layout: Layout, row: bytes) -> Layout:
    """Return the readable layout of a row that is not of this one. Raises `LayoutMismatchError`."""
    written, found = row[:1], row[1:HEADER_BYTES].hex()
    if written > bytes([FORMAT]):
        raise LayoutMismatchError(
            f"a stored row has format {row[0]}, this version reads up to {FORMAT}: start the newer version"
        )
    other = layout.readable.get(found)
    whole = len(row) >= HEADER_BYTES and written >= b"\x01"
    if whole and other is None and found != layout.fingerprint:
        raise LayoutMismatchError(
            f"a stored row has layout {found}, the settings make {layout.fingerprint}: "
            "restore the settings or run `streamseg rebuild`"
        )
    if other is None or row[:HEADER_BYTES] != _header(other) or len(row) != HEADER_BYTES + other.row_bytes:
        raise LayoutMismatchError(f"a stored row of {len(row)} bytes is damaged: run `streamseg rebuild`")
    return other
