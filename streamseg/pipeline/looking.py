"""Looks at rows: assigns them to the nearest segments and settles them.

A look counts once per *tick*, a stretch of event time with fixed boundaries: the row holds the settled state of before
the tick, and every look of the tick settles from it. So the last look of a tick replaces the verdict of the earlier
ones, and a verdict does not depend on how many looks there were (DESIGN.md, Settling).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Assigner, Assignment, Codes
from streamseg.clustering.identity import OUTSIDE, UNASSIGNED, id_of
from streamseg.features.rows import NO_SLOTS, Floats, Rows, Slots
from streamseg.features.vector import vectors
from streamseg.membership.settle import settle
from streamseg.pipeline.segmentation import Segmentation, is_assignable, is_known, is_outside


@dataclass(slots=True)
class Looked:
    """Result of a look at n rows, parallel to its slots. Matrices have shape (n, segmentations)."""

    before: NDArray[np.uint32]
    """Codes of the segments before the look."""
    after: NDArray[np.uint32]
    """Codes of the segments after it."""
    score: NDArray[np.float64]
    """Scores (0-1) of the segments after it; 1 in a declared group, 0 if not assigned in this look."""
    changed: NDArray[np.bool_]
    """Rows whose segment, candidate or streak changed, shape (n,)."""
    moved: NDArray[np.bool_] = field(init=False)
    """Rows whose segment changed in any segmentation, shape (n,)."""

    def __post_init__(self) -> None:
        self.moved = (self.before != self.after).any(axis=1)

    def part(self, piece: slice) -> "Looked":
        """Return the look at some of the rows."""
        return Looked(self.before[piece], self.after[piece], self.score[piece], self.changed[piece])

    def decided(self, column: int, codes: Codes) -> None:
        """Take the segments of a declared segmentation, shape (n,); they are certain."""
        self.after[:, column] = codes
        self.score[:, column] = codes != UNASSIGNED
        moved = self.before[:, column] != codes
        self.changed |= moved
        self.moved = (self.before != self.after).any(axis=1)

    def compare_with(self, flushed: Codes | None) -> None:
        """Take `flushed` as the segments before: those of the latest flush. None: no row was looked at since then."""
        if flushed is not None:
            self.before = flushed
            self.moved = (self.before != self.after).any(axis=1)


def moments(rows: Rows, slots: Slots, earliest: float) -> Floats:
    """Return the moment for which a look at each row holds, epoch seconds, shape (n,).

    That is the time of its latest event or look, and not before `earliest`. It does not depend on other rows.
    """
    seen = np.maximum(rows.last_seen[slots], rows.looked_at[slots].max(axis=1, initial=0))
    moment: Floats = np.maximum(seen, max(earliest, 0.0))
    return moment


def look(
    rows: Rows,
    slots: Slots,
    earliest: float,
    segmentations: Sequence[Segmentation],
    cleared: Slots = NO_SLOTS,
    *,
    anew: bool = False,
    settles: bool = True,
) -> Looked:
    """Assign the rows by the current models, settle them, and store the result in the rows.

    Args:
        rows: the slab; settled state and `looked_at` are updated.
        slots: rows to look at, each once, shape (n,).
        earliest: a look holds for the row's `moments`, and not for an earlier time than this, epoch seconds. A sweep
            gives the partition's clock.
        segmentations: in the order of the rows' segmentations.
        cleared: rows that an erasure has cleared since the latest look; they are settled as new ones.
        anew: settle all rows as new ones: each takes the nearest segment at once.
        settles: False to measure the score only; no segment changes, and no look counts.
    """
    before = rows.segment[slots]
    candidate, streak = rows.candidate[slots], rows.streak[slots]
    known, moment = is_known(rows, slots), moments(rows, slots, earliest)
    keeps = known & ~np.isin(slots, cleared) if len(cleared) else known
    rows.segment[slots] = np.where(keeps[:, None], before, UNASSIGNED)
    score = np.zeros(before.shape)
    for s, segmentation in enumerate(segmentations):
        if segmentation.dropped:
            rows.segment[slots, s] = rows.candidate[slots, s] = UNASSIGNED
        outside = is_outside(rows, slots, segmentation, moment)
        if segmentation.assigner is not None and settles:
            _hold(rows, slots[known], s, moment[known], segmentation.look_interval_seconds)
        if outside.any() or (rows.segment[slots, s] == OUTSIDE).any():
            _declare(rows, slots, s, moment, outside)
            score[outside, s] = 1.0
        if segmentation.assigner is None:
            continue
        assignable = is_assignable(rows, slots, segmentation) & ~outside
        active, at = slots[assignable], moment[assignable]
        if segmentation.attributes:  # attributes can be cleared, behaviour cannot
            cannot = slots[~assignable & ~outside]
            rows.segment[cannot, s] = UNASSIGNED
            rows.candidate[cannot, s] = rows.streak[cannot, s] = 0
        if not len(active):
            continue
        if anew:
            rows.held_segment[active, s] = rows.held_candidate[active, s] = UNASSIGNED
            rows.held_streak[active, s] = 0
        held = rows.held_segment[active, s]
        assignment = _assign(rows, active, at, segmentation.assigner, held)
        if not settles:
            score[assignable, s] = assignment.score(rows.segment[active, s])
            continue
        settled = settle(
            segment=held,
            candidate=rows.held_candidate[active, s],
            streak=rows.held_streak[active, s],
            nearest=assignment.nearest_code,
            nearest_distance=assignment.nearest_distance,
            current_distance=assignment.distance_to(held),
            margin=segmentation.margin,
            silent=at > rows.last_seen[active],
            looks=segmentation.looks,
        )
        entered = settled.segment != rows.segment[active, s]
        rows.since[active[entered], s] = at[entered]
        rows.segment[active, s] = settled.segment
        rows.candidate[active, s] = settled.candidate
        rows.streak[active, s] = settled.streak
        score[assignable, s] = assignment.score(settled.segment)
    after = rows.segment[slots]
    changed = ((before != after) | (candidate != rows.candidate[slots]) | (streak != rows.streak[slots])).any(axis=1)
    return Looked(before, after, score, changed)


def _assign(rows: Rows, slots: Slots, moment: Floats, assigner: Assigner, held: Codes) -> Assignment:
    """Assign the rows at their moments, each by the model that counts for it by then.

    That is decided by the customer and the moment, not by when the look happens: in any batching alike.
    """
    values = vectors(rows, slots, moment, assigner.snapshot.features)
    if (handover := assigner.snapshot.handover) is None:
        return assigner.assign(values)
    customers = [rows.customer_ids[slot] for slot in slots.tolist()]
    return assigner.assign_members(values, held, handover.has_moved(customers, moment))


def _hold(rows: Rows, slots: Slots, s: int, moment: Floats, interval: float) -> None:
    """Let the rows whose look begins a tick of a segmentation hold their present state; note the time of the look."""
    begins = slots[moment // interval > rows.looked_at[slots, s] // interval]
    rows.held_segment[begins, s] = rows.segment[begins, s]
    rows.held_candidate[begins, s] = rows.candidate[begins, s]
    rows.held_streak[begins, s] = rows.streak[begins, s]
    rows.looked_at[slots, s] = moment


def _declare(rows: Rows, slots: Slots, s: int, moment: Floats, outside: NDArray[np.bool_]) -> None:
    """Put the rows outside of the population into the declared group; those that fit leave it.

    At once, without margin and looks: it is a rule, and no customer is between two answers of it.
    """
    declared = rows.segment[slots, s] == OUTSIDE
    rows.since[slots[outside & ~declared], s] = moment[outside & ~declared]
    rows.segment[slots[outside], s] = OUTSIDE
    rows.candidate[slots[outside], s] = rows.streak[slots[outside], s] = 0
    rows.segment[slots[declared & ~outside], s] = UNASSIGNED


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
        moved = before[:, s] != after[:, s]
        gained = Counter(after[moved, s].tolist())
        gained.subtract(before[moved, s].tolist())
        for code, count in gained.items():
            if code != UNASSIGNED:
                name = id_of(segmentation.name, code)
                counted[name] = counted.get(name, 0) + count
    return {name: count for name, count in counted.items() if count}
