"""From the nearest segment to the settled one: a customer moves when another is nearer by a margin, looks in a row."""

from typing import Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED

Codes = NDArray[np.uint32]
Floats = NDArray[np.float64]
Seconds = TypeVar("Seconds", np.float64, np.uint32)
"""Times may be kept as fractions or whole seconds; they come back as they were."""


class Settled(NamedTuple, Generic[Seconds]):
    """State per customer (n,) after a look. `streak` counts the looks in a row for `candidate`; both 0 without one."""

    segment: Codes
    candidate: Codes
    streak: NDArray[np.uint8]
    since: NDArray[Seconds]
    """When the customer came to `segment`: epoch seconds; unchanged while the segment is."""
    changed: NDArray[np.bool_]


def settle(
    *,
    segment: Codes,
    candidate: Codes,
    streak: NDArray[np.uint8],
    since: NDArray[Seconds],
    nearest: Codes,
    nearest_distance: Floats,
    current_distance: Floats,
    now: float,
    margin: float,
    looks: int,
) -> Settled[Seconds]:
    """Take one look at n customers. All arrays are (n,); none is changed.

    Unassigned customers and those of a retired segment take the nearest at once.

    Args:
        segment: code of the settled segment; 0 for unassigned.
        candidate: code of the segment that was nearer at the last look; 0 for none.
        streak: for how many looks in a row.
        since: when the customer came to `segment`.
        nearest: code of the nearest segment; 0 while there is no model, which leaves everything as it is.
        nearest_distance: distance to it.
        current_distance: distance to the settled segment; infinite when it is retired or there is none.
        now: time of the look, epoch seconds.
        margin: how much nearer, as a share of `current_distance`, counts.
        looks: how many looks in a row it takes, 1 to 255.
    """
    known = nearest != UNASSIGNED
    at_once = known & ((segment == UNASSIGNED) | np.isinf(current_distance))
    nearer = known & ~at_once & (nearest != segment) & (nearest_distance < (1.0 - margin) * current_distance)

    run = np.where(candidate == nearest, np.minimum(streak, 254), 0).astype(np.uint8) + np.uint8(1)
    moves = at_once | (nearer & (run >= looks))
    waits = nearer & ~moves
    stays = ~known
    return Settled(
        segment=np.where(moves, nearest, segment),
        candidate=np.where(waits, nearest, np.where(stays, candidate, np.uint32(UNASSIGNED))),
        streak=np.where(waits, run, np.where(stays, streak, np.uint8(0))),
        since=np.where(moves & (nearest != segment), now, since).astype(since.dtype),
        changed=moves & (nearest != segment),
    )
