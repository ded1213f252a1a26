"""A fault of each kind under load: no event is lost or doubled. `make chaos` runs a hundred."""

import asyncio

import pytest

from tests.chaos.run import run
from tests.chaos.schedule import SECONDS

pytestmark = pytest.mark.e2e

STOP_SECONDS = 10.0


def test_a_fault_of_each_kind_under_load_leaves_the_rows_of_an_undisturbed_pass() -> None:
    report = asyncio.run(run(len(SECONDS), 1))
    assert report.events > 10_000
    outcome = report.outcome
    assert [f"{one.kind} {one.customer_id} {one.field}" for one in outcome.differences] == []
    assert outcome.good, outcome
    assert all(report.injected.values()), report.injected
    assert report.stop_seconds, "no worker was stopped gracefully"
    assert max(report.stop_seconds) <= STOP_SECONDS
