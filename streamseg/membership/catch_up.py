"""Brings rows up to date with the change topic after the store lost its last seconds.

Change records reach Kafka at once, but a failed store may return without the rows that were flushed with them. If the
customer were settled again, the result could differ, and readers of the change topic would not learn of it. So the row
takes over the published membership: each decision is made once (DESIGN.md, Exactly-once effect).
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, code_of
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.types import Consent, Membership

COPIED: Final = "copied"
"""Name under which the checkpoint of rebuilt rows has an offset of the change topic. A rebuild has copied the
memberships before it into the rows, and former owners have looked there for late records."""


class AudienceColumns(Protocol):
    """The audiences of a generation, and their columns in the rows."""

    @property
    def generation(self) -> int:
        """Generation of the audiences."""
        ...

    @property
    def ids(self) -> tuple[str, ...]:
        """Ids of the audiences."""
        ...

    @property
    def columns(self) -> NDArray[np.intp]:
        """Column of each, in the same order."""
        ...


class CatchUp:
    """Published memberships of one partition that are newer than the rows. Its length is the number still to apply.

    Args:
        layout: layout of the rows.
        newer: published membership by customer id, for customers whose row is behind.
        unknown: consent that applies to unanswered purposes. With it, rows take over refusals too: their consents will
            be read again, and would else be published as withdrawn once more. None if no event will be read again.
    """

    def __init__(
        self, layout: Layout, newer: Mapping[str, Membership] | None = None, unknown: Consent | None = None
    ) -> None:
        self._layout = layout
        self._newer = dict(newer or {})
        self._unknown = unknown

    def __len__(self) -> int:
        return len(self._newer)

    @property
    def customers(self) -> list[str]:
        """Ids of the customers whose rows are still behind."""
        return list(self._newer)

    def apply(
        self,
        rows: Rows,
        customers: Sequence[str],
        wall_now: float,
        audiences: AudienceColumns | None = None,
    ) -> None:
        """Write the published memberships of these customers into their rows, once each.

        Args:
            rows: the slab; all of the customers must be loaded.
            customers: customer ids, behind or not.
            wall_now: wall time in epoch seconds.
            audiences: where rows keep the audiences; None where none are declared.
        """
        for customer in customers if self._newer else ():
            membership = self._newer.pop(customer, None)
            slot = rows.slots[customer]
            if membership is None or membership.seq <= rows.seq[slot]:
                continue
            self._refuse(rows, slot, membership.consent)
            rows.seq[slot] = membership.seq
            rows.published_at[slot] = 0  # publish the string again
            rows.published_wall[slot] = int(wall_now)
            for s, name in enumerate(self._layout.segmentations):
                segment = membership.segments.get(name)
                rows.segment[slot, s] = UNASSIGNED if segment is None else code_of(segment.id)
                rows.since[slot, s] = 0 if segment is None else segment.since
                rows.candidate[slot, s] = rows.streak[slot, s] = 0
                rows.looked_at[slot, s] = 0  # so that the next look settles from the published segment
            if audiences is not None:
                of = dict(zip(audiences.ids, audiences.columns.tolist(), strict=True))
                rows.entered[slot] = 0
                rows.entered[slot, [of[one] for one in membership.audiences or () if one in of]] = membership.as_of
                rows.audiences_as_of[slot] = audiences.generation

    def _refuse(self, rows: Rows, slot: int, published: Consent) -> None:
        """Take over the published refusals; their times stay, so that the events themselves are absorbed all the same.

        Published consents are not taken over: at worst they are published as given once more.
        """
        if self._unknown is None:
            return
        (answers,) = rows.answers(np.array([slot]))
        held = Consent.of_codes(answers, self._unknown)
        if held.ads and not published.ads:
            rows.ads[slot] = 0
        if held.personalisation and not published.personalisation:
            rows.personalisation[slot] = 0
        if held.analytics and not published.analytics:
            rows.analytics[slot] = 0
