"""The chaos tool: reproducible schedules, recovery times that ignore old commits, and the form of its last line."""

from itertools import pairwise

import pytest

from streamseg.settings import KafkaSettings
from tests.chaos.recovery import SETTLE_SECONDS, Cause, Recoveries, Recovery
from tests.chaos.run import ChaosReport
from tests.chaos.schedule import PAUSE_SECONDS, SECONDS, schedule


def test_the_same_seed_gives_the_same_schedule_and_another_seed_another() -> None:
    assert schedule(40, 7) == schedule(40, 7)
    assert schedule(40, 7) != schedule(40, 8)
    assert schedule(10, 7) == schedule(40, 7)[:10]


def test_the_first_faults_include_every_kind_once() -> None:
    assert sorted(fault.kind for fault in schedule(len(SECONDS), 3)) == sorted(SECONDS)


def test_pauses_between_faults_are_within_the_limits() -> None:
    times = [fault.at for fault in schedule(50, 1)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert min(pauses) >= PAUSE_SECONDS[0] - 0.01
    assert max(pauses) <= PAUSE_SECONDS[1] + 0.01


@pytest.mark.parametrize(("cause", "settle"), SETTLE_SECONDS.items())
def test_a_recovery_is_over_when_every_partition_commits_more_than_right_after_the_fault(
    cause: Cause, settle: float
) -> None:
    before = {("clicks", 0): 10, ("purchases", 0): 5, ("clicks", 1): 20, ("purchases", 1): 5}
    recovery = Recovery(cause, ["kill"], 100.0)
    assert not recovery.is_over(dict.fromkeys(before, 0), 99.9 + settle)  # requested before the fault
    assert not recovery.is_over(before, 100.1 + settle)
    assert not recovery.is_over(before, 101.0 + settle)
    assert not recovery.is_over(before | {("clicks", 0): 11}, 101.1 + settle)
    assert recovery.is_over(before | {("clicks", 0): 11, ("purchases", 1): 6}, 101.2 + settle)


def test_overlapping_faults_are_timed_from_the_last_and_counted_under_the_slowest() -> None:
    said: list[str] = []
    recoveries = Recoveries(KafkaSettings(), 1, said.append)
    recoveries.disturbed("freeze_worker")
    assert recoveries.current is None  # nothing was killed
    recoveries.killed("redis", "kill_redis")
    first = recoveries.current
    recoveries.restarted("redis", "redis back")
    assert recoveries.current is first  # its own recovery is timed from the fault
    recoveries.killed("worker", "kill_worker")
    second = recoveries.current
    assert first is not None
    assert second is not None
    assert (second.cause, second.faults) == ("worker", ["kill_redis", "kill_worker"])
    assert second.since >= first.since
    recoveries.restarted("redis", "redis back")
    third = recoveries.current
    assert third is not None
    assert (third.cause, third.faults[-1]) == ("worker", "redis back")
    recoveries.killed("redis", "cut_redis_tail")
    assert recoveries.current is not None
    assert recoveries.current.cause == "worker"


def test_the_last_line_has_the_documented_fields() -> None:
    report = ChaosReport(3, 9, recovery_seconds={"worker": None, "redis": None, "broker": None})
    assert list(report.summary()) == [
        "faults",
        "events",
        "lost",
        "doubled",
        "different",
        "changes_missing",
        "sizes_wrong",
        "erased_left",
        "withdrawn_shown",
        "set_aside_wrong",
        "audiences_wrong",
        "crashes",
        "injected",
        "recovery_seconds",
    ]
    assert Recoveries(KafkaSettings(), 1, print).summary().keys() == {"worker", "redis", "broker"}
