"""Reads the published memberships of a partition from a given offset on."""

import asyncio

from streamseg.membership.latest_changes import LatestChanges
from streamseg.membership.types import Membership
from streamseg.ports import Log
from streamseg.topics import MEMBERSHIPS


class ChangeTopic:
    """The topic `streamseg.memberships`, which has the partitions of the input topics. Both methods raise as `log`."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = asyncio.Lock()

    async def end(self, partition: int) -> int:
        """Return the next offset. Called by the outbox relay, to know up to where its changes are published."""
        return (await self._log.bounds(MEMBERSHIPS, partition))[1]

    async def since(self, partition: int, offset: int) -> dict[str, Membership]:
        """Return the latest membership of each customer published from `offset` on, without deleted ones.

        Called after a claim, to catch up with what a former owner published. Calls wait for each other.
        """
        first, end = await self._log.bounds(MEMBERSHIPS, partition)
        changes = LatestChanges()
        async with self._lock:  # a log reads one range at a time
            async for records in self._log.read(MEMBERSHIPS, partition, max(first, offset), end):
                for record in records:
                    changes.read(record)
        latest = changes.latest.items()
        return {customer: one.membership for customer, one in latest if one.membership is not None}
