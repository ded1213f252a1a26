"""Sizes of the segments and moves by day, as the partitions keep them, and what happened between two days."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from streamseg.clustering.identity import segmentation_of
from streamseg.ports import Flow, StateStore
from streamseg.time_units import DAY_SECONDS


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
    sizes: Counter[str] = Counter()
    days: dict[int, Counter[Flow]] = {}
    partition = 0
    while (metadata := await state.metadata(partition)) is not None:
        sizes.update({segment: size for segment, size in metadata.sizes.items() if size > 0})
        for flows in await state.flows(partition):
            days.setdefault(flows.day, Counter()).update(flows.counts)
        partition += 1
    return DayCounts(sizes, days)


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
