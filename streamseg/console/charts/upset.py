"""An UpSet picture: how many customers are in exactly which sets, as bars above a matrix of dots.

Vega-Lite has no mark for it, and views that are put together do not take the width of the page: so one view in which
each thing has its place. Who is in a set is told by a large dot and a line, not by colour alone. After Lex, Gehlenborg,
Strobelt, Vuillemot, Pfister: UpSet, 2014.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamseg.console.charts.specs import PALETTE, Spec, spec_of

BODY: Final = 180.0
"""Pixels of the highest bar."""
ROW: Final = 28.0
"""Pixels of a set in the matrix."""
HEAD: Final = 22.0
"""Pixels above the highest bar, for its number."""
NAMES: Final = 0.55
"""Width for the names of the sets, in widths of all bars."""


@dataclass(frozen=True, slots=True)
class Together:
    """So many customers are in these sets, given by their places, and in no other. `text` is the number for people."""

    sets: tuple[int, ...]
    customers: int
    text: str


def upset(title: str, subtitle: str, names: Sequence[str], found: Sequence[Together]) -> Spec:
    """Return the picture of the combinations, in their order. `names` are those of the sets, from top to bottom."""
    count, most = len(found), max((one.customers for one in found), default=1)
    height = HEAD + BODY + ROW * (len(names) + 0.5)
    x = {
        "field": "x",
        "type": "quantitative",
        "scale": {"domain": [-NAMES * count, count], "nice": False},
        "axis": None,
    }
    y = {"field": "y", "type": "quantitative", "scale": {"domain": [height, 0], "nice": False}, "axis": None}
    bars = [_bar(place, one, most) for place, one in enumerate(found)]
    cells = [
        {"x": place + 0.5, "y": _middle(row), "text": f"{names[row]}: {one.text}", "in": row in one.sets}
        for place, one in enumerate(found)
        for row in range(len(names))
    ]
    lines = [
        {"x": place + 0.5, "y": _middle(min(one.sets)), "y2": _middle(max(one.sets))}
        for place, one in enumerate(found)
        if len(one.sets) > 1
    ]
    labels = [{"x": 0.2, "y": _middle(row), "text": name} for row, name in enumerate(names)]
    tell = [{"field": "text", "type": "nominal", "title": None}]
    blue = {"value": PALETTE[0]}
    layers: list[dict[str, Any]] = [
        _layer(bars, {"type": "rect"}, {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}, "color": blue}),
        _layer(
            bars,
            {"type": "text", "baseline": "bottom", "dy": -3, "style": "text"},
            {"x": {**x, "field": "middle"}, "y": y, "text": {"field": "number"}},
        ),
        _layer(
            [one for one in cells if not one["in"]],
            {"type": "point", "filled": True, "size": 30, "opacity": 0.45, "color": PALETTE[7]},
            {"x": x, "y": y},
        ),
        _layer(lines, {"type": "rule", "strokeWidth": 3}, {"x": x, "y": y, "y2": {"field": "y2"}, "color": blue}),
        _layer(
            [one for one in cells if one["in"]],
            {"type": "point", "filled": True, "size": 150, "opacity": 1},
            {"x": x, "y": y, "color": blue, "tooltip": tell},
        ),
        _layer(
            labels,
            {"type": "text", "align": "right", "dx": -4, "style": "text", "limit": {"expr": "width * 0.34"}},
            {"x": x, "y": y, "text": {"field": "text"}},
        ),
    ]
    return spec_of(title, subtitle, [], height=round(height), layer=layers)


def _layer(values: Sequence[Mapping[str, Any]], mark: dict[str, Any], encoding: dict[str, Any]) -> dict[str, Any]:
    return {"data": {"values": list(values)}, "mark": mark, "encoding": encoding}


def _bar(place: int, one: Together, most: int) -> dict[str, Any]:
    top = HEAD + BODY * (1 - one.customers / most)
    return {"x": place + 0.2, "x2": place + 0.8, "middle": place + 0.5, "y": top, "y2": HEAD + BODY, "number": one.text}


def _middle(row: int) -> float:
    return HEAD + BODY + ROW * (row + 0.75)
