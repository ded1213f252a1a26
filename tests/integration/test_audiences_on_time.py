"""Ten thousand customers whose window ends leave within a minute of their moments, without an event. Issue 16."""

import json
import logging
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from confluent_kafka import Consumer, TopicPartition

from streamseg.sources.event import SourceEvent, rfc3339
from streamseg.topics import MEMBERSHIPS
from tests.support.processes import run, send, until, until_absorbed, worker

log = logging.getLogger(__name__)

pytestmark = pytest.mark.integration

CUSTOMERS = 10_000
WINDOW, SPREAD = 600.0, 60.0
"""All windows end within a minute of each other: 60 times as many as if they ended within an hour."""
AHEAD = 75.0
"""Seconds in which the events are absorbed before the first window ends."""
RECENT = """
[[audience]]
id = "recent"
name = "Came within ten minutes"
purpose = "content"
rule = { event = "visit", within = "10 minutes" }
"""


def visits(ends_at: Mapping[str, float]) -> Iterator[SourceEvent]:
    """One visit of each customer, so long before the end of its window."""
    for customer, end in ends_at.items():
        given = {"event_id": f"v-{customer}", "customer_id": customer, "occurred_at": rfc3339(end - WINDOW)}
        value = json.dumps(given | {"event_name": "view_item"}).encode()
        yield SourceEvent("click", f"v-{customer}", customer, end - WINDOW, value)


def told_at(bootstrap: str, change: str) -> dict[str, float]:
    """When the change topic told that each customer entered or exited, epoch seconds; nobody may do so twice."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "on-time", "enable.auto.commit": False})
    found = dict[str, float]()
    try:
        parts = [
            TopicPartition(MEMBERSHIPS, n, 0)
            for n in consumer.list_topics(MEMBERSHIPS, 10).topics[MEMBERSHIPS].partitions
        ]
        left = sum(consumer.get_watermark_offsets(part, 10)[1] for part in parts)
        consumer.assign(parts)
        while left > 0:
            for message in consumer.consume(1_000, 1.0):
                left -= 1
                for one in json.loads(message.value() or b"{}").get("audience_changes", ()):
                    if one["change"] == change:
                        customer = (message.key() or b"").decode()
                        assert customer not in found
                        found[customer] = message.timestamp()[1] / 1_000
    finally:
        consumer.close()
    return found


def test_ten_thousand_leave_within_a_minute_of_their_moments(environment: dict[str, str], tmp_path: Path) -> None:
    bootstrap, environment = environment["STREAMSEG_KAFKA__BOOTSTRAP"], environment | {"STREAMSEG_CLOCK": "wall"}
    file = tmp_path / "audiences.toml"
    file.write_text(RECENT)
    with worker(environment, tmp_path / "worker.log"):
        run(environment, "audiences", "add", str(file))
        begins = time.time() + AHEAD
        # Moments are whole seconds: a row keeps times in them.
        ends_at = {f"c-{n:05}": float(int(begins + n * SPREAD / CUSTOMERS)) for n in range(CUSTOMERS)}
        send(bootstrap, visits(ends_at))
        until_absorbed(environment, AHEAD)
        entered = told_at(bootstrap, "entered")
        assert entered.keys() == ends_at.keys()
        assert max(entered.values()) < begins, "all are inside before the first leaves"
        time.sleep(max(begins + SPREAD - time.time(), 0.0))
        until(lambda: len(told_at(bootstrap, "exited")) == CUSTOMERS, "all have left", 65.0)
        late = np.array([at - ends_at[customer] for customer, at in told_at(bootstrap, "exited").items()])
    log.info("late by %.2f s in the median, %.2f s at most", np.median(late), late.max())
    assert late.min() > -0.01, "nobody leaves early"
    assert late.max() < 60.0
