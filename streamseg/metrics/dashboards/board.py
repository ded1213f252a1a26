"""A dashboard and its panels, as the JSON that Grafana provisions."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

COLUMNS: Final = 24
"""Width of Grafana's grid."""
DATASOURCE: Final = {"type": "prometheus", "uid": "streamseg-prometheus"}
"""As `deploy/grafana/provisioning/datasources` names it."""
Unit = Literal["short", "s", "bytes", "percentunit", "reqps", "ops", "dateTimeFromNow"]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: lines over time, or a single figure."""

    title: str
    meaning: str
    queries: Sequence[tuple[str, str]]
    """PromQL, and the legend with labels in double braces."""
    unit: Unit = "short"
    kind: Literal["timeseries", "stat"] = "timeseries"
    width: int = 8
    height: int = 7
    bad_from: float | None = None
    """From this value on it is shown in red."""
    bad_below: float | None = None
    """Below this value it is shown in red."""
    stacked: bool = False

    def to_grafana(self, number: int, x: int, y: int) -> dict[str, Any]:
        """Return the panel at a place of the grid."""
        return {
            "id": number,
            "type": self.kind,
            "title": self.title,
            "description": self.meaning,
            "datasource": DATASOURCE,
            "gridPos": {"x": x, "y": y, "w": self.width, "h": self.height},
            "targets": [
                {
                    "refId": chr(ord("A") + at),
                    "datasource": DATASOURCE,
                    "expr": expression,
                    "legendFormat": legend,
                    "instant": self.kind == "stat",
                    "range": self.kind != "stat",
                }
                for at, (expression, legend) in enumerate(self.queries)
            ],
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "min": 0,
                    "thresholds": {"mode": "absolute", "steps": self._thresholds()},
                    "color": {"mode": "thresholds" if self.kind == "stat" else "palette-classic"},
                    "custom": self._drawn() if self.kind == "timeseries" else {},
                },
                "overrides": [],
            },
            "options": self._options(),
        }

    def _drawn(self) -> dict[str, Any]:
        stacking = {"mode": "normal" if self.stacked else "none"}
        marked = self.bad_from is not None or self.bad_below is not None
        return {
            "fillOpacity": 30 if self.stacked else 5,
            "stacking": stacking,
            "showPoints": "never",
            "thresholdsStyle": {"mode": "line" if marked else "off"},
        }

    def _options(self) -> dict[str, Any]:
        if self.kind == "stat":
            return {"colorMode": "background", "reduceOptions": {"calcs": ["lastNotNull"]}, "textMode": "auto"}
        return {
            "legend": {"displayMode": "list", "placement": "bottom"},
            "tooltip": {"mode": "multi", "sort": "desc"},
        }

    def _thresholds(self) -> list[dict[str, Any]]:
        if self.bad_below is not None:
            return [{"color": "red", "value": None}, {"color": "green", "value": self.bad_below}]
        bad = [] if self.bad_from is None else [{"color": "red", "value": self.bad_from}]
        return [{"color": "green", "value": None}, *bad]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment that is drawn across all panels, where the query has a value."""

    title: str
    query: str
    text: str
    colour: str = "blue"

    def to_grafana(self) -> dict[str, Any]:
        """Return it as an annotation."""
        return {
            "name": self.title,
            "datasource": DATASOURCE,
            "enable": True,
            "expr": self.query,
            "iconColor": self.colour,
            "step": "60s",
            "titleFormat": self.title,
            "textFormat": self.text,
        }


FIRING: Final = Mark("Alerts", 'ALERTS{alertstate="firing"}', "{{alertname}}", "red")


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A page of panels, which fill the grid from left to right."""

    name: str
    title: str
    panels: Sequence[Panel]
    marks: Sequence[Mark] = (FIRING,)
    choices: Sequence[tuple[str, str]] = field(default_factory=tuple)
    """Labels that people choose a value of, each with the metric that has them all."""

    def to_json(self) -> str:
        """Return the dashboard for Grafana's provisioning."""
        page = {
            "uid": f"streamseg-{self.name}",
            "title": f"streamseg: {self.title}",
            "tags": ["streamseg"],
            "schemaVersion": 39,
            "editable": False,
            "refresh": "10s",
            "time": {"from": "now-1h", "to": "now"},
            "annotations": {"list": [mark.to_grafana() for mark in self.marks]},
            "templating": {"list": [_choice(*choice) for choice in self.choices]},
            "links": [{"type": "dashboards", "tags": ["streamseg"], "title": "streamseg", "keepTime": True}],
            "panels": list(self._placed()),
        }
        return json.dumps(page, indent=1, ensure_ascii=False) + "\n"

    def _placed(self) -> Iterator[dict[str, Any]]:
        x = y = highest = 0
        for number, panel in enumerate(self.panels, 1):
            if x + panel.width > COLUMNS:
                x, y, highest = 0, y + highest, 0
            yield panel.to_grafana(number, x, y)
            x, highest = x + panel.width, max(highest, panel.height)


def _choice(label: str, metric: str) -> dict[str, Any]:
    query = f"label_values({metric}, {label})"
    return {
        "name": label,
        "type": "query",
        "datasource": DATASOURCE,
        "definition": query,
        "query": {"query": query, "refId": "Choice"},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }
