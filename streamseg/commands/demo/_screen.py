"""Renders the demo's measures for the terminal: what matters most first, and no more than fits."""

import textwrap
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.text import Text

from streamseg.commands.demo._measures import Measures

LEAST_MOVES: Final = 4
"""Latest moves that come before the descriptions of the segments."""
LABEL: Final = 34
BAR: Final = 10
"""Columns of a segment's label and of the bar of its share."""


def render(measures: Measures, addresses: str, columns: int = 80, lines: int = 24) -> RenderableType:
    """The whole screen, at most `lines` lines of `columns`.

    Where not all fits, what comes first here is shown: the measures, a line for each segment, the latest moves, the
    descriptions of the segments, more moves, the addresses.
    """
    moves = _moves(measures)
    fixed = [*_head(measures), Text()]
    fixed += _declared(measures)
    left = max(lines - len(fixed), 0)
    segments = _segments(measures)[:left]
    left -= len(segments)
    described = [_description(one, columns) for one in measures.segments]
    many = min(len(moves), LEAST_MOVES + 1, max(left - 1, 0))
    shows_descriptions = 0 < sum(map(len, described)) <= left - many - 1
    if shows_descriptions:
        segments = [line for one, below in zip(segments, [[], *described], strict=False) for line in (one, *below)]
        left -= sum(map(len, described))
    many = min(len(moves), max(left - 1, 0))
    left -= many + 1
    tail = [Text(), *(Text(each, "dim") for each in textwrap.wrap(addresses, columns))]
    shown = [*fixed, *segments, Text(), *moves[:many], *(tail if len(tail) <= left else ())]
    for line in shown:
        line.truncate(columns, overflow="ellipsis")
    return Group(*shown[:lines])


def _head(measures: Measures) -> list[Text]:
    def milliseconds(seconds: float | None) -> str:
        return "-" if seconds is None else f"{1000 * seconds:,.0f} ms"

    day = datetime.fromtimestamp(measures.now, UTC).strftime("%a %d %b %Y") if measures.now else "warming up"
    counts = (
        (measures.events_per_second, "events/s"),
        (measures.events, "events"),
        (measures.customers, "customers"),
        (measures.moves, "moves"),
        (measures.rejected, "rejected"),
    )
    return [
        Text.assemble(("streamseg", "bold"), f" · FitGear, a simulated shop · {day}"),
        Text("   ").join(Text.assemble((f"{count:,.0f}", "bold green"), f" {name}") for count, name in counts),
        Text.assemble(
            *("event to Redis: ", (milliseconds(measures.p50), "bold"), " median, "),
            *((milliseconds(measures.p99), "bold"), " at the 99th percentile"),
        ),
    ]


def _declared(measures: Measures) -> list[Text]:
    """One line with the audiences and one for each declared segmentation, with their members, and an empty one."""
    groups = {
        name: {str(one["label"]): int(one["size"]) for one in segments} for name, segments in measures.declared.items()
    }
    told = {
        name: " · ".join(f"{label} {size:,}" for label, size in members.items())
        for name, members in ({"audiences": measures.audiences} | groups).items()
        if members
    }
    lines = [Text.assemble((f"{name} ", "dim"), text) for name, text in told.items()]
    return [*lines, Text()] if lines else []


def _segments(measures: Measures) -> list[Text]:
    """A heading and one line for each segment."""
    if not measures.segments:
        return [
            Text("No segments yet: the first model is learned once enough customers"),
            Text("were seen, in about half a minute. Until then all are unassigned."),
        ]
    heading = Text(f"{'segment':<{LABEL}} {'customers':>9}  share {'':<{BAR}} id", "dim")
    return [heading, *(_segment(one) for one in measures.segments)]


def _segment(one: Mapping[str, Any]) -> Text:
    label = Text(one["label"], "bold cyan")
    label.truncate(LABEL, overflow="ellipsis", pad=True)
    bar = ("█" * round(BAR * one["share"])).ljust(BAR)
    return Text.assemble(label, f" {one['size']:>9,}  {one['share']:>5.0%} ", (bar, "green"), f" {one['id']}")


def _description(one: Mapping[str, Any], columns: int) -> list[Text]:
    return [Text(f"  {line}") for line in textwrap.wrap(one["description"], columns - 2)]


def _moves(measures: Measures) -> Sequence[Text]:
    """A heading and one line for each of the latest moves, the latest first."""
    labels = {one["id"]: one["label"] for one in measures.segments}

    def label(segment: str | None) -> str:
        return labels.get(segment, segment) if segment else "unassigned"

    lines = [Text(f"{move.customer:<12} {label(move.exited)} → {label(move.entered)}") for move in measures.latest]
    return [Text("latest moves", "dim"), *lines] if lines else []
