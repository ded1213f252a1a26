"""Whether a customer's row, membership string and last change record tell the same."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.encoding import decode
from streamseg.membership.latest_changes import LatestChanges, segments_of
from streamseg.ports import MembershipStore, StateStore

PATIENCE_SECONDS: Final = 20.0
"""What is on its way between two of them arrives within this time, or counts as missing."""
LOOK_SECONDS: Final = 0.5
CUSTOMERS_AT_ONCE: Final = 1_000


class ConsistencyCheck:
    """Looks at row, string and announcements of the customers of a partition."""

    def __init__(self, layout: Layout, state: StateStore, memberships: MembershipStore) -> None:
        self._layout = layout
        self._state = state
        self._memberships = memberships

    async def broken(
        self, partition: int, customers: Sequence[str], catch_up: Callable[[], Awaitable[LatestChanges]]
    ) -> list[str]:
        """Customers who still disagree when everything on its way has had time to arrive.

        `catch_up` reads the change topic up to its present end.
        """
        clock = asyncio.get_running_loop().time
        until, suspects = clock() + PATIENCE_SECONDS, list(customers)
        while True:
            announcements, looked = await catch_up(), suspects
            suspects = []
            for start in range(0, len(looked), CUSTOMERS_AT_ONCE):
                suspects += await self._look(partition, looked[start : start + CUSTOMERS_AT_ONCE], announcements)
            if not suspects or clock() > until:
                return suspects
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self, partition: int, customers: Sequence[str], announcements: LatestChanges) -> list[str]:
        stored = await self._state.load(partition, customers)
        strings = await self._memberships.read(customers)
        rows = Rows(self._layout, len(customers))
        slots = rows.load(customers, stored)
        broken = []
        for customer, slot, string in zip(customers, slots.tolist(), strings, strict=True):
            standing = decode(string) if string is not None else None
            # Of a segmentation in shadow there is nothing in the string.
            settled = {
                name: id_of(name, int(code))
                for name, code in zip(self._layout.segmentations, rows.segment[slot], strict=True)
                if code != UNASSIGNED and (standing is None or name in standing.segments)
            }
            published = bool(rows.published_wall[slot] > 0)
            if (
                published != (standing is not None)
                or (standing is not None and standing.seq != rows.seq[slot])
                or not settled == segments_of(standing) == announcements.segments(customer)
            ):
                broken.append(customer)
        return broken
