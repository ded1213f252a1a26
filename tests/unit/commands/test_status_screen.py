"""`streamseg status` fits one screen of 80 columns, and ends with the exit code of what it shows. Issue 15."""

import json
from dataclasses import replace

import pytest

from streamseg.errors import ServerUnavailableError, StreamsegError
from streamseg.ports import GroupMember, KafkaView, PartitionReport, TopicLag, Wait, WorkerReport
from streamseg.service.status import ModelFacts, Status, StoredFacts
from streamseg.topics import CLICKS, SAMPLES
from tests.support.text_output import AT, DAY, LONG, answer, assert_fits, run

pytestmark = pytest.mark.usefixtures("terminal")

COUNT = 64
SEGMENTS = {f"behaviour-{n:04}": 1_234_567 - n for n in range(20)}


def many() -> Status:
    """Eight workers with long names, each with eight partitions that wait."""
    owners = [f"{LONG}-{n}" for n in range(8)]
    parts = [tuple(range(n * 8, n * 8 + 8)) for n in range(8)]
    reports = {
        owner: WorkerReport(
            owner,
            "0.1.0",
            AT - 9_000,
            AT,
            n == 0,
            tuple(PartitionReport(p, AT, AT - 4_000) for p in parts[n]),
            (Wait(parts[n][0], "a newer owner of the partition", 12.0),),
        )
        for n, owner in enumerate(owners)
    }
    members = tuple(GroupMember(f"faust-{n}", "/10.0.0.1", parts[n], trains=n == 0) for n in range(8))
    lags = (*(TopicLag(CLICKS, p, 1_234_567 + p, AT - 125.0) for p in range(COUNT)), TopicLag(SAMPLES, 0, 5, AT - 1.0))
    stored = StoredFacts(
        tuple(owner for owner, mine in zip(owners, parts, strict=True) for _ in mine),
        reports,
        SEGMENTS,
        dict.fromkeys(SEGMENTS, f"[bold] {LONG}"),
        (ModelFacts("s" * 32, 12_345, AT - 7_300.0, 20, warm=True),),
    )
    return Status(AT, KafkaView(members, COUNT, lags, 1_234_567, 1_234, 99_999), stored)


def right() -> Status:
    status = many()
    assert status.kafka
    assert status.stored
    quiet = {name: replace(one, waits=()) for name, one in status.stored.reports.items()}
    return replace(status, kafka=replace(status.kafka, lags=()), stored=replace(status.stored, reports=quiet))


def test_the_largest_status_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.wiring.build_status.read_status", answer(many()))
    result = run("status")
    assert_fits(result.output)
    assert DAY in result.output
    text = " ".join(result.output.split())
    assert "partitions 0-63: 79,014,304 records wait, for up to 125 s" in text
    assert "56 more: --json" in result.output, "partitions"
    assert "12 more: --json" in result.output, "segments"
    assert "[bold]" in result.output
    assert isinstance(result.exception, StreamsegError)
    assert not isinstance(result.exception, ServerUnavailableError)
    assert len(result.output.splitlines()) < 110, "long names fold; each table has 8 rows at most"


def test_a_service_that_is_right_ends_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.wiring.build_status.read_status", answer(right()))
    result = run("status")
    assert result.exit_code == 0
    assert "All is right." in result.output
    assert "oldest event in no membership: none" in result.output


def test_json_is_one_document_with_what_is_not_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("streamseg.wiring.build_status.read_status", answer(many()))
    result = run("status", "--json", "--late", "2m")
    written = json.loads(result.stdout)
    assert {one["kind"] for one in written["problems"]} == {"waits", "late"}
    assert len(written["partitions"]) == COUNT
    assert isinstance(result.exception, StreamsegError)
    assert {one["kind"] for one in json.loads(run("status", "--json", "--late", "3m").stdout)["problems"]} == {"waits"}


def test_a_server_that_is_away_hides_nothing_of_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    away = replace(right(), stored=None, away=("Redis: Connection refused",))
    monkeypatch.setattr("streamseg.wiring.build_status.read_status", answer(away))
    result = run("status")
    assert_fits(result.output)
    assert "AWAY: Redis: Connection refused" in result.output
    assert "faust-0 (trains)" in result.output
    assert isinstance(result.exception, ServerUnavailableError)


def test_watching_prints_no_documents() -> None:
    assert run("status", "--watch", "--json").exit_code == 2


def test_watching_ends_with_what_it_showed_last(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([many(), right()])

    async def read(*_: object) -> Status:
        try:
            return next(looks)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("streamseg.wiring.build_status.read_status", read)
    result = run("status", "--watch", "--every", "0")
    assert result.exit_code == 0, "the second look was right"
