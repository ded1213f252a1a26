"""What `streamseg segments changes` takes and prints."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import click

from streamseg.commands._text import folded
from streamseg.language import DEFAULT, messages

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


def lines(found: "Changes", entries: Mapping[str, Mapping[str, Any]], language: str = DEFAULT) -> Iterator[str]:
    """Yield the changes in words, folded to fit the terminal.

    Args:
        found: the changes.
        entries: the catalogue, by segment id, written in the language.
        language: of the words.
    """
    texts = messages(language)["changes"]
    yield str(texts["since"]).format(day=_day(found.since, language))
    if found.counted_from is None:
        yield str(texts["no_moves"])
    elif found.counted_from > found.since:
        yield str(texts["first_move"]).format(day=_day(found.counted_from, language))
    told = {one.id: str(entries.get(one.id, {}).get("label", one.label)) for one in found.segments}
    labels = Counter(told.values())
    unlike = {one: label if labels[label] == 1 or label == one else f"{label} [{one}]" for one, label in told.items()}
    names = {one: with_state(name, entries.get(one, {}), language) for one, name in unlike.items()}
    for segmentation, segments in groupby(found.segments, key=lambda one: one.segmentation):
        yield ""
        yield from folded(segmentation).split("\n")
        for one in segments:
            yield from _segment(one, names, language)


def _segment(one: "SegmentChange", names: Mapping[str, str], language: str) -> Iterator[str]:
    from streamseg.language.segment_text import in_form

    texts = messages(language)["changes"]

    def count(number: int, form: str = ",") -> str:
        return in_form(f"{number:{form}}", language)

    step = f"{count(one.then)} -> {count(one.now)} ({count(one.now - one.then, '+,')})"
    if one.now == one.then:
        step = str(texts["as_before"]).format(count=count(one.now))
    yield from folded(f"  {names[one.id]}: {step}", indent="    ").split("\n")
    for word, way, moves in (("gained", "gained_from", one.gained), ("lost", "lost_to", one.lost)):
        if moves:
            parts = ", ".join(
                str(texts[way]).format(
                    count=count(moved), other=texts["nowhere"] if other is None else names.get(other, other)
                )
                for other, moved in moves.items()
            )
            said = str(texts[word]).format(count=count(sum(moves.values())), parts=parts)
            yield from folded(f"    {said}", indent="      ").split("\n")


def with_state(name: str, entry: Mapping[str, Any], language: str = DEFAULT) -> str:
    """Return the name of a segment, followed by what its catalogue entry says: retired, closing, in shadow."""
    texts = messages(language)["changes"]
    retired = entry.get("retired") is not None
    states = {"retired": retired, "closing": not retired and entry.get("closes"), "shadow": entry.get("shadow")}
    return " ".join([name, *(str(texts[state]) for state, so in states.items() if so)])


def _day(day: date, language: str) -> str:
    texts = messages(language)["date"]
    weekday, month = texts["weekdays"].split()[day.weekday()], texts["months"].split()[day.month - 1]
    return str(texts["form"]).format(weekday=weekday, day=day.day, month=month, year=day.year)
