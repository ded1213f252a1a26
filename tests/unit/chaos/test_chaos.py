"""The chaos command: its schedule is the seed's and nobody else's, and it does not take the past for a recovery."""

from itertools import pairwise

import pytest

from streamseg.settings import KafkaSettings
from tests.chaos.recovery import SETTLE_SECONDS, Cause, Recoveries, Recovery
from tests.chaos.run import Outcome
from tests.chaos.schedule import PAUSE_SECONDS, SECONDS, schedule


def test_the_same_seed_repeats_the_same_schedule_and_another_one_does_not() -> None:
    assert schedule(40, 7) == schedule(40, 7)
    assert schedule(40, 7) != schedule(40, 8)
    assert schedule(10, 7) == schedule(40, 7)[:10]


def test_ten_faults_are_of_every_kind_once() -> None:
    assert sorted(fault.kind for fault in schedule(10, 3)) == sorted(SECONDS)


def test_blows_follow_each_other_at_the_stated_pace() -> None:
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
    assert not recovery.is_over(dict.fromkeys(before, 0), 99.9 + settle)  # asked before: tells nothing
    assert not recovery.is_over(before, 100.1 + settle)
    assert not recovery.is_over(before, 101.0 + settle)
    assert not recovery.is_over(before | {("clicks", 0): 11}, 101.1 + settle)
    assert recovery.is_over(before | {("clicks", 0): 11, ("purchases", 1): 6}, 101.2 + settle)


def test_of_overlapping_faults_the_last_one_counts_and_the_slowest_stands_for_all() -> None:
    said: list[str] = []
    recoveries = Recoveries(KafkaSettings(), 1, said.append)
    recoveries.disturb("freeze_worker")
    assert recoveries.under_way is None  # nothing was killed
    recoveries.blow("redis", "kill_redis")
    first = recoveries.under_way
    recoveries.end("redis", "redis back")
    assert recoveries.under_way is first  # its own recovery counts from the blow
    recoveries.blow("worker", "kill_worker")
    second = recoveries.under_way
    assert first is not None
    assert second is not None
    assert (second.cause, second.faults) == ("worker", ["kill_redis", "kill_worker"])
    assert second.since >= first.since
    recoveries.end("redis", "redis back")
    third = recoveries.under_way
    assert third is not None
    assert (third.cause, third.faults[-1]) == ("worker", "redis back")
    recoveries.blow("redis", "cut_redis_tail")
    assert recoveries.under_way is not None
    assert recoveries.under_way.cause == "worker"


def test_the_last_line_has_the_agreed_form() -> None:
    told = Outcome(3, 9, recovery_seconds={"worker": None, "redis": None, "broker": None}).told()
    assert list(told) == ["faults", "events", "lost", "doubled", "different", "changes_missing", "recovery_seconds"]
    assert Recoveries(KafkaSettings(), 1, print).told().keys() == {"worker", "redis", "broker"}
