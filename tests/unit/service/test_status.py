"""What `streamseg status` holds for right, and what not; its JSON. Issue 15."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from streamseg.ports import (
    Flush,
    GroupMember,
    KafkaView,
    PartitionReport,
    TopicLag,
    Wait,
    WorkerReport,
)
from streamseg.service.status import Status, StoredFacts, read_stored
from streamseg.service.status_judgement import KINDS, problems, ranges
from streamseg.store.memory import MemoryModelStore, MemoryStateStore, MemoryWorkerReports
from streamseg.topics import CLICKS, SAMPLES

NOW = 1_795_415_998.0
BOUND = 86_400.0
A = "behaviour-aaaa"
REPORT = WorkerReport(
    "host-1", "0.1.0", NOW - 100, NOW, True, (PartitionReport(0, NOW, NOW - 50), PartitionReport(1, NOW, None)), ()
)
KAFKA = KafkaView(
    (GroupMember("faust-1", "10.0.0.1", (0, 1), trains=True),),
    2,
    (TopicLag(CLICKS, 0, 0), TopicLag(SAMPLES, 0, 0)),
    3,
    0,
    9,
)
STORED = StoredFacts(("host-1", "host-1"), {"host-1": REPORT}, {A: 12}, {A: "Daily"}, ())
RIGHT = Status(NOW, KAFKA, STORED)


def judged(status: Status) -> list[tuple[str, str]]:
    return [(one.kind, one.text) for one in problems(status, late_seconds=60, bound_seconds=BOUND)]


def with_report(**changes: object) -> Status:
    return replace(RIGHT, stored=replace(STORED, reports={"host-1": replace(REPORT, **changes)}))  # type: ignore[arg-type]


def with_kafka(**changes: object) -> Status:
    return replace(RIGHT, kafka=replace(KAFKA, **changes))  # type: ignore[arg-type]


def lag(seconds: float | None, topic: str = CLICKS) -> tuple[TopicLag, ...]:
    return (TopicLag(topic, 0, 42, None if seconds is None else NOW - seconds),)


def test_a_healthy_service_is_right() -> None:
    assert judged(RIGHT) == []
    assert judged(with_kafka(lags=lag(59.0))) == []
    assert judged(with_kafka(lags=lag(None))) == []
    assert RIGHT.freshness_seconds == 0.0
    assert RIGHT.oldest_membership_seconds == 50.0


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (with_kafka(members=()), "members", "start `streamseg worker`"),
        (
            with_kafka(members=(GroupMember("f", "h", (1,), trains=True),)),
            "partitions",
            "partition 0: no worker",
        ),
        (with_kafka(members=(GroupMember("f", "h", (0, 1), trains=False),)), "partitions", "nothing is learned"),
        (replace(RIGHT, stored=replace(STORED, reports={})), "reports", "partitions 0-1: the owner has not reported"),
        (with_report(owner="host-2"), "reports", "partitions 0-1"),
        (replace(RIGHT, stored=replace(STORED, owners=("host-1",))), "reports", "partition 1"),
        (with_report(waits=(Wait(1, "Kafka", 12.0),)), "waits", "partition 1 has waited for Kafka for 12 s"),
        (with_report(waits=(Wait(None, "Kafka", 2.0),)), "waits", "host-1 has waited for Kafka for 2 s"),
        (with_kafka(lags=lag(61.0)), "late", "partition 0: 42 records wait, for up to 61 s"),
        (with_kafka(lags=lag(61.0, SAMPLES)), "samples", "42 samples and 61 s behind"),
        (
            with_report(partitions=(PartitionReport(0, NOW, NOW - 86_401), PartitionReport(1, NOW))),
            "old",
            "86,401 s",
        ),
        (with_kafka(dead_letters_in_hour=20, records_in_hour=200), "rejected", "10% of the last hour's records"),
    ],
)
def test_each_trouble_is_named_alone(status: Status, kind: str, says: str) -> None:
    ((found, text),) = judged(status)
    assert found == kind
    assert kind in KINDS
    assert says in text


@pytest.mark.parametrize(("letters", "events"), [(19, 20), (20, 400), (0, 0), (20, 0)])
def test_few_dead_letters_are_no_trouble(letters: int, events: int) -> None:
    assert judged(with_kafka(dead_letters_in_hour=letters, records_in_hour=events)) == []


def test_probes_are_no_events() -> None:
    """Two partitions had a probe each every 5 s of the 100 s since the worker began: they hide no share of letters."""

    def probed(records: int, seconds: float) -> Status:
        told = with_report(probe_seconds=seconds)
        return replace(told, kafka=replace(KAFKA, dead_letters_in_hour=20, records_in_hour=records))

    busy = probed(240, 5.0)
    assert busy.events_in_hour == 200
    assert busy.as_json([])["dead_letters"]["events_in_hour"] == 200
    assert ("rejected", "10% of the last hour's records") in [(kind, text[:30]) for kind, text in judged(busy)]
    assert [text.partition(" ")[0] for kind, text in judged(probed(30, 5.0)) if kind == "rejected"] == ["100%"]
    assert judged(probed(1_000, 0.0)) == [], "workers that send none"
    assert replace(busy, stored=None).events_in_hour is None, "nobody knows how many probes there were"


@pytest.mark.parametrize("without", [{"kafka": None}, {"stored": None}])
def test_of_a_server_that_is_away_nothing_is_judged(without: dict[str, None]) -> None:
    status = replace(RIGHT, away=("Redis: away",), **without)  # type: ignore[arg-type]
    assert judged(status) == []
    written = status.as_json([])
    assert written["right"] is False
    assert written["away"] == ["Redis: away"]
    assert written.keys() == RIGHT.as_json([]).keys()


def test_the_json_has_all_names_whatever_is_there() -> None:
    written = RIGHT.as_json([{"kind": "late", "text": "t"}])
    assert written["right"] is False
    assert RIGHT.as_json([])["right"] is True
    assert set(written) == {
        "at", "right", "problems", "away", "members", "workers", "partitions", "freshness_seconds",
        "oldest_membership_seconds", "samples", "models", "segments", "dead_letters",
    }  # fmt: skip
    assert written["partitions"][0] == {
        "partition": 0, "member": "faust-1", "owner": "host-1", "reported": True, "lag_records": 0,
        "lag_seconds": None, "membership_seconds": 50.0,
    }  # fmt: skip
    assert written["segments"] == [{"id": A, "segmentation": "behaviour", "label": "Daily", "size": 12}]


def test_a_lag_whose_age_is_unknown_leaves_freshness_unknown() -> None:
    assert with_kafka(lags=lag(None)).freshness_seconds is None


@pytest.mark.asyncio
async def test_facts_are_read_from_the_stores() -> None:
    state, models, reports = MemoryStateStore(), MemoryModelStore(), MemoryWorkerReports()
    for number in range(2):
        claimed = await state.claim(number, "host-1", "layout", 1)
        await state.flush(number, Flush("host-1", claimed.flush_number, sizes={A: 3 + number, "behaviour-bbbb": 0}))
    await models.write_catalogue({A: b'{"label": "Daily"}'})
    await reports.put(REPORT, 20)
    await reports.put(replace(REPORT, owner="stranger"), 20)
    found = await read_stored(state, models, reports, ("behaviour",))
    assert found.owners == ("host-1", "host-1")
    assert found.reports == {"host-1": REPORT}
    assert found.sizes == {A: 7}
    assert found.labels == {A: "Daily"}
    assert [(one.segmentation, one.version, one.warm) for one in found.models] == [("behaviour", 0, False)]


@pytest.mark.asyncio
async def test_partitions_after_an_unclaimed_one_are_read_too() -> None:
    state = MemoryStateStore()
    claimed = await state.claim(1, "host-1", "layout", 1)
    await state.flush(1, Flush("host-1", claimed.flush_number, sizes={A: 3}))
    found = await read_stored(state, MemoryModelStore(), MemoryWorkerReports(), (), 3)
    assert (found.owners, found.sizes) == (("", "host-1", ""), {A: 3})


def test_numbers_are_listed_as_ranges() -> None:
    listed: Callable[[list[int]], str] = ranges
    assert (listed([3, 0, 1, 2, 7]), listed([]), listed([5])) == ("0-3, 7", "", "5")
