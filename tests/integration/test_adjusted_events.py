"""Issue 13, item 13, beside a worker on real Kafka and Redis: adjusted events count, `replay` reports the rejected."""

import json
from pathlib import Path

import pytest

from tests.support.processes import run, stored_rows, worker

pytestmark = pytest.mark.integration

LINES: list[dict[str, object]] = [
    {"event_id": "1", "transaction_id": 5, "value": 180, "currency": "eur", "items": [{"item_id": "d", "price": -20}]},
    {"event_id": "2", "transaction_id": "6", "value": 10, "currency": "EUR", "items": None},
    {"event_id": "3", "transaction_id": "7", "value": "10", "currency": "EUR"},
    {"event_id": "4", "transaction_id": "8", "value": 10, "currency": "USD"},
]


def test_replay_reports_what_the_worker_rejected(environment: dict[str, str], tmp_path: Path) -> None:
    common: dict[str, object] = {"kind": "purchase", "customer_id": "c-1", "occurred_at": "2026-10-01T10:00:00Z"}
    file = tmp_path / "events.jsonl"
    file.write_text("".join(json.dumps(common | line) + "\n" for line in LINES) + "no event\n")
    with worker(environment, tmp_path / "worker.log"):
        for events, known in ((4, 0), (2, 2)):
            report = run(environment, "replay", str(file), "--wait")
            assert (report["events"], report["known"]) == (events, known), "what a worker accepted is known"
            assert report["rejected"] == 3, "one line, and two events that the worker rejected in this run"
            assert report["dead_letters"] == {"schema": 1, "currency": 1}
    rows = stored_rows(environment)
    slot = rows.slots["c-1"]
    assert (rows.spend_minor[slot], rows.transactions[slot]) == (190_00, 2)
