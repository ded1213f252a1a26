"""Grafana's dashboards: made of the table of metrics, current in the repository, and provisioned."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamseg.metrics import METRICS
from streamseg.metrics.dashboards import DASHBOARDS, dashboard_files
from streamseg.metrics.dashboards.board import COLUMNS, DATASOURCE
from streamseg.metrics.dashboards.query import age, gauge, quantile, rate

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "deploy/grafana"
PAGES: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text()) for path in FOLDER.glob("dashboards/*.json")
}
RECORDED = set(re.findall(r"- record: (\S+)", (ROOT / "deploy/prometheus/recording.yml").read_text()))


def expressions(page: dict[str, Any]) -> list[str]:
    """Every query of a page: of panels, of annotations and of choices."""
    return [
        *(target["expr"] for panel in page["panels"] for target in panel["targets"]),
        *(mark["expr"] for mark in page["annotations"]["list"]),
        *(choice["definition"] for choice in page["templating"]["list"]),
    ]


def test_the_committed_files_are_current() -> None:
    written = dashboard_files(FOLDER / "dashboards")
    assert {path: path.read_text() for path in FOLDER.glob("dashboards/*")} == written, "run `make dashboards`"


def test_the_command_writes_them(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "streamseg.metrics.dashboards", tmp_path], check=True, cwd=ROOT)
    assert {path.stem for path in tmp_path.iterdir()} == {each.name for each in DASHBOARDS} == PAGES.keys()


def test_a_panel_cannot_name_what_does_not_exist() -> None:
    with pytest.raises(KeyError):
        gauge("no_such_metric")
    with pytest.raises(ValueError, match="streamseg_intake_lag_records has no label customer"):
        gauge("lag", "customer")
    with pytest.raises(ValueError, match="no label colour"):
        rate("moves", where={"colour": "red"})
    with pytest.raises(ValueError, match="is a gauge, not a counter"):
        rate("lag")


def test_queries_are_as_they_are_meant() -> None:
    assert gauge("lag", "topic", fold="sum") == "sum by (topic) (streamseg_intake_lag_records)"
    assert age("oldest_membership", oldest=True) == "time() - min(streamseg_membership_oldest_timestamp_seconds)"
    assert rate("lookups", "result", where={"result": "hit|miss"}) == (
        'sum by (result) (rate(streamseg_api_lookups_total{result=~"hit|miss"}[$__rate_interval]))'
    )
    assert quantile(0.99, "flush_duration") == (
        "histogram_quantile(0.99, sum by (le) (rate(streamseg_flow_flush_seconds_bucket[$__rate_interval])))"
    )


@pytest.mark.parametrize("name", PAGES)
def test_recorded_series_exist(name: str) -> None:
    used = set(re.findall(r"\b\w*:\w+:\w+", " ".join(expressions(PAGES[name]))))
    assert used <= RECORDED


def test_every_metric_is_on_a_dashboard() -> None:
    rules = yaml.safe_load((ROOT / "deploy/prometheus/recording.yml").read_text())["groups"]
    recorded = {rule["record"]: rule["expr"] for group in rules for rule in group["rules"]}
    shown = " ".join(expression for page in PAGES.values() for expression in expressions(page))
    shown += " ".join(text for name, text in recorded.items() if name in shown)
    assert [spec.name for spec in METRICS if not re.search(rf"\b{spec.name}(_bucket|_count|_sum)?\b", shown)] == []


@pytest.mark.parametrize("name", PAGES)
def test_panels_fill_the_grid_without_overlap_and_say_what_they_show(name: str) -> None:
    taken: set[tuple[int, int]] = set()
    for panel in PAGES[name]["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= COLUMNS
        assert panel["description"].endswith(".")
        taken |= cells
    titles = [panel["title"] for panel in PAGES[name]["panels"]]
    assert len(titles) == len(set(titles))


def test_runbooks_name_panels_that_exist() -> None:
    text = re.sub(r"\s+", " ", (ROOT / "deploy/runbooks.md").read_text())
    named = re.findall(r'the panel "([^"]+)" of the dashboard (\w+)', text)
    titles = {each.title: {panel.title for panel in each.panels} for each in DASHBOARDS}
    assert len(named) > 5
    assert [(panel, page) for panel, page in named if panel not in titles[page]] == []


def test_grafana_is_told_where_prometheus_and_the_dashboards_are() -> None:
    services = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    (source,) = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert {"type": source["type"], "uid": source["uid"]} == DATASOURCE
    assert source["url"] == "http://prometheus:9090"
    assert "prometheus" in services
    mounts = dict(volume.split(":")[:2][::-1] for volume in services["grafana"]["volumes"])
    assert mounts["/etc/grafana/provisioning"] == "./deploy/grafana/provisioning"
    (provider,) = yaml.safe_load((FOLDER / "provisioning/dashboards/streamseg.yml").read_text())["providers"]
    assert mounts[provider["options"]["path"]] == "./deploy/grafana/dashboards"
    home = Path(services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert str(home.parent) == provider["options"]["path"]
    assert home.stem in PAGES
