"""Rows catch up with the change topic after a store lost its last seconds.

Change records reach Kafka at once; a failed store may come back without the rows that they were decided with. Decided
again, a customer could get another segment, and readers of the change topic would never hear of it. So the row takes
the published membership: a decision is made once.
"""

from collections.abc import Mapping, Sequence

from streamseg.clustering.identity import UNASSIGNED, code_of
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.types import Membership


class CatchUp:
    """Published memberships of one partition that are newer than their rows.

    Args:
        layout: of the rows.
        newer: the membership of each customer whose row is behind it.
    """

    def __init__(self, layout: Layout, newer: Mapping[str, Membership] | None = None) -> None:
        self._layout = layout
        self._newer = dict(newer or {})

    def __len__(self) -> int:
        return len(self._newer)

    @property
    def customers(self) -> list[str]:
        """Customers whose rows are still behind."""
        return list(self._newer)

    def apply(self, rows: Rows, customers: Sequence[str], wall_now: float) -> None:
        """Write the published memberships of these customers into their loaded rows.

        Args:
            rows: hold a row of each of the customers.
            customers: ids, whether behind or not.
            wall_now: wall time, epoch seconds.
        """
        for customer in customers if self._newer else ():
            membership = self._newer.pop(customer, None)
            slot = rows.slots[customer]
            if membership is None or membership.seq <= rows.seq[slot]:
                continue
            rows.seq[slot] = membership.seq
            rows.published_at[slot] = 0  # the string must be written again
            rows.published_wall[slot] = int(wall_now)
            for s, name in enumerate(self._layout.segmentations):
                segment = membership.segments.get(name)
                rows.segment[slot, s] = UNASSIGNED if segment is None else code_of(segment.id)
                rows.since[slot, s] = 0 if segment is None else segment.since
                rows.candidate[slot, s] = rows.streak[slot, s] = 0
