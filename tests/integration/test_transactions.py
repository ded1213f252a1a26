"""Transactions: what was aborted counts nowhere, markers leave no lag, an open one is a wait with a name."""

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from streamseg.topics import PURCHASES
from tests.support.processes import run, stored_rows, until, until_absorbed, worker

pytestmark = pytest.mark.integration

CUSTOMER = "c-tx"


@pytest.fixture
def shop(environment: dict[str, str]) -> Iterator[Producer]:
    """A producer with transactions."""
    producer = Producer(
        {
            "bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"],
            "partitioner": "murmur2_random",
            "transactional.id": f"shop-{time.time_ns()}",
        }
    )
    producer.init_transactions(30)
    yield producer
    producer.flush(10)


def purchase(event_id: str, value: float, headers: list[tuple[str, bytes | None]] | None = None) -> dict[str, object]:
    body = {
        "event_id": event_id,
        "customer_id": CUSTOMER,
        "occurred_at": "2026-10-01T10:00:00Z",
        "transaction_id": event_id,
        "value": value,
        "currency": "EUR",
    }
    return {"topic": PURCHASES, "key": CUSTOMER.encode(), "value": json.dumps(body).encode(), "headers": headers}


def begin(shop: Producer, event_id: str, value: float) -> None:
    shop.begin_transaction()
    shop.produce(**purchase(event_id, value))
    shop.flush(10)


def spent(environment: dict[str, str]) -> tuple[int, float]:
    """Transactions and spend of the customer."""
    rows = stored_rows(environment)
    if CUSTOMER not in rows.slots:
        return 0, 0.0
    slot = rows.slots[CUSTOMER]
    return int(rows.transactions[slot]), float(rows.spend_minor[slot]) / 100


def test_aborted_purchases_count_nowhere_and_markers_leave_no_lag(
    environment: dict[str, str], shop: Producer, tmp_path: Path
) -> None:
    with worker(environment, tmp_path / "worker.log"):
        begin(shop, "e-1", 10.0)
        shop.commit_transaction(30)
        begin(shop, "e-2", 99.0)
        shop.abort_transaction(30)
        begin(shop, "e-3", 99.0)
        shop.commit_transaction(30)
        begin(shop, "e-4", 500.0)
        shop.abort_transaction(30)  # the topic ends with aborted records and a marker
        until_absorbed(environment)
        until(lambda: spent(environment) == (2, 109.0), "two purchases")
        report = run(environment, "verify")
    good = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0, "samples_left": 0}
    assert report == report | good
    assert spent(environment) == (2, 109.0)
    assert "are lost" not in (tmp_path / "worker.log").read_text()
    run(environment, "rebuild")
    assert spent(environment) == (2, 109.0)


def test_an_aborted_transaction_that_is_polled_alone_ends_no_worker(
    environment: dict[str, str], shop: Producer, tmp_path: Path
) -> None:
    """Every transaction of a shop that is quiet is polled alone."""
    log = tmp_path / "worker.log"
    with worker(environment, log) as process:
        begin(shop, "e-1", 10.0)
        shop.commit_transaction(30)
        until(lambda: spent(environment) == (1, 10.0), "the first purchase")
        begin(shop, "e-2", 99.0)
        shop.abort_transaction(30)
        until_absorbed(environment)
        begin(shop, "e-3", 5.0)
        shop.commit_transaction(30)
        until(lambda: spent(environment) == (2, 15.0), "the purchase after the aborted one")
        assert process.poll() is None
    assert "Traceback" not in log.read_text()


def test_an_open_transaction_is_a_wait_with_a_name_and_its_records_count_once_committed(
    environment: dict[str, str], shop: Producer, tmp_path: Path
) -> None:
    log = tmp_path / "worker.log"
    with worker(environment, log):
        begin(shop, "e-1", 10.0)
        until(lambda: "records wait for a producer to end its transaction" in log.read_text(), "said in the log", 40.0)
        assert spent(environment) == (0, 0.0)
        shop.commit_transaction(30)
        until(lambda: spent(environment) == (1, 10.0), "counted")
        until(lambda: "the open transaction has ended" in log.read_text(), "said in the log")


def test_a_rejected_record_with_a_null_header_stops_nothing(environment: dict[str, str], tmp_path: Path) -> None:
    """Kafka allows headers whose value is null; clients of other languages send them."""
    producer = Producer(
        {"bootstrap.servers": environment["STREAMSEG_KAFKA__BOOTSTRAP"], "partitioner": "murmur2_random"}
    )
    null: list[tuple[str, bytes | None]] = [("traceparent", None), ("content-type", None)]
    with worker(environment, tmp_path / "worker.log"):
        producer.produce(**purchase("h-1", 10.0, null))
        bad = purchase("h-2", 10.0, null)
        producer.produce(**(bad | {"value": str(bad["value"]).replace("EUR", "XXX").encode()}))
        for n in range(3, 8):
            producer.produce(**purchase(f"h-{n}", 10.0))
        assert producer.flush(10) == 0
        until(lambda: spent(environment) == (6, 60.0), "all good ones counted")
        until_absorbed(environment)
        report = run(environment, "verify")
        letters = run(environment, "dead-letters", "list")
    assert (report["lost"], report["doubled"], report["different"]) == (0, 0, 0)
    assert letters["count"] == 1
