"""The map of the customers: a mark for each, whose shape and colour are its segment, and the names at the centres."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from streamseg.console.charts.specs import NARROW, PALETTE, Spec, numbered, spec_of

SHAPES: Final = (
    "circle",
    "square",
    "triangle-up",
    "diamond",
    "cross",
    "triangle-down",
    "triangle-right",
    "triangle-left",
)
PIXELS: Final = 520
LINE: Final = 20
"""Pixels from one name to the next."""
NAME: Final = 0.35
"""Width of a name as a share of the chart's."""


def customer_map(
    title: str,
    subtitle: str,
    points: Sequence[Mapping[str, Any]],
    centres: Sequence[Mapping[str, Any]],
    axes: tuple[str, str],
) -> Spec:
    """Return points at `x` and `y` with their `segment`, which is told as `text`; centres with their `segment`."""
    names = [one["segment"] for one in centres]
    colours = [PALETTE[place % len(PALETTE)] for place in range(len(names))]
    shapes = [SHAPES[place % len(SHAPES)] for place in range(len(names))]
    legend: dict[str, Any] = {
        "orient": "bottom",
        "columns": {"expr": f"{NARROW} ? 1 : 2"},
        "title": None,
        "labelLimit": 340,
    }
    legend |= {"symbolSize": 90, "labelExpr": numbered(names)}
    quiet = {"grid": False, "ticks": False, "labels": False, "titleLimit": 460}
    x, y = (
        {"field": name, "type": "quantitative", "title": said, "axis": quiet, "scale": {"zero": False}}
        for name, said in zip(("x", "y"), axes, strict=True)
    )
    segment = {"field": "segment", "type": "nominal", "legend": legend}
    labels = [one | {"number": names.index(one["segment"]) + 1} for one in _apart(centres, points)]
    name: Spec = {"condition": {"test": NARROW, "field": "number"}, "field": "segment"}
    layers: list[dict[str, Any]] = [
        {
            "data": {"values": list(points)},
            "mark": {"type": "point", "filled": True, "opacity": 0.75, "size": 34},
            "encoding": {
                "x": x,
                "y": y,
                "color": segment | {"scale": {"domain": names, "range": colours}},
                "shape": segment | {"scale": {"domain": names, "range": shapes}},
                "tooltip": [{"field": "text", "type": "nominal", "title": None}],
            },
        },
        *(
            {
                "data": {"values": labels},
                "mark": {"type": "text", "style": style, "fontWeight": 700, "limit": {"expr": "width * 0.45"}},
                "encoding": {
                    "x": x,
                    "y": y | {"field": "label_y"},
                    "text": name,
                    "tooltip": [{"field": "text", "type": "nominal", "title": None}],
                },
            }
            for style in ("halo", "text")
        ),
    ]
    return spec_of(title, subtitle, [], height=PIXELS, layer=layers)


def _apart(centres: Sequence[Mapping[str, Any]], points: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the centres with the height of their names, which are moved down where they would lie on each other."""
    everything = [*centres, *points]
    wide, high = (max(one[way] for one in everything) - min(one[way] for one in everything) for way in ("x", "y"))
    line, placed = LINE * high / PIXELS, list[dict[str, Any]]()
    for one in sorted(centres, key=lambda one: -float(one["y"])):
        height = float(one["y"])
        for other in placed:  # the highest first, so that a name that moves down meets the next one
            if abs(one["x"] - other["x"]) < NAME * wide and other["label_y"] - height < line:
                height = min(height, other["label_y"] - line)
        placed.append({**one, "label_y": round(height, 3)})
        placed.sort(key=lambda each: -each["label_y"])
    return [next(each for each in placed if each["segment"] == one["segment"]) for one in centres]
