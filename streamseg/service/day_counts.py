"""Sizes of the segments and moves by day, as the partitions keep them, and what happened between two days."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Final

from streamseg.clustering.identity import segmentation_of
from streamseg.ports import Flow, StateStore
from streamseg.time_units import DAY_SECONDS

PARTITIONS_AT_ONCE: Final = 16
DAYS_AHEAD: Final = 14
"""Days after the last one with moves that are looked at: the store asks for each of them."""
WHOLE_SECONDS: Final = 60.0


@dataclass(frozen=True, slots=True)
class DayCounts:
    """Members by segment now, and the moves by UTC day, counted from 1970; days without moves are left out."""

    sizes: Mapping[str, int]
    days: Mapping[int, Counter[Flow]]


@dataclass(frozen=True, slots=True)
class Between:
    """What happened in one segmentation from the start of day `first` to the end of day `last`, or until now."""

    first: date
    last: date
    before: Mapping[str, int]
    """Members by segment at the start."""
    after: Mapping[str, int]
    """Members by segment at the end."""
    flows: Mapping[Flow, int]
    """Moves by way, the most frequent first. Who moved twice counts twice."""


async def read_day_counts(state: StateStore) -> DayCounts:
    """Return the counts of all partitions."""
    return await CountsReader(state).read()


class CountsReader:
    """Reads the counts again and again, a few partitions at once; of the days only those that may have changed.

    A partition adds moves to the day of its clock, and its clock goes forward. After `WHOLE_SECONDS` all days are read
    again: a clock may have been wrong, or have leapt over more days than are looked at.
    """

    def __init__(self, state: StateStore, clock: Callable[[], float] = time.monotonic) -> None:
        self._state, self._clock = state, clock
        self._partitions: list[dict[int, Counter[Flow]]] = []
        self._whole_at: float | None = None

    async def read(self) -> DayCounts:
        """Return the counts of all partitions."""
        now = self._clock()
        if self._whole_at is None or now >= self._whole_at + WHOLE_SECONDS:
            self._partitions, self._whole_at = [], now
        sizes: Counter[str] = Counter()
        partition, more = 0, True
        while more:
            together = range(partition, partition + PARTITIONS_AT_ONCE)
            for one in await asyncio.gather(*(self._sizes(each) for each in together)):
                more = more and one is not None
                sizes.update(one or {})
            partition += PARTITIONS_AT_ONCE
        days: dict[int, Counter[Flow]] = {}
        for kept in self._partitions:
            for day, counts in kept.items():
                days.setdefault(day, Counter()).update(counts)
        return DayCounts(sizes, days)

    async def _sizes(self, partition: int) -> dict[str, int] | None:
        """Read the moves of a partition, and return its sizes; None where there is no such partition."""
        metadata = await self._state.metadata(partition)
        if metadata is None:
            return None
        while len(self._partitions) <= partition:
            self._partitions.append({})
        kept = self._partitions[partition]
        since = max(kept, default=0)
        until = since + DAYS_AHEAD if kept else None
        for flows in await self._state.flows(partition, since, until):
            kept[flows.day] = Counter(flows.counts)
        return {segment: size for segment, size in metadata.sizes.items() if size > 0}


def between(counts: DayCounts, segmentation: str, first: date, last: date) -> Between:
    """Return what happened in a segmentation between two days: from the sizes now and the moves of each day since."""
    present = Counter({one: size for one, size in counts.sizes.items() if segmentation_of(one) == segmentation})
    flows: Counter[Flow] = Counter()
    after: Counter[str] | None = None
    for day in sorted(counts.days, reverse=True):
        if day < number_of(first):
            break
        if day <= number_of(last) and after is None:
            after = Counter(present)
        for (source, target), moves in counts.days[day].items():
            if segmentation_of(source or target or "") != segmentation:
                continue
            if after is not None:
                flows[source, target] += moves
            if target is not None:
                present[target] -= moves
            if source is not None:
                present[source] += moves
    after = Counter(present) if after is None else after
    return Between(first, last, _sizes(present), _sizes(after), dict(flows.most_common()))


def _sizes(counted: Counter[str]) -> dict[str, int]:
    """Leave out who is empty: sizes and moves of a partition under way are read at two moments."""
    return {segment: size for segment, size in counted.most_common() if size > 0}


def number_of(day: date) -> int:
    """Return the number of a UTC day, counted from 1970."""
    return (day - date(1970, 1, 1)).days


def date_of(number: int) -> date:
    """Return the UTC day of a number."""
    return datetime.fromtimestamp(number * DAY_SECONDS, UTC).date()
