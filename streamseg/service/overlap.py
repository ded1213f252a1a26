"""Compare audiences with segments: where the groups that a brand has in mind meet the groups that are found."""

from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.layout import Layout
from streamseg.pipeline import LiveAudiences, belonged, is_known
from streamseg.ports import StateStore
from streamseg.service.audiences import pieces_and_clocks


@dataclass(frozen=True, slots=True)
class OverlapRow:
    """One audience against one segment."""

    audience: str
    segmentation: str
    segment: str
    both: int
    """Customers in both."""
    share_of_audience: float
    """Of the audience's members, those in the segment, 0-1."""
    share_of_segment: float
    """Of the segment's members, those in the audience, 0-1."""
    lift: float
    """How much more frequent the audience is in the segment than among all customers; 1 is as frequent."""


@dataclass(slots=True)
class Overlap:
    """All audiences against all segments."""

    as_of: int = 0
    """Greatest clock of a partition, epoch seconds."""
    customers: int = 0
    rows: list[OverlapRow] = field(default_factory=list)
    """By audience, segmentation, then the customers in both; pairs without any are left out."""


async def overlap(state: StateStore, layout: Layout, live: LiveAudiences, *, event_clock: bool = False) -> Overlap:
    """Count the customers of each audience in each segment, from all rows."""
    result, both = Overlap(), Counter[tuple[str, str, int]]()
    sizes, members = Counter[tuple[str, int]](), Counter[str]()
    async for rows, now in pieces_and_clocks(state, layout, event_clock=event_clock):
        slots = np.arange(len(rows), dtype=np.intp)
        slots = slots[is_known(rows, slots)]
        _, held = belonged(rows, slots, live)
        result.as_of, result.customers = max(result.as_of, int(now)), result.customers + len(slots)
        for s, name in enumerate(layout.segmentations):
            codes = rows.segment[slots, s]
            sizes.update({(name, code): size for code, size in _counted(codes).items()})
            for column, audience in enumerate(live.ids):
                inside = _counted(codes[held[:, column]])
                both.update({(audience, name, code): size for code, size in inside.items()})
        members.update({one: int(held[:, column].sum()) for column, one in enumerate(live.ids)})
    for (audience, name, code), count in both.items():
        share, expected = count / members[audience], sizes[name, code] / result.customers
        of_segment = count / sizes[name, code]
        result.rows.append(
            OverlapRow(audience, name, id_of(name, code), count, share, of_segment, round(share / expected, 3))
        )
    result.rows.sort(key=lambda row: (row.audience, row.segmentation, -row.both, row.segment))
    return result


def _counted(codes: np.ndarray[tuple[int, ...], np.dtype[np.uint32]]) -> dict[int, int]:
    """Return the customers by code, without those in no segment."""
    found, counts = np.unique(codes, return_counts=True)
    return {code: count for code, count in zip(found.tolist(), counts.tolist(), strict=True) if code != UNASSIGNED}
