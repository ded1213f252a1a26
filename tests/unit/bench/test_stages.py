"""Percentiles of the stages of a cycle, from two readings of a worker's metrics."""

import pytest
from prometheus_client import CollectorRegistry, Histogram, generate_latest

from tests.bench.latency.stages import STEPS, between, counts


def test_stages_are_those_between_two_readings_within_a_bucket() -> None:
    registry = CollectorRegistry()
    steps = Histogram(STEPS, "of a stage", ("stage",), registry=registry, buckets=(0.001, 0.01, 0.1))
    steps.labels(stage="take").observe(0.05)
    steps.labels(stage="flush").observe(0.05)
    before = counts(generate_latest(registry).decode())
    for seconds in [0.005] * 98 + [0.05, 7.0]:
        steps.labels(stage="take").observe(seconds)
    steps.labels(stage="fetch").observe(0.0001)
    found = between(before, counts(generate_latest(registry).decode()))
    assert list(found) == ["fetch", "take"], "no flush took place"
    assert found["take"]["p50_seconds"] == pytest.approx(0.001 + 0.009 * 50 / 98, abs=1e-6)
    assert found["take"]["p99_seconds"] == 0.1
    assert found["take"]["count"] == 100


def test_times_above_all_limits_are_told_as_the_greatest() -> None:
    assert between({}, {"take": {0.1: 0, float("inf"): 4}})["take"]["p50_seconds"] == 0.1
