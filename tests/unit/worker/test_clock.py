"""The event clock follows each partition's latest event, and waits for topics that are behind."""

from streamseg.topics import CLICKS, PURCHASES
from streamseg.worker.clock import EventClock


def test_the_event_clock_goes_forward_only_and_by_partition() -> None:
    clock = EventClock()
    clock.advance(0, {CLICKS: 100.0}, ())
    clock.advance(0, {CLICKS: 90.0}, ())
    clock.advance(1, {PURCHASES: 50.0}, ())

    assert (clock.now(0), clock.now(1), clock.now(2)) == (100.0, 50.0, 0.0)


def test_a_topic_that_was_read_ahead_does_not_carry_the_clock_past_one_that_is_behind() -> None:
    clock = EventClock()
    clock.advance(0, {PURCHASES: 500.0}, (CLICKS,))
    assert clock.now(0) == 0.0

    clock.advance(0, {CLICKS: 100.0}, (CLICKS,))
    assert clock.now(0) == 100.0

    clock.advance(0, {CLICKS: 480.0}, ())
    assert clock.now(0) == 500.0


def test_a_topic_that_falls_behind_does_not_turn_the_clock_back() -> None:
    clock = EventClock()
    clock.advance(0, {CLICKS: 100.0, PURCHASES: 60.0}, ())
    clock.advance(0, {CLICKS: 110.0}, (PURCHASES,))

    assert clock.now(0) == 100.0
