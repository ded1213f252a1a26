"""How many customers change their segment on a day, and how many usually do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from streamseg.clustering.identity import segmentation_of
from streamseg.service.changes import SizesOfDay
from streamseg.service.day_counts import DayCounts, number_of

USUAL_DAYS: Final = 28
"""Days before that tell what is usual."""
FEWEST_DAYS: Final = 7
"""With fewer nothing is usual yet."""
LEFT_OUT: Final = 0.1
"""Share of these days that is left out at each end: sales and outages."""


@dataclass(frozen=True, slots=True)
class Volatility:
    """Moves from segment to segment as a share of the customers, 0-1; who moves twice on a day counts twice."""

    now: float
    """Of the last day, so far."""
    usual: tuple[float, float] | None
    """Between which it was on most days before; None while there are too few."""


def volatility_of(counts: DayCounts, history: Sequence[SizesOfDay], segmentation: str, today: date) -> Volatility:
    """Return the volatility of a segmentation on a day; `history` has the sizes by day up to it."""
    shares = {one.day: _share(counts, one, segmentation) for one in history}
    before = sorted(share for day, share in shares.items() if 0 < (today - day).days <= USUAL_DAYS)
    if len(before) < FEWEST_DAYS:
        return Volatility(shares.get(today, 0.0), None)
    out = int(len(before) * LEFT_OUT)
    return Volatility(shares.get(today, 0.0), (before[out], before[-1 - out]))


def _share(counts: DayCounts, at: SizesOfDay, segmentation: str) -> float:
    members = sum(size for segment, size in at.sizes.items() if segmentation_of(segment) == segmentation)
    moves = sum(
        count
        for (source, target), count in counts.days.get(number_of(at.day), {}).items()
        if source is not None and target is not None and segmentation_of(source) == segmentation
    )
    return moves / members if members else 0.0
