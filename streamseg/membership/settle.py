"""Settles customers: they move only if another segment is nearer by a margin at several looks in a row.

Looks of the same tick count once: each settles from the state before the tick (`pipeline/looking.py`).
Without this, customers between two segments would change back and forth (DESIGN.md, Settling).
"""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED

Codes = NDArray[np.uint32]
"""Codes of segments (`clustering.identity.code_of`)."""
Floats = NDArray[np.float64]

SILENT_MARGINS: Final = 2
"""How often the margin counts at a look without an event. Who comes once a week drifts towards those who sleep until
the next visit: of the moves in silence, up to half were taken back within 14 days."""


class Settled(NamedTuple):
    """State after a look, each shape (n,). `streak` counts looks in a row for `candidate`; both are 0 without one."""

    segment: Codes
    candidate: Codes
    streak: NDArray[np.uint8]
    changed: NDArray[np.bool_]
    """True for customers who moved."""


def settle(
    *,
    segment: Codes,
    candidate: Codes,
    streak: NDArray[np.uint8],
    nearest: Codes,
    nearest_distance: Floats,
    current_distance: Floats,
    margin: float,
    silent: NDArray[np.bool_],
    looks: int,
) -> Settled:
    """Settle n customers after one look. All arrays have shape (n,); none is changed.

    Unassigned customers and members of a retired segment move to the nearest segment at once.

    Args:
        segment: code of the settled segment; 0 is unassigned.
        candidate: code of the segment that was nearer at the latest look; 0 is none.
        streak: number of looks in a row at which the candidate was nearer.
        nearest: code of the nearest segment; 0 without a model, which changes nothing.
        nearest_distance: distance to the nearest segment.
        current_distance: distance to the settled segment; infinite if it is retired or 0.
        margin: how much nearer another segment must be, as a share (0-1) of `current_distance`.
        silent: who is looked at without an event: the margin counts `SILENT_MARGINS` times.
        looks: number of looks in a row that are needed to move, 1 to 255.

    A first look at a nearer segment makes it the candidate, a second one moves the customer:

    >>> def look(segment, candidate, streak):
    ...     codes = [np.array([code], np.uint32) for code in (segment, candidate, 2)]
    ...     settled = settle(
    ...         segment=codes[0], candidate=codes[1], streak=np.array([streak], np.uint8),
    ...         nearest=codes[2], nearest_distance=np.array([0.5]), current_distance=np.array([1.0]),
    ...         margin=0.05, silent=np.array([False]), looks=2,
    ...     )
    ...     return tuple(column.item() for column in settled)
    >>> look(segment=1, candidate=0, streak=0)
    (1, 2, 1, False)
    >>> look(segment=1, candidate=2, streak=1)
    (2, 0, 0, True)
    """
    known = nearest != UNASSIGNED
    at_once = known & ((segment == UNASSIGNED) | np.isinf(current_distance))
    bound = np.where(silent, (1.0 - margin) ** SILENT_MARGINS, 1.0 - margin) * current_distance
    nearer = known & ~at_once & (nearest != segment) & (nearest_distance < bound)

    run = np.where(candidate == nearest, np.minimum(streak, 254), 0).astype(np.uint8) + np.uint8(1)
    moves = at_once | (nearer & (run >= looks))
    waits = nearer & ~moves
    stays = ~known
    return Settled(
        segment=np.where(moves, nearest, segment),
        candidate=np.where(waits, nearest, np.where(stays, candidate, np.uint32(UNASSIGNED))),
        streak=np.where(waits, run, np.where(stays, streak, np.uint8(0))),
        changed=moves & (nearest != segment),
    )
