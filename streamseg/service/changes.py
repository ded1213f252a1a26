"""How the segments changed since a day: their sizes then and now, and the moves between them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from streamseg.clustering.identity import segmentation_of
from streamseg.ports import Flow, ModelStore, StateStore
from streamseg.service.day_counts import DayCounts, date_of, number_of, read_day_counts
from streamseg.service.segments import read_catalogue
from streamseg.time_units import DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Since:
    """A first day: `day`, or the UTC day that lies `seconds` before now."""

    seconds: float = 0.0
    day: date | None = None


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """One segment: customers at the start of the first day and now, and its moves by the other segment or None."""

    id: str
    segmentation: str
    label: str
    then: int
    now: int
    gained: Mapping[str | None, int]
    lost: Mapping[str | None, int]


@dataclass(frozen=True, slots=True)
class Changes:
    """Segments by segmentation and size. `counted_from` is the first day with a counted move, None without any."""

    since: date
    counted_from: date | None
    segments: tuple[SegmentChange, ...]

    def as_json(self) -> dict[str, Any]:
        """Return the names and values of `streamseg segments changes --json`."""
        flows = [
            {"segmentation": one.segmentation, "from": before, "to": after, "moves": moves}
            for one in self.segments
            for before, after, moves in (
                *((one.id, other, moves) for other, moves in one.lost.items()),
                *((None, one.id, moves) for other, moves in one.gained.items() if other is None),
            )
        ]
        return {
            "since": self.since.isoformat(),
            "counted_from": self.counted_from.isoformat() if self.counted_from else None,
            "segments": [
                {
                    "id": one.id,
                    "segmentation": one.segmentation,
                    "label": one.label,
                    "then": one.then,
                    "now": one.now,
                    "gained": sum(one.gained.values()),
                    "lost": sum(one.lost.values()),
                }
                for one in self.segments
            ],
            "flows": sorted(flows, key=lambda flow: (flow["segmentation"], -int(str(flow["moves"])))),
        }


async def read_changes(state: StateStore, models: ModelStore, since: Since, now: float | None) -> Changes:
    """Return what changed from the start of a UTC day on. Sizes then are the sizes now without the moves since.

    Args:
        state: the partitions' sizes and moves.
        models: the catalogue, for labels.
        since: the first day.
        now: epoch seconds; None takes the end of the last day with a move.
    """
    return changes_of(await read_day_counts(state), await read_catalogue(models), since, now)


def changes_of(
    counts: DayCounts, catalogue: Mapping[str, Mapping[str, Any]], since: Since, now: float | None
) -> Changes:
    """Return what `read_changes` does, of counts and a catalogue that were read."""
    sizes, days = counts.sizes, counts.days
    if now is None:
        now = (max(days, default=0) + 1) * DAY_SECONDS - 1.0
    first = int((now - since.seconds) // DAY_SECONDS) if since.day is None else number_of(since.day)
    flows: Counter[Flow] = Counter()
    for day, counted in days.items():
        if day >= first:
            flows.update(counted)
    segments = segments_changed(sizes, flows, catalogue)
    return Changes(date_of(first), date_of(min(days)) if days else None, tuple(segments))


def segments_changed(
    sizes: Mapping[str, int], flows: Mapping[Flow, int], catalogue: Mapping[str, Mapping[str, Any]]
) -> list[SegmentChange]:
    """Return the segments by segmentation and size: the sizes are those of now, the flows the moves since then."""
    moved = {segment for flow in flows for segment in flow if segment is not None}
    counted = Counter(flows)
    segments = [_change(one, sizes.get(one, 0), counted, catalogue.get(one, {})) for one in {*moved, *sizes}]
    return sorted(segments, key=lambda one: (one.segmentation, -one.now, -one.then, one.id))


@dataclass(frozen=True, slots=True)
class SizesOfDay:
    """Members by segment at the end of a UTC day; at the last one, now."""

    day: date
    sizes: Mapping[str, int]


def sizes_by_day(counts: DayCounts, days: int) -> list[SizesOfDay]:
    """Return the sizes of up to so many last days, the oldest first: from the sizes now and the moves of each day.

    It begins with the first day with a counted move; days without any are between them.
    """
    flows = counts.days
    if not flows:
        return []
    present, found = Counter(counts.sizes), []
    for day in range(max(flows), max(min(flows), max(flows) - days + 1) - 1, -1):
        found.append(SizesOfDay(date_of(day), {segment: size for segment, size in present.items() if size > 0}))
        for (before, after), moves in flows.get(day, Counter[Flow]()).items():
            if after is not None:
                present[after] -= moves
            if before is not None:
                present[before] += moves
    return found[::-1]


def _change(segment: str, size: int, flows: Counter[Flow], entry: Mapping[str, Any]) -> SegmentChange:
    gained = {before: moves for (before, after), moves in flows.most_common() if after == segment}
    lost = {after: moves for (before, after), moves in flows.most_common() if before == segment}
    # Sizes and moves of a partition under way are read at two moments: a few moves may be in one of them only.
    then = max(0, size - sum(gained.values()) + sum(lost.values()))
    return SegmentChange(segment, segmentation_of(segment), str(entry.get("label", segment)), then, size, gained, lost)
