"""Every benchmark completes at a tiny size and prints one JSON document. Such sizes give no meaningful results."""

import json
from typing import Any

import pytest
from click.testing import CliRunner

from streamseg.commands.bench import command
from streamseg.settings import KafkaSettings

pytestmark = pytest.mark.integration


def bench(*arguments: str) -> dict[str, Any]:
    done = CliRunner().invoke(command, [*arguments, "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    answer: dict[str, Any] = json.loads(done.stdout)
    assert answer["machine"]["cores"] >= 1
    assert {"kafka", "redis-server", "streamseg"} <= answer["versions"].keys()
    return answer


def test_bench_without_a_name_lists_the_benchmarks() -> None:
    done = CliRunner().invoke(command, [])
    assert done.exit_code == 0
    assert all(name in done.stdout for name in ("throughput", "latency", "growth", "recovery", "scaling"))


def test_throughput_checks_end_states_and_reports_each_load() -> None:
    contestants = ("streamseg", "kafka-streams", "faust", "limit")
    only = [word for one in contestants for word in ("--only", one)]
    sizes = ("--events", "20000", "--slow-events", "1000", "--customers", "20000", "--rounds", "1")
    answer = bench("throughput", *sizes, "--load", "flat", *only)
    assert answer["loads"]["flat"].keys() == set(contestants)
    for one in answer["loads"]["flat"].values():
        assert one["events_per_second"] > 0
        assert one["cpu_seconds_per_event"] > 0  # in ticks of 10 ms: needs more than a thousand events


def test_latency_is_reported_for_each_rate() -> None:
    sizes = ("--events", "4000", "--customers", "1000", "--seconds", "2", "--share", "0.2", "--partitions", "6")
    answer = bench("latency", *sizes, "--beside", "bare")
    (one,) = answer["loads"]
    assert answer["partitions"] == 6
    assert one["stages"]["absorb"]["count"] < one["stages"]["take"]["count"], "partitions share no cycle"
    assert all(0 < process["cores"] <= 2 for process in (one, one["peers"]["bare"]))
    assert one["events_per_second"] == pytest.approx(answer["events_per_second"] * 0.2, rel=0.01)
    assert 0 < one["p50_seconds"] <= one["p99_seconds"] <= one["p99.9_seconds"]
    assert one["probes"] > 100
    assert list(one["stages"]) == ["fetch", "queue", "take", "absorb", "decide", "flush", "deliver"]
    assert all(0 < of["p50_seconds"] <= of["p99_seconds"] for of in one["stages"].values())
    assert one["stages"]["fetch"]["p50_seconds"] > KafkaSettings().gathering_seconds / 10
    assert one["peers"].keys() == {"bare"}
    beside = one["peers"]["bare"]
    assert (beside["events_per_second"], beside["probes"]) == (one["events_per_second"], one["probes"])
    assert 0 < beside["p50_seconds"] <= beside["p99_seconds"]


def test_growth_reports_bytes_per_customer_and_the_cost_of_a_miss() -> None:
    answer = bench("growth", "--events", "2000", "--customers", "2000")
    (one,) = answer["sizes"]
    stored = one["redis_bytes_per_customer"]
    assert stored["row"] > sum(field["bytes"] for field in answer["row"])
    assert stored["together"] > stored["membership"] > 200
    assert one["sweep_seconds"] > 0
    assert answer["miss"]["misses_per_event"] > 0.3


def test_scaling_measures_each_number_of_workers() -> None:
    answer = bench("scaling", "--events", "2000", "--customers", "1000", "--workers", "2")
    assert [one["workers"] for one in answer["workers"]] == [2]
    assert answer["needed"]["workers"] > 0


def test_recovery_reports_takeover_and_full_rate() -> None:
    answer = bench("recovery", "--customers", "1000", "--rate", "200", "--only", "streamseg")
    one = answer["recovery"]["streamseg"]
    assert 1 < one["taken_over_seconds"] <= one["full_rate_seconds"]
