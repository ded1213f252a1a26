"""The charts as Vega-Lite specs: each says what it shows, of when, and how many.

Colours are those of Okabe and Ito, told apart with every kind of colour blindness; lines also differ by their dashes
and end in their name. The page gives the colours of text and grid, so that light and dark are of one spec.
"""

from collections.abc import Mapping, Sequence
from json import dumps
from typing import Any, Final

SCHEMA: Final = "https://vega.github.io/schema/vega-lite/v6.json"
"""Names the version of the language; nobody loads it."""
PALETTE: Final = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b58900", "#56b4e9", "#7f6fc9", "#808080")
DASHES: Final = ([1, 0], [6, 3], [2, 2], [8, 3, 2, 3], [1, 3], [10, 4], [4, 1], [3, 5])
HALO: Final = {"stroke": "white", "strokeWidth": 4, "fill": "white"}
"""Around text on colours."""
NARROW: Final = "width < 480"
"""Whether a chart is on a phone, where names in it are cut: it has their numbers, and the legend names with numbers."""
Spec = dict[str, Any]


def spec_of(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], **rest: Any) -> Spec:
    """Return a spec with what all have; layers may bring values of their own."""
    return {
        "$schema": SCHEMA,
        "title": {"text": title, "subtitle": subtitle, "anchor": "start"},
        "description": f"{title}. {subtitle}",
        "width": "container",
        "data": {"values": list(values)},
        "config": {
            "view": {"stroke": None},
            "font": "sans-serif",
            "axis": {"labelLimit": 260},
            "style": {"halo": HALO},
        },
        **rest,
    }


def numbered(names: Sequence[str]) -> str:
    """Return the expression for the labels of a legend: in a narrow chart each with its number before."""
    return f"{NARROW} ? (indexof({dumps(list(names))}, datum.label) + 1) + '  ' + datum.label : datum.label"


def over_time(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], names: Sequence[str], axis: str) -> Spec:
    """Return lines of `size` over `day`, one for each `name`, the largest first."""
    shown = list(names)
    colour = {"domain": shown, "range": [PALETTE[place % len(PALETTE)] for place in range(len(shown))]}
    dash = {"domain": shown, "range": [DASHES[place % len(DASHES)] for place in range(len(shown))]}
    legend = {"orient": "bottom", "columns": 2, "title": None, "labelLimit": 340, "symbolStrokeWidth": 2.5}
    return spec_of(
        title,
        subtitle,
        values,
        height=260,
        mark={"type": "line", "strokeWidth": 2.5, "tooltip": True, "interpolate": "monotone"},
        encoding={
            "x": {
                "field": "day",
                "type": "temporal",
                "title": None,
                "axis": {"grid": False, "labelOverlap": True, "format": "%d %b"},
            },
            "y": {"field": "size", "type": "quantitative", "title": axis, "axis": {"tickCount": 5}},
            "color": {"field": "name", "type": "nominal", "scale": colour, "legend": legend},
            "strokeDash": {"field": "name", "type": "nominal", "scale": dash, "legend": legend},
        },
    )


def bars(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], axis: str, *, percent: bool = False) -> Spec:
    """Return one bar for each `name`, with its `text` at the end."""
    form = {"format": "%"} if percent else {}
    where = {"field": "name", "type": "nominal", "sort": None, "title": None, "axis": {"domain": False}}
    value = {"field": "value", "type": "quantitative", "title": axis, "axis": {"tickCount": 4, "domain": False} | form}
    return spec_of(
        title,
        subtitle,
        values,
        height={"step": 30},
        encoding={"y": where, "x": value},
        layer=[
            {"mark": {"type": "bar", "cornerRadiusEnd": 3, "color": PALETTE[0], "height": 18}},
            {"mark": {"type": "text", "align": "left", "dx": 5}, "encoding": {"text": {"field": "text"}}},
        ],
    )


def apart(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], axis: str) -> Spec:
    """Return how far a segment lies from the others in each feature: to the right more, to the left less."""
    return spec_of(
        title,
        subtitle,
        values,
        height={"step": 30},
        mark={"type": "bar", "height": 16, "cornerRadiusEnd": 3},
        encoding={
            "y": {"field": "name", "type": "nominal", "sort": None, "title": None},
            "x": {"field": "effect", "type": "quantitative", "title": axis, "axis": {"tickCount": 5}},
            "color": {"condition": {"test": "datum.effect > 0", "value": PALETTE[0]}, "value": PALETTE[1]},
        },
    )


def heat(title: str, subtitle: str, values: Sequence[Mapping[str, Any]], legend: str) -> Spec:
    """Return a field for each `audience` and `segment`, darker with its `lift`, with its `text` in it."""
    places = {
        "y": {"field": "segment", "type": "nominal", "sort": None, "title": None},
        "x": {
            "field": "audience",
            "type": "nominal",
            "sort": None,
            "title": None,
            "axis": {
                "orient": "bottom",
                "labelAngle": 0,
                "labelExpr": "split(datum.label, ' ')",  # a word a line: columns are narrow on a phone
                "labelLimit": 140,
                "domain": False,
                "ticks": False,
            },
        },
    }
    scale = {"scheme": "blues", "domainMin": 0}
    return spec_of(
        title,
        subtitle,
        values,
        height={"step": 44},
        encoding=places,
        layer=[
            {
                "mark": {"type": "rect", "tooltip": True, "cornerRadius": 4},
                "encoding": {
                    "color": {
                        "field": "lift",
                        "type": "quantitative",
                        "scale": scale,
                        "legend": {"title": legend, "orient": "bottom"},
                    }
                },
            },
            {
                "mark": {"type": "text", "fontSize": 13},
                "encoding": {
                    "text": {"field": "text"},
                    "color": {"condition": {"test": "datum.dark", "value": "#ffffff"}, "value": "#10202b"},
                },
            },
        ],
    )
