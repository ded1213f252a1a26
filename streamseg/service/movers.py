"""Who moved lately, customer by customer: from the newest records of the history of memberships."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from streamseg.events.record import Record
from streamseg.membership.contract import HistoryRecord
from streamseg.ports import Flow, Log, MembershipStore
from streamseg.topics import HISTORY

RECORDS: Final = 20_000
"""Newest records that are read, of all partitions together."""

_DECODE: Final = msgspec.json.Decoder(HistoryRecord).decode


@dataclass(frozen=True, slots=True)
class Move:
    """A customer left and entered segments of one segmentation at a time on the partition's clock, epoch seconds."""

    customer_id: str
    at: int
    segmentation: str
    way: Flow


@dataclass(frozen=True, slots=True)
class RecentMoves:
    """Moves by time, the newest first. `since` is when the oldest one was that was read, None without any."""

    moves: Sequence[Move]
    since: int | None

    def flows(self, begins: float) -> Counter[Flow]:
        """Return how many moves each way had since a moment, epoch seconds; who moved twice counts twice."""
        return Counter(one.way for one in self.moves if one.at >= begins)

    def of(self, way: Flow, begins: float, ends: float) -> list[Move]:
        """Return the moves of one way in a time, epoch seconds; of each customer the last one."""
        found: dict[str, Move] = {}
        for one in self.moves:
            if one.way == way and begins <= one.at < ends:
                found.setdefault(one.customer_id, one)
        return list(found.values())


async def recent_moves(log: Log, memberships: MembershipStore, partitions: int, records: int = RECORDS) -> RecentMoves:
    """Return the moves among the newest records of customers who still have a membership.

    Only published segmentations have any. Raises `StreamsegError` when Kafka does not answer.
    """
    latest: dict[tuple[str, int, int], HistoryRecord] = {}
    for partition in range(partitions):
        first, end = await log.bounds(HISTORY, partition)
        start = max(first, end - max(records // partitions, 1))
        async for batch in log.read(HISTORY, partition, start, end):
            for record in batch:
                read = _read(record)
                if read is not None:  # one that was delivered twice is one
                    latest[read.customer_id, read.epoch, read.seq] = read
    forgotten = {one.customer_id: (one.epoch, one.seq) for one in latest.values() if one.forget}
    known = [
        one
        for one in latest.values()
        if one.as_of is not None and (one.epoch, one.seq) > forgotten.get(one.customer_id, (-1, -1))
    ]
    customers = list(dict.fromkeys(one.customer_id for one in known))
    present = {one for one, found in zip(customers, await memberships.read(customers), strict=True) if found}
    moves = [move for one in known if one.customer_id in present for move in _moves(one)]
    moves.sort(key=lambda one: -one.at)
    return RecentMoves(moves, min((int(one.as_of or 0) for one in known), default=None))


def _read(record: Record) -> HistoryRecord | None:
    """Return what a record says; None for a stray one of somebody else."""
    try:
        return _DECODE(record.value or b"")
    except ValueError:  # msgspec's errors are of this type
        return None


def _moves(record: HistoryRecord) -> list[Move]:
    at = int(record.as_of or 0)
    left = {one.segmentation: one.segment for one in record.changes if one.change == "exited"}
    entered = {one.segmentation: one.segment for one in record.changes if one.change == "entered"}
    return [
        Move(record.customer_id, at, segmentation, (left.get(segmentation), entered.get(segmentation)))
        for segmentation in {**left, **entered}
    ]
