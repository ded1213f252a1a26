"""The event clock follows what several records support, waits for topics that are behind, and never goes back."""

from collections.abc import Sequence

from streamseg.ports import SeenTimes
from streamseg.topics import CLICKS, PURCHASES
from streamseg.worker.clock import EventClock

STEP = 1_000.0


def seen(topic: str, *times: float, first: int = 0, heartbeat: float | None = None) -> SeenTimes:
    return SeenTimes(topic, times, range(first, first + len(times)), heartbeat)


def started(at: float = 100.0, partition: int = 0) -> EventClock:
    """A clock that a heartbeat of clicks has set."""
    clock = EventClock(STEP)
    clock.advance(partition, [seen(CLICKS, heartbeat=at)], ())
    return clock


def test_it_goes_forward_only_and_by_partition() -> None:
    clock = started(100.0)
    clock.advance(0, [seen(CLICKS, 90.0)], ())
    clock.advance(1, [seen(PURCHASES, heartbeat=50.0)], ())
    assert (clock.now(0), clock.now(1), clock.now(2)) == (100.0, 50.0, 0.0)


def test_it_starts_with_three_events() -> None:
    clock = EventClock(STEP)
    clock.advance(0, [seen(CLICKS, 10.0, 20.0)], ())
    assert clock.now(0) == 0.0
    clock.advance(0, [seen(CLICKS, 30.0, first=2)], ())
    assert clock.now(0) == 30.0


def test_a_topic_that_was_read_ahead_does_not_carry_it_past_one_that_is_behind() -> None:
    clock = EventClock(STEP)
    clock.advance(0, [seen(PURCHASES, heartbeat=500.0)], (CLICKS,))
    assert clock.now(0) == 0.0
    clock.advance(0, [seen(CLICKS, heartbeat=100.0)], (CLICKS,))
    assert clock.now(0) == 100.0
    clock.advance(0, [seen(CLICKS, 480.0)], ())
    assert clock.now(0) == 500.0


def test_a_topic_that_falls_behind_does_not_turn_it_back() -> None:
    clock = started(100.0)
    clock.advance(0, [seen(PURCHASES, heartbeat=60.0)], ())
    clock.advance(0, [seen(CLICKS, 110.0)], (PURCHASES,))
    assert clock.now(0) == 100.0


def outliers_of(clock: EventClock, *runs: SeenTimes) -> Sequence[float]:
    return clock.advance(0, runs, ())


def test_one_outlier_does_not_move_it_and_is_returned_once() -> None:
    clock = started(100.0)
    mistyped = seen(CLICKS, 110.0, 9e6, 120.0)
    assert outliers_of(clock, mistyped) == [9e6]
    assert clock.now(0) == 100.0 or clock.now(0) == 120.0
    clock.advance(0, [seen(CLICKS, 130.0, first=3)], ())
    assert clock.now(0) == 130.0


def test_a_time_that_others_pass_in_the_same_cycle_is_no_outlier() -> None:
    clock = EventClock(STEP)
    runs = (seen(PURCHASES, 5e6, 5e6 + 2 * STEP), seen(CLICKS, heartbeat=5e6 + STEP))
    assert outliers_of(clock, *runs) == []
    assert outliers_of(clock, seen(CLICKS, 9e6)) == [9e6]


def test_the_same_record_read_again_supports_a_time_only_once() -> None:
    clock = started(100.0)
    for _ in range(5):
        outliers_of(clock, seen(CLICKS, 9e6))
    assert clock.now(0) == 100.0


def test_a_gap_in_the_data_is_passed_with_the_third_event() -> None:
    clock = started(100.0)
    assert outliers_of(clock, seen(CLICKS, 5e6)) == [5e6]
    assert outliers_of(clock, seen(CLICKS, 5e6 + 60, first=1)) == [5e6 + 60]
    assert outliers_of(clock, seen(CLICKS, 5e6 + 120, first=2)) == []
    assert clock.now(0) == 5e6 + 120


def test_a_heartbeat_passes_a_gap_by_itself() -> None:
    clock = started(100.0)
    outliers_of(clock, seen(CLICKS, heartbeat=5e6))
    assert clock.now(0) == 5e6


def test_a_rare_topic_may_be_near_the_time_of_the_others() -> None:
    clock = started(100.0)
    clock.advance(0, [seen(PURCHASES, heartbeat=1.0)], ())
    outliers_of(clock, seen(CLICKS, heartbeat=9e6))
    assert outliers_of(clock, seen(PURCHASES, 9e6 + 10)) == []
    assert clock.now(0) == 9e6 + 10
