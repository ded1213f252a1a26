"""What was announced of customers whose rows a failing store has forgotten.

Change records reach Kafka at once; the store may come back without its last seconds. Decided anew, from other runs and
perhaps another model, a customer may stand elsewhere, and whoever reads the change topic would never hear of it. So the
rows take over what was announced: a decision is made once.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Protocol

from streamseg.clustering.identity import UNASSIGNED, code_of
from streamseg.events.record import Record
from streamseg.features.layout import Layout
from streamseg.features.rows import Rows
from streamseg.membership.types import Membership
from streamseg.ports import StateStore
from streamseg.stream.agreement import Announcements
from streamseg.topics import MEMBERSHIPS

log = logging.getLogger(__name__)


class Log(Protocol):
    """Reads topic partitions of the log; may raise `StreamsegError`."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset kept, and next offset to be written."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Records from `start` up to but not including `end`."""
        ...


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
        announcements = Announcements()
        async with self._lock:  # one stretch at a time
            async for records in self._log.read(MEMBERSHIPS, partition, max(first, offset), end):
                for record in records:
                    announcements.read(record)
        known = announcements.latest.items()
        return {customer: one.membership for customer, one in known if one.membership is not None}


class Announced:
    """What one partition has to take over, until it has."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._ahead: dict[str, Membership] = {}

    def __len__(self) -> int:
        return len(self._ahead)

    @property
    def customers(self) -> list[str]:
        """Whose rows are behind what was announced."""
        return list(self._ahead)

    def expect(self, announced: Mapping[str, Membership]) -> None:
        """All of these are ahead of rows that were made from nothing."""
        self._ahead = dict(announced)

    async def learn(self, announced: Mapping[str, Membership], partition: int, state: StateStore) -> None:
        """Keep those of the announcements that the stored rows have not decided. Raises `StoreUnavailableError`."""
        customers = list(announced)
        stored = await state.load(partition, customers)
        rows = Rows(self._layout, max(len(customers), 1))
        seqs = rows.seq[rows.load(customers, stored)].tolist()
        self._ahead = {
            customer: announced[customer]
            for customer, seq in zip(customers, seqs, strict=True)
            if announced[customer].seq > seq
        }
        if self._ahead:
            log.warning("partition %d: the store has forgotten %d announced changes", partition, len(self._ahead))

    def take_over(self, rows: Rows, customers: Sequence[str]) -> None:
        """Put what was announced of these customers into their rows, which were just loaded."""
        for customer in customers if self._ahead else ():
            membership = self._ahead.pop(customer, None)
            slot = rows.slots[customer]
            if membership is None or membership.seq <= rows.seq[slot]:
                continue
            rows.seq[slot] = membership.seq
            rows.published_at[slot] = 0  # the string is to be written anew
            rows.published_wall[slot] = int(time.time())
            for s, name in enumerate(self._layout.segmentations):
                standing = membership.segments.get(name)
                rows.segment[slot, s] = UNASSIGNED if standing is None else code_of(standing.id)
                rows.since[slot, s] = 0 if standing is None else standing.since
                rows.candidate[slot, s] = rows.streak[slot, s] = 0
