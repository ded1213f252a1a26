"""Counts how customers move between segments, for the flush that writes their rows."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.rows import Rows, Slots
from streamseg.ports import Flow, Flows
from streamseg.time_units import DAY_SECONDS


class FlowCount:
    """The moves of one partition. A move goes from what the stored row has to what the flush writes.

    A row that catches up with the change topic has moved since it was stored: its move was counted in the flush that
    the store lost, so it is counted again with the next flush of the row.

    Args:
        segmentations: names, in the order of the rows.
    """

    def __init__(self, segmentations: Sequence[str]) -> None:
        self._segmentations = segmentations
        self._stored: dict[str, list[int]] = {}
        """Codes in the stored rows of customers who caught up, until their next flush."""
        self.counts_caught_up = True
        """Whether rows that catch up have moved: those of a rebuild have not, the store still has their moves."""

    def caught_up(self, customers: Sequence[str], before: NDArray[np.uint32], after: NDArray[np.uint32]) -> None:
        """Note rows that caught up, with their codes before and after, before their next flush."""
        if self.counts_caught_up:
            for at in np.flatnonzero((before != after).any(axis=1)).tolist():
                self._stored[customers[at]] = before[at].tolist()

    def of(
        self, rows: Rows, slots: Slots, before: NDArray[np.uint32], after: NDArray[np.uint32], now: float
    ) -> Flows | None:
        """Return the moves of rows that are flushed at `now` (epoch seconds), None without any."""
        if self._stored:
            before = before.copy()
            for at, slot in enumerate(slots.tolist()):
                stored = self._stored.pop(rows.customer_ids[slot], None)
                if stored is not None:
                    before[at] = stored
        counts: Counter[Flow] = Counter()
        for s, name in enumerate(self._segmentations):
            moved = before[:, s] != after[:, s]
            codes = zip(before[moved, s].tolist(), after[moved, s].tolist(), strict=True)
            for (old, new), count in Counter(codes).items():
                counts[_segment(name, old), _segment(name, new)] = count
        return Flows(int(now // DAY_SECONDS), counts) if counts else None


def _segment(segmentation: str, code: int) -> str | None:
    return None if code == UNASSIGNED else id_of(segmentation, code)
