"""The table of metrics equals the registry, names are well formed, and no unbounded value can become a label."""

import re
import urllib.error
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import get_type_hints

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.parser import text_string_to_metric_families

import streamseg
from streamseg.errors import SettingsError
from streamseg.metrics import LATENCY_BUCKETS_SECONDS, METRICS, Metrics, MetricSpec

BOUNDED_LABELS = {
    "topic", "partition", "reason", "operation", "segmentation", "segment", "change", "outcome",
    "route", "method", "code", "result", "version", "subscriber", "state", "field",
    "stage", "node", "transition", "name",
}  # fmt: skip
TYPES = {"counter": Counter, "gauge": Gauge, "histogram": Histogram}
SOURCES = {path: path.read_text() for path in Path(streamseg.__file__).parent.rglob("*.py")}


def test_the_registry_holds_exactly_the_table() -> None:
    registry = CollectorRegistry()
    Metrics(registry)
    found = {
        (family.name, family.type, family.documentation)
        for family in registry.collect()
        if family.name.startswith("streamseg_")
    }
    assert found == {(spec.name.removesuffix("_total"), spec.type, spec.meaning) for spec in METRICS}
    assert len({spec.attribute for spec in METRICS}) == len(METRICS)


def test_every_attribute_is_declared_with_its_type() -> None:
    declared = {name: kind for name, kind in get_type_hints(Metrics).items() if kind in TYPES.values()}
    assert declared == {spec.attribute: TYPES[spec.type] for spec in METRICS}


@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.attribute)
def test_names_follow_prometheus(spec: MetricSpec) -> None:
    assert re.fullmatch(r"streamseg_[a-z][a-z_]+[a-z]", spec.name)
    assert spec.name.endswith("_total") == (spec.type == "counter")
    assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", spec.name)
    assert spec.type != "histogram" or spec.unit == "seconds"
    assert not set(spec.labels) & set(spec.name.split("_")), "the metric's name repeats a label's name"
    assert spec.meaning
    assert not spec.meaning.endswith(".")


@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.attribute)
def test_no_label_can_name_a_customer(spec: MetricSpec) -> None:
    assert set(spec.labels) <= BOUNDED_LABELS


@pytest.mark.parametrize("spec", METRICS, ids=lambda spec: spec.attribute)
def test_every_metric_is_set_somewhere(spec: MetricSpec) -> None:
    used = re.compile(rf"metrics\.{spec.attribute}\b|self\.{spec.attribute}\.labels")
    assert any(used.search(text) for text in SOURCES.values())


def test_buckets_include_the_limits_of_the_objectives() -> None:
    assert list(LATENCY_BUCKETS_SECONDS) == sorted(LATENCY_BUCKETS_SECONDS)
    assert {0.002, 0.01, 0.02, 5.0} <= set(LATENCY_BUCKETS_SECONDS)


def test_replacing_a_gauge_removes_label_sets_not_given() -> None:
    metrics = Metrics()
    metrics.replace(metrics.lag, {("t", "0"): 5, ("t", "1"): 7})
    metrics.replace(metrics.lag, {("t", "1"): 8})
    read = metrics.registry.get_sample_value
    assert read("streamseg_intake_lag_records", {"topic": "t", "partition": "1"}) == 8
    assert read("streamseg_intake_lag_records", {"topic": "t", "partition": "0"}) is None


def test_metrics_are_served_over_http() -> None:
    metrics = Metrics()
    metrics.records.labels(topic="streamseg.clicks").inc(3)
    port = metrics.serve("127.0.0.1", 0)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        families = {family.name: family for family in text_string_to_metric_families(answer.read().decode())}
    with pytest.raises(SettingsError, match=f"127.0.0.1:{port}"):
        Metrics().serve("127.0.0.1", port)
    metrics.close()
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics")

    assert families["streamseg_intake_records"].samples[0].value == 3
    assert families["streamseg_build_info"].samples[0].labels["version"] == version("streamseg")
    assert "process_resident_memory_bytes" in families
