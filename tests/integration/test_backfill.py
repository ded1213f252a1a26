"""Issue 13, item 26: the page deploy/backfill.md, "backfill, then live", on real Kafka and Redis."""

import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from streamseg.sources.event import SourceEvent
from tests.support.processes import run, send, until, until_absorbed, worker

pytestmark = pytest.mark.integration

CUSTOMERS = 200
DAY = 86_400.0


def ids(environment: Mapping[str, str]) -> set[str]:
    return {one["id"] for one in run(environment, "segments")["segments"]}


def test_a_history_on_the_event_clock_continues_live_on_the_wall_clock(
    environment: dict[str, str], tmp_path: Path
) -> None:
    truth = tmp_path / "truth.csv"
    ends_at = time.strftime("%Y-%m-%dT00:00:00", time.gmtime(time.time() - 3 * DAY))
    with worker(environment, tmp_path / "backfill.log"):
        run(
            environment,
            *("simulate", "--customers", str(CUSTOMERS), "--days", "45", "--ends-at", ends_at),
            *("--truth", str(truth), "--speed", "max", "--wait"),
        )
        until(lambda: bool(ids(environment)), "segments of the history")
        known = ids(environment)
    customer = truth.read_text().splitlines()[1].partition(",")[0]
    before = run(environment, "lookup", customer)
    assert before["as_of"] < time.time() - 2 * DAY, "the clock of the history"

    live = environment | {"STREAMSEG_CLOCK": "wall"}
    with worker(live, tmp_path / "live.log"):
        at = time.time() - 1.0
        occurred_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))
        event = {"event_id": "live-1", "customer_id": customer, "occurred_at": occurred_at, "event_name": "search"}
        send(
            live["STREAMSEG_KAFKA__BOOTSTRAP"],
            [SourceEvent("click", "live-1", customer, at, json.dumps(event).encode())],
        )
        until_absorbed(live)
        until(lambda: run(live, "lookup", customer)["as_of"] >= int(at), "a membership of today")
        after = run(live, "lookup", customer)
        assert (after["epoch"], after["seq"]) > (before["epoch"], before["seq"])
        assert len(ids(live) & known) > len(known) / 2, "segment ids stay, but for what a challenge ends"
        listed = run(live, "segments", "--retired")["segments"]
        assert known <= {one["id"] for one in listed}
        found = run(live, "verify")
    assert (found["lost"], found["doubled"], found["changes_missing"]) == (0, 0, 0)
    assert found["customers"] > CUSTOMERS / 2
