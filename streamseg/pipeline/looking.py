"""Looks at rows: assigns them to the nearest segments and settles them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.rows import NO_SLOTS, Rows, Slots
from streamseg.features.vector import vectors
from streamseg.membership.settle import settle
from streamseg.pipeline.segmentation import Segmentation, is_assignable, is_known


@dataclass(slots=True)
class Looked:
    """Result of a look at n rows, parallel to its slots. Matrices have shape (n, segmentations)."""

    before: NDArray[np.uint32]
    """Codes of the segments before the look."""
    after: NDArray[np.uint32]
    """Codes of the segments after it."""
    score: NDArray[np.float64]
    """Scores (0-1) of the segments after it; 0 if not assigned in this look."""
    changed: NDArray[np.bool_]
    """Rows whose segment, candidate or streak changed, shape (n,)."""
    moved: NDArray[np.bool_] = field(init=False)
    """Rows whose segment changed in any segmentation, shape (n,)."""

    def __post_init__(self) -> None:
        self.moved = (self.before != self.after).any(axis=1)


def look(
    rows: Rows, slots: Slots, now: float, segmentations: Sequence[Segmentation], cleared: Slots = NO_SLOTS
) -> Looked:
    """Assign the rows by the current models, settle them, and store the result in the rows.

    Args:
        rows: the slab; settled state and `looked_at` are updated.
        slots: rows to look at, each once, shape (n,).
        now: time of the look on the partition's clock, epoch seconds.
        segmentations: in the order of the rows' segmentations.
        cleared: rows that an erasure has cleared since the latest look; they are settled as new ones.
    """
    before = rows.segment[slots]
    candidate, streak = rows.candidate[slots], rows.streak[slots]
    keeps = is_known(rows, slots) & ~np.isin(slots, cleared)
    rows.segment[slots] = np.where(keeps[:, None], before, UNASSIGNED)
    score = np.zeros(before.shape)
    for s, segmentation in enumerate(segmentations):
        if segmentation.dropped:
            rows.segment[slots, s] = rows.candidate[slots, s] = UNASSIGNED
        if segmentation.assigner is None:
            continue
        assignable = is_assignable(rows, slots, segmentation)
        active = slots[assignable]
        if segmentation.attributes:  # attributes can be cleared, behaviour cannot
            rows.segment[slots[~assignable], s] = UNASSIGNED
        if not len(active):
            continue
        assignment = segmentation.assigner.assign(vectors(rows, active, now, segmentation.features))
        current = rows.segment[active, s]
        settled = settle(
            segment=current,
            candidate=rows.candidate[active, s],
            streak=rows.streak[active, s],
            since=rows.since[active, s].astype(np.float64),
            nearest=assignment.nearest_code,
            nearest_distance=assignment.nearest_distance,
            current_distance=assignment.distance_to(current),
            now=now,
            margin=segmentation.margin,
            looks=segmentation.looks,
        )
        rows.segment[active, s] = settled.segment
        rows.candidate[active, s] = settled.candidate
        rows.streak[active, s] = settled.streak
        rows.since[active, s] = settled.since
        rows.looked_at[active, s] = now
        score[assignable, s] = assignment.score(settled.segment)
    after = rows.segment[slots]
    changed = ((before != after) | (candidate != rows.candidate[slots]) | (streak != rows.streak[slots])).any(axis=1)
    return Looked(before, after, score, changed)


def count_sizes(
    before: NDArray[np.uint32],
    after: NDArray[np.uint32],
    segmentations: Sequence[Segmentation],
    sizes: Mapping[str, int],
) -> dict[str, int]:
    """Return the partition's number of members by segment id, updated by moves; empty segments are left out.

    `before` and `after` are the codes of the segments of the same rows, shape (n, segmentations).
    """
    counted = dict(sizes)
    for s, segmentation in enumerate(segmentations):
        for codes, step in ((before[:, s], -1), (after[:, s], +1)):
            for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
                if code != UNASSIGNED:
                    name = id_of(segmentation.name, int(code))
                    counted[name] = counted.get(name, 0) + step * int(count)
    return {name: count for name, count in counted.items() if count}
