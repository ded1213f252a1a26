"""The event clock follows each partition's latest event."""

from streamseg.stream.clock import EventClock


def test_the_event_clock_goes_forward_only_and_by_partition() -> None:
    clock = EventClock()
    clock.advance(0, 100.0)
    clock.advance(0, 90.0)
    clock.advance(1, 50.0)

    assert (clock.now(0), clock.now(1), clock.now(2)) == (100.0, 50.0, 0.0)
