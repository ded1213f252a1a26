"""The schedule of the chaos command: the seed's, and nobody else's."""

from itertools import pairwise

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
