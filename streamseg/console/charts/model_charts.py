"""Charts of the model: centres, drift, challenges, the choice of k, and the lineage of segments as a tree."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from streamseg.console.charts.specs import PALETTE, Spec, spec_of

DARK_FROM: Final = 1.3
"""Deviations from which a field is so dark that its text is white."""
NARROW: Final = 58
"""Pixels of a field below which its text does not fit: then only its colour, and the table, tell the value."""
ROW: Final = 38
"""Pixels between two lines of the tree."""


def centres(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], legend: str) -> Spec:
    """Return a field for each `feature` and `segment`: its `text`, coloured by `deviations` from the mean."""
    column = f"(width / {max(len({one['segment'] for one in values}), 1)})"
    narrow = f"{column} < {NARROW}"
    places = {
        "y": {"field": "feature", "type": "nominal", "sort": None, "title": None},
        "x": {
            "field": "segment",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {
                "domain": False,
                "ticks": False,
                "labelAngle": {"expr": f"{narrow} ? -90 : 0"},
                "labelAlign": {"expr": f"{narrow} ? 'right' : 'center'"},
                "labelBaseline": {"expr": f"{narrow} ? 'middle' : 'top'"},
                "labelExpr": f"{narrow} ? datum.label : split(datum.label, ' ')",
                "labelLimit": {"expr": f"{narrow} ? 130 : {column} - 4"},
            },
        },
    }
    scale = {"scheme": "blueorange", "domain": [2, -2], "clamp": True}
    dark = f"abs(datum.deviations) > {DARK_FROM}"
    return spec_of(
        title,
        subtitle,
        values,
        height={"step": 30},
        encoding=places,
        layer=[
            {
                "mark": {"type": "rect", "tooltip": True, "cornerRadius": 4},
                "encoding": {
                    "color": {"field": "deviations", "type": "quantitative", "scale": scale}
                    | {"legend": {"title": legend, "orient": "bottom", "titleLimit": 400}}
                },
            },
            {
                "mark": {"type": "text", "fontSize": 12, "opacity": {"expr": f"{narrow} ? 0 : 1"}},
                "encoding": {
                    "text": {"field": "text"},
                    "color": {"condition": {"test": dark, "value": "#ffffff"}, "value": "#10202b"},
                },
            },
        ],
    )


def over_rounds(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], axes: tuple[str, str]) -> Spec:
    """Return a line of `value` over `round`."""
    return spec_of(
        title,
        subtitle,
        values,
        height=180,
        mark={"type": "line", "color": PALETTE[0], "strokeWidth": 2, "tooltip": True},
        encoding={
            "x": {
                "field": "round",
                "type": "quantitative",
                "title": axes[0],
                "axis": {"grid": False, "tickMinStep": 1},
            },
            "y": {"field": "value", "type": "quantitative", "title": axes[1], "scale": {"zero": False}}
            | {"axis": {"tickCount": 4}},
        },
    )


def challenges(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], axis: str) -> Spec:
    """Return a point for each challenge at `at` (milliseconds): its `gain`, by shape and colour its `outcome`."""
    outcomes = list(dict.fromkeys(one["outcome"] for one in values))
    shapes = ("circle", "triangle-up", "diamond")
    legend = {"orient": "bottom", "title": None}
    return spec_of(
        title,
        subtitle,
        values,
        height=180,
        mark={"type": "point", "filled": True, "size": 90, "tooltip": True},
        encoding={
            "x": {"field": "at", "type": "temporal", "title": None, "axis": {"grid": False, "format": "%d %b"}},
            "y": {"field": "gain", "type": "quantitative", "title": axis, "axis": {"format": ".1%", "tickCount": 4}},
            "color": {"field": "outcome", "type": "nominal", "legend": legend}
            | {"scale": {"domain": outcomes, "range": PALETTE[: len(outcomes)]}},
            "shape": {"field": "outcome", "type": "nominal", "legend": legend}
            | {"scale": {"domain": outcomes, "range": shapes[: len(outcomes)]}},
        },
    )


def choice_of_k(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], axes: tuple[str, str]) -> Spec:
    """Return the Davies-Bouldin `index` over `k`; a point with a `text` is one that a rule or the settings name."""
    x = {"field": "k", "type": "quantitative", "title": axes[0], "axis": {"grid": False, "tickMinStep": 1}}
    y = {"field": "index", "type": "quantitative", "title": axes[1], "scale": {"zero": False}, "axis": {"tickCount": 4}}
    named = {"filter": "datum.text != ''"}
    return spec_of(
        title,
        subtitle,
        values,
        height=220,
        encoding={"x": x, "y": y},
        layer=[
            {"mark": {"type": "line", "color": PALETTE[0], "strokeWidth": 2, "point": True, "tooltip": True}},
            {"transform": [named], "mark": {"type": "point", "size": 220, "color": PALETTE[1], "strokeWidth": 3}},
            {
                "transform": [named],
                "mark": {"type": "text", "dy": -18, "align": "center"},
                "encoding": {"text": {"field": "text"}},
            },
        ],
    )


@dataclass(frozen=True, slots=True)
class Life:
    """A segment in the tree: from when to when (milliseconds), and out of which other it came or into which it went."""

    name: str
    begins: float
    ends: float
    lives: bool
    parents: tuple[str, ...] = ()
    into: str | None = None


def tree(title: str, subtitle: str, lives: Sequence[Life], words: Mapping[str, str]) -> Spec:
    """Return a line for each segment, with curves from those that it came from and to the one that took it over.

    `words` names the marks: born, ended, absorbed.
    """
    row = {one.name: place * ROW for place, one in enumerate(lives)}
    height = ROW * len(lives) + 10
    axis = {"grid": False, "format": "%d %b", "tickCount": 5}
    x: dict[str, Any] = {"field": "x", "type": "temporal", "title": None, "axis": axis}
    y: dict[str, Any] = {"field": "y", "type": "quantitative", "axis": None}
    y |= {"scale": {"domain": [height - ROW / 2, -ROW * 0.7], "nice": False}}
    spans = [{"x": one.begins, "x2": one.ends, "y": row[one.name], "text": one.name} for one in lives]
    links = [
        {"x": at, "y": row[source], "y2": row[target]}
        for one in lives
        for at, source, target in (
            *((one.begins, parent, one.name) for parent in one.parents if parent in row),
            *(((one.ends, one.name, one.into),) if one.into in row else ()),
        )
    ]
    marks = [
        {"x": at, "y": row[one.name], "mark": words[mark], "segment": one.name}
        for one in lives
        for at, mark in (
            (one.begins, "born"),
            *(() if one.lives else ((one.ends, "absorbed" if one.into else "ended"),)),
        )
    ]
    shown = [words[one] for one in ("born", "absorbed", "ended")]
    legend = {"orient": "bottom", "title": None}
    names: list[dict[str, Any]] = [
        {
            "data": {"values": spans},
            "mark": {"type": "text", "align": "left", "dy": -11, "dx": 2, "style": style}
            | {"limit": {"expr": "width * 0.95"}},
            "encoding": {"x": {"value": 0}, "y": y, "text": {"field": "text"}},
        }
        for style in ("halo", "text")
    ]
    return spec_of(
        title,
        subtitle,
        [],
        height=height,
        layer=[
            {
                "data": {"values": links},
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": "#808080", "strokeWidth": 1.5},
                "encoding": {"x": x, "y": y, "y2": {"field": "y2"}},
            },
            {
                "data": {"values": spans},
                "mark": {"type": "rule", "strokeWidth": 5, "color": PALETTE[0], "strokeCap": "round"},
                "encoding": {"x": x, "x2": {"field": "x2"}, "y": y},
            },
            {
                "data": {"values": marks},
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1, "tooltip": True},
                "encoding": {
                    "x": x,
                    "y": y,
                    "shape": {"field": "mark", "type": "nominal", "legend": legend}
                    | {"scale": {"domain": shown, "range": ["circle", "triangle-down", "square"]}},
                    "color": {"field": "mark", "type": "nominal", "legend": legend}
                    | {"scale": {"domain": shown, "range": [PALETTE[2], PALETTE[1], PALETTE[7]]}},
                },
            },
            *names,
        ],
    )
