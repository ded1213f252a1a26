"""Ten faults of all kinds under load: no event is lost or doubled. `make chaos` runs a hundred."""

import asyncio

import pytest

from tests.chaos.run import run

pytestmark = pytest.mark.e2e

STOP_SECONDS = 10.0


def test_ten_faults_under_load_leave_the_rows_of_an_undisturbed_pass() -> None:
    report = asyncio.run(run(10, 1))
    assert report.events > 10_000
    assert [f"{one.kind} {one.customer_id} {one.field}" for one in report.differences] == []
    assert report.changes_missing == []
    assert report.stop_seconds, "no worker was stopped gracefully"
    assert max(report.stop_seconds) <= STOP_SECONDS
