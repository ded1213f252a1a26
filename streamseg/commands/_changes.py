"""What `streamseg segments changes` takes and prints."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands._text import folded

if TYPE_CHECKING:
    from streamseg.service.changes import Changes, SegmentChange, Since

UNIT_SECONDS: Final = {"h": 3_600, "d": 86_400, "w": 7 * 86_400}


class SinceType(click.ParamType):
    """A span before now (7d, 24h, 4w) or a date (2026-11-21)."""

    name = "span|date"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> "Since":
        """Return the first day; fail for other text, a day in the future, and a span beyond the days that are kept."""
        from streamseg.service.changes import Since
        from streamseg.store.limits_and_refusals import FLOW_DAYS

        if isinstance(value, Since):
            return value
        if span := re.fullmatch(r"([0-9]{1,6})([hdw])", value):
            seconds = int(span[1]) * UNIT_SECONDS[span[2]]
            if not seconds:
                self.fail(f"{value}: must be longer than 0", param, ctx)
            if seconds >= FLOW_DAYS * UNIT_SECONDS["d"]:
                self.fail(f"{value}: moves are kept for {FLOW_DAYS} days", param, ctx)
            return Since(seconds=seconds)
        try:
            day = datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC).date()
        except ValueError:
            self.fail(f"{value!r} is neither a span like 7d, 24h or 4w nor a date like 2026-11-21", param, ctx)
        if day > datetime.now(UTC).date():
            self.fail(f"{value} is in the future", param, ctx)
        return Since(day=day)


def lines(found: "Changes", entries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield the changes in words, folded to fit the terminal.

    Args:
        found: the changes.
        entries: the catalogue, by segment id.
    """
    yield f"Changes since {_day(found.since)}, 00:00 UTC"
    if found.counted_from is None:
        yield "No move is counted yet."
    elif found.counted_from > found.since:
        yield f"The first counted move is of {_day(found.counted_from)}: earlier ones are not in here."
    labels = Counter(one.label for one in found.segments)
    names = {one.id: _name(one, entries.get(one.id, {}), labels) for one in found.segments}
    for segmentation, segments in groupby(found.segments, key=lambda one: one.segmentation):
        yield ""
        yield from folded(segmentation).split("\n")
        for one in segments:
            yield from _segment(one, names)


def _segment(one: "SegmentChange", names: Mapping[str, str]) -> Iterator[str]:
    name = names[one.id]
    step = f"{one.then:,} -> {one.now:,} ({one.now - one.then:+,})" if one.now != one.then else f"{one.now:,} as before"
    yield from folded(f"  {name}: {step}", indent="    ").split("\n")
    for word, way, moves in (("gained", "from", one.gained), ("lost", "to", one.lost)):
        if moves:
            parts = ", ".join(
                f"{count:,} {way} {'no segment' if other is None else names.get(other, other)}"
                for other, count in moves.items()
            )
            yield from folded(f"    {word} {sum(moves.values()):,}: {parts}", indent="      ").split("\n")


def _name(one: "SegmentChange", entry: Mapping[str, Any], labels: Counter[str]) -> str:
    named = one.label if labels[one.label] == 1 or one.label == one.id else f"{one.label} [{one.id}]"
    return with_state(named, entry)


def with_state(name: str, entry: Mapping[str, Any]) -> str:
    """Return the name of a segment, followed by "(retired)" and "(shadow)" as its catalogue entry says."""
    return name + " (retired)" * (entry.get("retired") is not None) + " (shadow)" * bool(entry.get("shadow"))


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%b %Y}"
