"""Gauges of partitions: the age of what is not read is bounded from both sides, and lost partitions leave no series."""

from dataclasses import dataclass, field
from typing import Any

import pytest

from streamseg.metrics import Metrics
from streamseg.topics import CLICKS, MEMBERSHIPS, PURCHASES
from streamseg.worker.gauges.partition_gauges import PartitionGauges
from streamseg.worker.partition.signs import Reason, Signs


@dataclass
class Owned:
    """What the gauges read of a partition."""

    signs: Signs = field(default_factory=Signs)
    sizes: dict[str, int] = field(default_factory=lambda: {"behaviour-k7q2": 3})
    rows_in_memory: int = 2


@dataclass
class Worker:
    """The gauges of a worker with partition 0."""

    metrics: Metrics = field(default_factory=Metrics)
    gauges: PartitionGauges = field(default_factory=PartitionGauges)
    partition: Owned = field(default_factory=Owned)

    def show(self, now: float, backlog: dict[tuple[str, int], int], *, owns: bool = True) -> None:
        owned: Any = {0: self.partition} if owns else {}
        self.gauges.show(self.metrics, owned, backlog, now)

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)

    def age(self, topic: str = CLICKS) -> float | None:
        return self.value("streamseg_intake_lag_seconds", topic=topic, partition="0")


@pytest.fixture
def worker() -> Worker:
    return Worker()


def test_without_lag_nothing_is_old(worker: Worker) -> None:
    worker.partition.signs.read_until[CLICKS] = 10.0
    worker.show(500.0, {(CLICKS, 0): 0})
    assert worker.age() == 0.0


def test_a_backlog_is_as_old_as_the_last_delivered_record(worker: Worker) -> None:
    worker.show(900.0, {(CLICKS, 0): 70})
    assert worker.age() is None, "nothing was delivered yet: its age is unknown"
    worker.partition.signs.read_until[CLICKS] = 400.0
    worker.show(902.0, {(CLICKS, 0): 50})
    assert worker.age() == 502.0


def test_the_first_record_after_hours_of_silence_is_not_hours_old(worker: Worker) -> None:
    worker.partition.signs.read_until[PURCHASES] = 10.0
    worker.show(9_000.0, {(PURCHASES, 0): 0})
    worker.show(9_002.0, {(PURCHASES, 0): 1})
    assert worker.age(PURCHASES) == 2.0
    worker.show(9_030.0, {(PURCHASES, 0): 4})
    assert worker.age(PURCHASES) == 30.0, "stuck since the topic was last caught up with"


def test_a_partition_that_left_leaves_no_series(worker: Worker) -> None:
    worker.partition.signs.saw("read", 7.0)
    worker.partition.signs.delivered_at = 8.0
    worker.partition.signs.oldest_membership = 5.0
    worker.partition.signs.begin_wait("kafka")
    worker.show(9.0, {(CLICKS, 0): 0})
    assert worker.value("streamseg_probe_timestamp_seconds", stage="read", partition="0") == 7.0
    assert worker.value("streamseg_flow_waiting", partition="0", reason="kafka") == 1.0
    assert worker.value("streamseg_flow_waiting", partition="0", reason="store") == 0.0
    assert worker.value("streamseg_flow_partitions") == 1.0
    worker.show(11.0, {}, owns=False)
    left = [
        sample.name
        for family in worker.metrics.registry.collect()
        for sample in family.samples
        if sample.labels.get("partition") == "0"
    ]
    assert left == []
    assert worker.value("streamseg_flow_partitions") == 0.0


def test_the_newest_probe_counts_and_waits_end(worker: Worker) -> None:
    signs = Signs()
    signs.saw("read", 7.0)
    signs.saw("read", 5.0)
    signs.saw("read", None)
    assert signs.probes == {"read": 7.0}
    signs.begin_wait("store")
    assert signs.waits_for("store")
    signs.begin_wait("store")
    signs.end_wait("store")
    assert not signs.waits_for("store")


def test_waits_that_come_with_work_are_told_when_they_last(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr("streamseg.worker.partition.signs.time.monotonic", lambda: now[0])
    signs = Signs()
    reasons: tuple[Reason, ...] = ("kafka", "dead_letters", "takeover")
    for reason in reasons:
        signs.begin_wait(reason)
    assert signs.waited() == {"Kafka": 0.0}
    now[0] += 11.0
    assert set(signs.waited()) == {"Kafka", "Kafka, for dead letters", "the delivery of what the last owner left"}


def test_a_delivery_that_moves_no_input_topic_is_no_progress() -> None:
    """The relay looks for late records every 10 s: a partition that stood still looked alive."""
    signs = Signs()
    signs.delivered({CLICKS: 5, MEMBERSHIPS: 1}, 10.0)
    signs.delivered({}, 20.0)
    signs.delivered({CLICKS: 5, MEMBERSHIPS: 9}, 30.0)
    assert signs.delivered_at == 10.0
    signs.delivered({CLICKS: 6}, 40.0)
    assert signs.delivered_at == 40.0
