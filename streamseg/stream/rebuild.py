"""Rows made anew from the log, beside the live ones, and put in their place: after a change of what a row is.

Memberships are served as they stand meanwhile. Workers of the old layout are refused from the swap on, and those of
the new one go on from where the log was read to; what was announced of a customer is taken over, so nobody moves.
"""

import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from streamseg.errors import StreamsegError
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import Record
from streamseg.features.codec import erasure_of
from streamseg.features.layout import NEVER, Layout
from streamseg.ports import StateStore
from streamseg.stream.replay import Replay
from streamseg.stream.verify import ERASURES_FIRST
from streamseg.topics import INPUT_TOPICS

ROWS_AT_ONCE = 1_000


class LogNotWholeError(StreamsegError):
    """The log no longer reaches back to the beginning: rows made from it would know less than the live ones."""


class Log(Protocol):
    """Reads topic partitions of the log; may raise `StreamsegError`."""

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """First offset kept, and next offset to be written."""
        ...

    def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[Sequence[Record]]:
        """Records from `start` up to but not including `end`."""
        ...


class _AllOf(dict[str, int]):
    """Fences for a pass over everything: above every offset for those who belong here, none for others."""

    def __init__(self, belongs: Callable[[str], bool]) -> None:
        self._belongs = belongs

    def get(self, customer: str, _: Any = None) -> Any:
        if customer not in self:
            self[customer] = sys.maxsize if self._belongs(customer) else -1
        return self[customer]


class Rebuilder:
    """Makes partitions anew, one after the other.

    Args:
        layout: of the new rows.
        decoder: as the workers have it.
        money: as the workers have it.
        state: where the rows are.
        log: the retained log.
        topics: id and partition count of each input topic, as the broker has them now.
        belongs: whether a customer's key falls on a partition.
    """

    def __init__(
        self,
        *,
        layout: Layout,
        decoder: Decoder,
        money: Money,
        state: StateStore,
        log: Log,
        topics: Mapping[str, tuple[str, int]],
        belongs: Callable[[int, str], bool],
    ) -> None:
        self._layout = layout
        self._decoder = decoder
        self._money = money
        self._state = state
        self._log = log
        self._topics = topics
        self._belongs = belongs

    async def check_whole(self, partition: int) -> None:
        """Raise `LogNotWholeError` when the log does not have everything that the live rows were made of."""
        head = await self._state.head(partition)
        for topic in INPUT_TOPICS:
            if (await self._log.bounds(topic, partition))[0] > 0:
                raise LogNotWholeError(f"retention has removed records of {topic}")
            if head is not None and head.topics.get(topic, self._topics[topic]) != self._topics[topic]:
                raise LogNotWholeError(f"{topic} was made anew or grown since the rows were written")

    async def rebuild(self, partition: int) -> tuple[int, int]:
        """Make a partition's rows anew and swap them in: how many customers, and how many events their rows hold."""
        ends = {topic: await self._log.bounds(topic, partition) for topic in INPUT_TOPICS}
        replay = Replay(self._layout, self._decoder, self._money, lambda _: False)
        await self._keep_erasures(partition, replay)
        everything = _AllOf(lambda customer: self._belongs(partition, customer))
        for source in ERASURES_FIRST:
            topic = INPUT_TOPICS[source]
            async for records in self._log.read(topic, partition, *ends[topic]):
                replay.take(source, records, everything)
        await self._state.unstage(partition)
        customers = list(replay.rows.slots)
        for start in range(0, len(customers), ROWS_AT_ONCE):
            piece = customers[start : start + ROWS_AT_ONCE]
            rows = replay.rows.dump(replay.rows.slots_of(piece))
            await self._state.stage(partition, list(zip(piece, rows, strict=True)))
        checkpoint = {topic: end for topic, (_, end) in ends.items()}
        await self._state.swap(partition, self._layout.fingerprint, checkpoint, self._topics)
        return len(customers), replay.events

    async def _keep_erasures(self, partition: int, replay: Replay) -> None:
        """The markers of erasures outlive the log."""
        cursor = 0
        while True:
            cursor, piece = await self._state.scan(partition, cursor, ROWS_AT_ONCE)
            erased = {customer: at for customer, row in piece if (at := erasure_of(row)) > NEVER}
            absent = replay.rows.missing(erased)
            slots = replay.rows.load(absent, [None] * len(absent))
            replay.rows.erased_at[slots] = np.array([erased[customer] for customer in absent])
            if cursor == 0:
                return
