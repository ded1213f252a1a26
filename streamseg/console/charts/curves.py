"""How well a look-alike finds what it looks for, as lines over how many customers are taken."""

from collections.abc import Mapping, Sequence
from typing import Any

from streamseg.console.charts.specs import DASHES, PALETTE, Spec, spec_of


def recall_curve(
    title: str,
    subtitle: str,
    values: Sequence[Mapping[str, Any]],
    names: Sequence[str],
    *,
    axes: tuple[str, str],
    at: float,
) -> Spec:
    """Return lines of `recall` over `share`, one for each `name`, and where the audience stands."""
    count = len(names)
    legend = {"orient": "bottom", "columns": 1, "title": None, "labelLimit": 340, "symbolStrokeWidth": 2.5}
    share = {"field": "share", "type": "quantitative", "title": axes[0], "axis": {"format": "%", "tickCount": 5}}
    return spec_of(
        title,
        subtitle,
        values,
        height=260,
        layer=[
            {
                "mark": {"type": "line", "strokeWidth": 2.5, "tooltip": True},
                "encoding": {
                    "x": share,
                    "y": {
                        "field": "recall",
                        "type": "quantitative",
                        "title": axes[1],
                        "axis": {"format": "%", "tickCount": 5},
                    },
                    "color": {
                        "field": "name",
                        "type": "nominal",
                        "scale": {"domain": list(names), "range": list(PALETTE[:count])},
                        "legend": legend,
                    },
                    "strokeDash": {
                        "field": "name",
                        "type": "nominal",
                        "scale": {"domain": list(names), "range": list(DASHES[:count])},
                        "legend": legend,
                    },
                },
            },
            {
                "data": {"values": [{"share": at}]},
                "mark": {"type": "rule", "strokeDash": [3, 3], "color": PALETTE[7]},
                "encoding": {"x": share},
            },
        ],
    )
