"""A chart of moves: bands from the segments that were left to those that were entered, as wide as they are many.

Vega-Lite has no mark for it, so the shapes are computed here: bands are areas between two curves, and each place on
the left and right is a bar with its name beside it. A band has the colour of the segment that was left.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamseg.console.charts.specs import NARROW, PALETTE, Spec, numbered, spec_of

BODY: Final = 330.0
"""Pixels of all bands together."""
GAP: Final = 10.0
LEAST_SLOT: Final = 26.0
"""Pixels from one name to the next, so that they never lie on each other."""
BAR: Final = 0.012
"""Width of a bar as a share of the chart's."""
STEPS: Final = 16
"""Straight pieces of a curve."""


@dataclass(frozen=True, slots=True)
class Band:
    """Moves of one way, with the names of both ends. `text` tells them."""

    source: str
    target: str
    moves: int
    text: str


def alluvial(title: str, subtitle: str, bands: Sequence[Band], headings: tuple[str, str]) -> Spec:
    """Return the bands between two columns, whose headings are given; the greatest segment is at the top."""
    total = sum(one.moves for one in bands) or 1
    sides = [_places(bands, side, BODY / total) for side in ("source", "target")]
    height = max(place.bottom for side in sides for place in side.values()) + GAP
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    colours = {"domain": names, "range": [PALETTE[place % len(PALETTE)] for place in range(len(names))]}
    legend: dict[str, Any] = {
        "orient": "bottom",
        "columns": {"expr": f"{NARROW} ? 1 : 2"},
        "title": None,
        "labelLimit": 340,
    }
    legend |= {"symbolOpacity": 1, "labelExpr": numbered(names)}
    fill = {"field": "source", "type": "nominal", "scale": colours, "legend": legend}
    x = {"field": "x", "type": "quantitative", "scale": {"domain": [0, 1], "nice": False}, "axis": None}
    y = {"field": "y", "type": "quantitative", "scale": {"domain": [height, -LEAST_SLOT], "nice": False}, "axis": None}
    tell = [{"field": "text", "type": "nominal", "title": None}]
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": _curves(bands, sides, BODY / total)},
            "mark": {"type": "area", "opacity": 0.5},
            "encoding": {"x": x, "y": y, "y2": {"field": "y2"}, "color": fill, "detail": {"field": "way"}}
            | {"tooltip": tell},
        }
    ]
    for number, (side, align) in enumerate(zip(sides, ("left", "right"), strict=True)):
        ends = [one | {"short": str(names.index(one["text"]) + 1)} for one in _bars(side, number)]
        layers.append(
            {
                "data": {"values": ends},
                "mark": {"type": "rect"},
                "encoding": {"x": x, "x2": {"field": "x2"}, "y": y, "y2": {"field": "y2"}}
                | {"color": fill, "tooltip": tell},
            }
        )
        inward = 8 if align == "left" else -8
        layers += [
            {
                "data": {"values": [*ends, _heading(headings[number], number)]},
                "mark": {"type": "text", "align": align, "dx": inward, "style": style}
                | {"limit": {"expr": "width * 0.45"}},
                "encoding": {"x": {**x, "field": "at"}, "y": {**y, "field": "middle"}}
                | {"text": {"condition": {"test": NARROW, "field": "short"}, "field": "text"}},
            }
            for style in ("halo", "text")
        ]
    return spec_of(title, subtitle, [], height=round(height + LEAST_SLOT), layer=layers)


@dataclass(slots=True)
class _Place:
    top: float
    bottom: float
    moves: int
    taken: float = 0.0
    """Pixels of its bar that bands have taken."""


def _places(bands: Sequence[Band], side: str, scale: float) -> dict[str, _Place]:
    """Return where each name of a side is, the most moves at the top."""
    sums: dict[str, int] = {}
    for one in bands:
        sums[getattr(one, side)] = sums.get(getattr(one, side), 0) + one.moves
    found, top = dict[str, _Place](), 0.0
    for name, moves in sorted(sums.items(), key=lambda item: (-item[1], item[0])):
        found[name] = _Place(top, top + moves * scale, moves)
        top += max(moves * scale + GAP, LEAST_SLOT)
    return found


def _curves(bands: Sequence[Band], sides: Sequence[Mapping[str, _Place]], scale: float) -> list[dict[str, Any]]:
    """Return the points of all bands. Those of one bar lie in the order of their other ends, so that fewer cross."""
    order = [{name: at for at, name in enumerate(side)} for side in sides]
    starts, ends = dict[Band, float](), dict[Band, float]()
    for one in sorted(bands, key=lambda band: order[1][band.target]):
        starts[one] = _take(sides[0][one.source], one.moves * scale)
    for one in sorted(bands, key=lambda band: order[0][band.source]):
        ends[one] = _take(sides[1][one.target], one.moves * scale)
    points = []
    for number, one in enumerate(bands):
        for step in range(STEPS + 1):
            t = step / STEPS
            y = starts[one] + (ends[one] - starts[one]) * t * t * (3 - 2 * t)
            x = BAR + (1 - 2 * BAR) * t
            points.append(
                {"x": round(x, 4), "y": round(y, 1), "y2": round(y + one.moves * scale, 1), "way": number}
                | {"source": one.source, "text": one.text}
            )
    return points


def _take(place: _Place, width: float) -> float:
    at = place.top + place.taken
    place.taken += width
    return at


def _bars(side: Mapping[str, _Place], number: int) -> list[dict[str, Any]]:
    left = 0.0 if number == 0 else 1 - BAR
    return [
        {"x": left, "x2": left + BAR, "y": round(one.top, 1), "y2": round(max(one.bottom, one.top + 1), 1)}
        | {"middle": round((one.top + one.bottom) / 2, 1), "at": left + BAR * (number == 0)}
        | {"source": name, "text": name}
        for name, one in side.items()
    ]


def _heading(text: str, number: int) -> dict[str, Any]:
    return {"at": float(number), "middle": -LEAST_SLOT / 2, "text": text, "short": text}
