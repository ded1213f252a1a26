"""Ten faults of all kinds under load: nothing lost, doubled, different or missing. `make chaos` does a hundred."""

import asyncio

import pytest

from tests.chaos.run import run, say

pytestmark = pytest.mark.e2e

STOP_SECONDS = 10.0


def test_ten_faults_under_load_leave_what_one_undisturbed_pass_makes() -> None:
    outcome = asyncio.run(run(10, 1, say))
    assert outcome.events > 10_000
    assert [f"{one.kind} {one.customer_id} {one.field}" for one in outcome.differences] == []
    assert outcome.changes_missing == []
    assert outcome.stop_seconds, "no worker was stopped gracefully"
    assert max(outcome.stop_seconds) <= STOP_SECONDS
