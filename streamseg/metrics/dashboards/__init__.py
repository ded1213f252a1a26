"""Grafana's dashboards, made of the table of metrics: no panel can name a metric or a label that does not exist.

`python -m streamseg.metrics.dashboards` writes them to `deploy/grafana/dashboards`.
"""

from pathlib import Path
from typing import Final

from streamseg.metrics.dashboards.board import Dashboard
from streamseg.metrics.dashboards.overview import OVERVIEW
from streamseg.metrics.dashboards.pipeline import PIPELINE
from streamseg.metrics.dashboards.segments import SEGMENTS
from streamseg.metrics.dashboards.serving import SERVING
from streamseg.metrics.dashboards.stores import STORES

DASHBOARDS: Final[tuple[Dashboard, ...]] = (OVERVIEW, SEGMENTS, SERVING, PIPELINE, STORES)


def dashboard_files(folder: Path) -> dict[Path, str]:
    """Return the content of each dashboard file, by path."""
    return {folder / f"{each.name}.json": each.to_json() for each in DASHBOARDS}
