"""Check that a customer's row, membership string and latest change record agree.

The latest change record must also be the last one, which is what compaction keeps.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.encoding import decode
from streamseg.membership.latest_changes import LatestChanges, segments_of
from streamseg.ports import MembershipStore, StateStore

CUSTOMERS_AT_ONCE: Final = 1_000


class ConsistencyCheck:
    """Compares row, membership string and change records of the customers of a partition.

    Args:
        layout: layout of the rows.
        state: the live rows.
        memberships: the live membership strings.
        delivery_seconds: a membership that takes longer from the row to the string and the change topic is missing.
        retry_seconds: time between two looks at the customers that still disagree.
    """

    def __init__(
        self,
        layout: Layout,
        state: StateStore,
        memberships: MembershipStore,
        *,
        delivery_seconds: float = 20.0,
        retry_seconds: float = 0.5,
    ) -> None:
        self._layout = layout
        self._state = state
        self._memberships = memberships
        self._delivery_seconds = delivery_seconds
        self._retry_seconds = retry_seconds

    async def inconsistent(
        self,
        partition: int,
        customers: Sequence[str],
        belongs: Callable[[str], bool],
        catch_up: Callable[[], Awaitable[LatestChanges]],
    ) -> list[str]:
        """Return the customers that still disagree after the delivery time.

        Args:
            partition: of the customers.
            customers: those with a row.
            belongs: returns whether a customer's key falls on the partition. Customers that the change topic still
                knows are checked too, although they have no row.
            catch_up: reads the change topic up to its current end.
        """
        clock = asyncio.get_running_loop().time
        deadline, changes = clock() + self._delivery_seconds, await catch_up()
        known = [one for one, change in changes.latest.items() if change.membership is not None or one in changes.late]
        suspects = [*customers, *(one for one in set(known).difference(customers) if belongs(one))]
        while True:
            checked = suspects
            suspects = []
            for start in range(0, len(checked), CUSTOMERS_AT_ONCE):
                suspects += await self._compare(partition, checked[start : start + CUSTOMERS_AT_ONCE], changes)
            if not suspects or clock() > deadline:
                return suspects
            await asyncio.sleep(self._retry_seconds)
            changes = await catch_up()

    async def _compare(self, partition: int, customers: Sequence[str], changes: LatestChanges) -> list[str]:
        stored = await self._state.load(partition, customers)
        strings = await self._memberships.read(customers)
        rows = Rows(self._layout, len(customers))
        slots = rows.load(customers, stored)
        inconsistent = []
        for customer, slot, string in zip(customers, slots.tolist(), strings, strict=True):
            membership = decode(string) if string is not None else None
            # Membership strings do not contain shadow segmentations.
            in_row = {
                name: id_of(name, int(code))
                for name, code in zip(self._layout.segmentations, rows.segment[slot], strict=True)
                if code != UNASSIGNED and (membership is None or name in membership.segments)
            }
            published = bool(rows.published_wall[slot] > 0)
            if (
                published != (membership is not None)
                or (membership is not None and membership.seq != rows.seq[slot])
                or not in_row == segments_of(membership) == changes.segments(customer)
                or customer in changes.late
            ):
                inconsistent.append(customer)
        return inconsistent
