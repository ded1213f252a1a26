"""`streamseg bench serving` prints one JSON document with all measures."""

import json

import pytest
from click.testing import CliRunner

from streamseg.commands.bench.serving import command

pytestmark = pytest.mark.integration


def test_all_measures_are_printed_and_no_request_failed() -> None:
    done = CliRunner().invoke(command, ["--seconds", "1", "--rounds", "1", "--streams", "50", "--json"])
    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert answer["ratio"] == pytest.approx(
        answer["requests_per_second"] / answer["bare_requests_per_second"], rel=0.01
    )
    for name in (
        "latency_seconds",
        "bare_latency_seconds",
        "batch_latency_seconds",
        "latency_with_streams_seconds",
    ):
        assert 0 < answer[name]["p50"] <= answer[name]["p99"]
    assert (answer["streams"], answer["failed"]) == (50, 0)
    assert 0 < answer["cpu_seconds_per_lookup"] < 0.01
    assert 0 <= answer["waited_for_a_core"] < 1
