"""Reads what was announced on the change topic."""

import asyncio

from streamseg.membership.latest_changes import LatestChanges
from streamseg.membership.types import Membership
from streamseg.ports import Log
from streamseg.topics import MEMBERSHIPS


class ChangeTopic:
    """The change topic, which has the partitions of the input topics."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = asyncio.Lock()

    async def end(self, partition: int) -> int:
        """The next offset. What was announced before it was decided before this call."""
        return (await self._log.bounds(MEMBERSHIPS, partition))[1]

    async def since(self, partition: int, offset: int) -> dict[str, Membership]:
        """The latest membership of each customer announced from `offset` on. Those who left are not in."""
        first, end = await self._log.bounds(MEMBERSHIPS, partition)
        announcements = LatestChanges()
        async with self._lock:  # one stretch at a time
            async for records in self._log.read(MEMBERSHIPS, partition, max(first, offset), end):
                for record in records:
                    announcements.read(record)
        known = announcements.latest.items()
        return {customer: one.membership for customer, one in known if one.membership is not None}
