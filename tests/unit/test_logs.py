"""What is logged while a server is away: one line at the start, one a minute, one at the end."""

import logging
import re
from pathlib import Path

import pytest

from streamseg.errors import StoreUnavailableError
from streamseg.logs import OutageFilter, OutageLog
from streamseg.metrics import Metrics
from streamseg.worker.partition.outage import Outage
from streamseg.worker.partition.signs import Signs


def complaint(text: str = "Unable connect to node with id %s: %s", name: str = "aiokafka") -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, text, (1, "refused") if "%s" in text else (), None)


def test_one_line_when_kafka_goes_away_and_one_a_minute() -> None:
    now = 0.0
    outage = OutageFilter(lambda: now)
    first = complaint()
    assert outage.filter(first)
    assert first.getMessage().startswith("Kafka does not answer (Unable connect to node with id 1: refused)")

    passed = []
    for second in range(1, 600):
        now = second * 0.25
        record = complaint("Failed fetch messages from 1: NodeNotReadyError: not ready", "aiokafka.consumer.fetcher")
        passed += [record.getMessage()] if outage.filter(record) else []

    assert passed == ["Kafka has not answered for 60 s", "Kafka has not answered for 120 s"]
    assert outage.end() == now
    assert outage.end() is None
    assert outage.filter(complaint())  # the next outage is logged again


@pytest.mark.parametrize(
    "record", [complaint(name="streamseg.stream.consumer"), complaint("Heartbeat failed: it is rebalancing")]
)
def test_other_lines_are_always_logged(record: logging.LogRecord) -> None:
    outage = OutageFilter(lambda: 0.0)
    assert outage.filter(complaint())
    assert outage.filter(record)


def test_a_waiting_partition_logs_once_a_minute_and_shows_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now, metrics = 100.0, Metrics()
    monkeypatch.setattr("time.monotonic", lambda: now)
    caplog.set_level(logging.INFO)
    signs = Signs()
    one = Outage(3, metrics, signs)
    for quarter in range(300):
        now = 100.0 + quarter * 0.25
        one.waits(StoreUnavailableError("Redis: away"), "flush")
    assert signs.waits_for("store")
    assert metrics.store_errors.labels(operation="flush")._value.get() == 300
    one.over()
    one.over()
    assert not signs.waits_for("store")
    assert [record.getMessage() for record in caplog.records] == [
        "partition 3 waits for the store: Redis: away",
        "partition 3 has waited for the store for 60 s",
        "partition 3 continues after 74.8 s",
    ]


def test_an_outage_is_one_line_at_once_one_a_minute_and_one_at_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Issue 13, item 24: what says "once in the log" is logged by this, everywhere."""
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    caplog.set_level(logging.INFO)
    outage = OutageLog(logging.getLogger("any"), "the trainer", "the servers")
    for second in range(125):
        now = float(second)
        outage.waits(ConnectionError("away"), traceback=True)
    outage.over()
    outage.over()
    assert [record.getMessage() for record in caplog.records] == [
        "the trainer waits for the servers: away",
        "the trainer has waited for the servers for 60 s",
        "the trainer has waited for the servers for 120 s",
        "the trainer continues after 124.0 s",
    ]
    assert caplog.records[0].exc_info is not None


REPEATED = re.compile(r"log\.(?:warning|exception|error)\([^)]*(?:again|retr|reconnect|start[s]? over)")


def test_no_loop_logs_each_attempt() -> None:
    """Issue 13, item 24: a line about trying again is one of `OutageLog`, or it comes twice a second."""
    package = Path(__file__).parents[2] / "streamseg"
    found = [path.name for path in package.rglob("*.py") if REPEATED.search(path.read_text())]
    assert found == []
