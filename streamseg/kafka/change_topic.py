"""Reads the published memberships of a partition from a given offset on."""

import asyncio
from collections.abc import AsyncIterator

from streamseg.events.record import Record
from streamseg.membership.latest_changes import LatestChange, LatestChanges, change_of
from streamseg.ports import Log
from streamseg.topics import MEMBERSHIPS


class ChangeTopic:
    """The topic `streamseg.memberships`, which has the partitions of the input topics. All methods raise as `log`."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = asyncio.Lock()

    async def end(self, partition: int) -> int:
        """Return the next offset. Called by the outbox relay, to know up to where its changes are published."""
        return (await self._log.bounds(MEMBERSHIPS, partition))[1]

    async def follow(self, changes: LatestChanges, partition: int, offset: int) -> int:
        """Read the change records from `offset` on into `changes`; return the next offset.

        Called after a claim, to catch up with what a former owner published.
        """
        end = await self.end(partition)
        async for record in self._records(partition, offset, end):
            changes.read(record)
        return end

    async def last_records(self, partition: int, start: int, end: int) -> dict[str, LatestChange]:
        """Return the last record of each customer at the offsets from `start` to `end - 1`, whatever its order.

        Called by the outbox relay, to find records of a former owner. Compaction keeps these records.
        """
        last: dict[str, LatestChange] = {}
        async for record in self._records(partition, start, end):
            customer = (record.key or b"").decode(errors="replace")
            change = change_of(record, last.get(customer))
            if change is not None:
                last[customer] = change
        return last

    async def _records(self, partition: int, start: int, end: int) -> AsyncIterator[Record]:
        """Yield the records that are kept. Reads wait for each other: a log reads one range at a time."""
        first, _ = await self._log.bounds(MEMBERSHIPS, partition)
        async with self._lock:
            async for records in self._log.read(MEMBERSHIPS, partition, max(first, start), end):
                for record in records:
                    yield record
