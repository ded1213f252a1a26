"""Where customers stand: the nearest segments, settled."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.rows import Rows, Slots
from streamseg.features.vector import vectors
from streamseg.membership.settle import settle
from streamseg.pipeline.segmentation import Segmentation, has_grounds, is_known


@dataclass(slots=True)
class Looked:
    """What a look at some rows decided, aligned with its slots. Matrices are (rows, segmentations)."""

    before: NDArray[np.uint32]
    after: NDArray[np.uint32]
    score: NDArray[np.float64]
    changed: NDArray[np.bool_]
    """Rows whose standing, or whose way to another one, is not what it was."""
    moved: NDArray[np.bool_] = field(init=False)
    """Rows that are in another segment than before."""

    def __post_init__(self) -> None:
        self.moved = (self.before != self.after).any(axis=1)


def look(rows: Rows, slots: Slots, now: float, segmentations: Sequence[Segmentation]) -> Looked:
    """Assign the rows by the current models and settle them."""
    before = rows.segment[slots]
    way = rows.candidate[slots], rows.streak[slots]
    rows.segment[slots] = np.where(is_known(rows, slots)[:, None], before, UNASSIGNED)
    score = np.zeros(before.shape)
    for s, segmentation in enumerate(segmentations):
        if segmentation.dropped:
            rows.segment[slots, s] = rows.candidate[slots, s] = UNASSIGNED
        if segmentation.assigner is None:
            continue
        grounded = has_grounds(rows, slots, segmentation)
        active = slots[grounded]
        if segmentation.attributes:  # they can be taken back, behaviour cannot
            rows.segment[slots[~grounded], s] = UNASSIGNED
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
        score[grounded, s] = assignment.score(settled.segment)
    after = rows.segment[slots]
    changed = ((before != after) | (way[0] != rows.candidate[slots]) | (way[1] != rows.streak[slots])).any(axis=1)
    return Looked(before, after, score, changed)


def count_sizes(looked: Looked, segmentations: Sequence[Segmentation], sizes: Mapping[str, int]) -> dict[str, int]:
    """The partition's members per segment id after a look."""
    counted = dict(sizes)
    for s, segmentation in enumerate(segmentations):
        for codes, step in ((looked.before[:, s], -1), (looked.after[:, s], +1)):
            for code, count in zip(*np.unique(codes, return_counts=True), strict=True):
                if code != UNASSIGNED:
                    name = id_of(segmentation.name, int(code))
                    counted[name] = counted.get(name, 0) + step * int(count)
    return {name: count for name, count in counted.items() if count}
