"""Reads the log without the records that workers set aside because they made our own code raise.

Workers did not absorb them, although they decode; so `verify` and `rebuild` must leave them out too.
"""

from collections.abc import AsyncIterator, Collection, Sequence

from streamseg.events.record import Record
from streamseg.events.rejection import Reason
from streamseg.ports import Log
from streamseg.repair.redrive import all_letters

Place = tuple[str, int, int]
"""Topic, partition and offset of a record."""


async def set_aside_places(log: Log, partitions: int) -> set[Place]:
    """Return the records that workers set aside, also those that were sent again since.

    Args:
        log: has the dead letters.
        partitions: partition count of the dead letter topic.
    """
    return {
        (letter.topic, letter.partition, letter.offset)
        async for letter in all_letters(log, partitions)
        if letter.reason == Reason.INTERNAL
    }


class LogWithoutSetAside:
    """A `Log` that leaves records out."""

    def __init__(self, log: Log, places: Collection[Place]) -> None:
        self._log = log
        self._places = frozenset(places)
        self._affected = {place[:2] for place in self._places}

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """See the port."""
        return await self._log.bounds(topic, partition)

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """See the port."""
        affected = (topic, partition) in self._affected
        async for records in self._log.read(topic, partition, start, end):
            if affected:
                yield [one for one in records if (topic, partition, one.offset) not in self._places]
            else:
                yield records
