"""The streams that segments are evaluated on: days, flushes and true labels."""

import pytest

from streamseg.evaluation.event_stream import EventStream, flushes, recorded
from streamseg.sources.event import SourceEvent
from streamseg.sources.truth import TruthRow


def event(at: float) -> SourceEvent:
    return SourceEvent("click", f"e-{at}", "c-1", at, b"{}")


def test_days_without_events_are_yielded_too() -> None:
    stream = EventStream("x", lambda: [event(5.0), event(86_400.0 * 2.5)], 0.0, 86_400.0 * 90)
    days = list(stream.days())
    assert [end / 86_400.0 for end, _ in days] == [1.0, 2.0, 3.0]
    assert [len(events) for _, events in days] == [1, 0, 1]
    assert stream.before_at == 86_400.0 * 45


def test_a_short_stream_has_shorter_days() -> None:
    stream = recorded("hours", [event(7200.0), event(0.0), event(3600.0)], None)
    assert stream.day == pytest.approx(120.0, rel=0.001)
    assert [e.occurred_at for _, events in stream.days() for e in events] == [0.0, 3600.0, 7200.0]


def test_a_flush_has_each_customer_in_one_interval_only_and_spans_an_hour_at_most() -> None:
    def by(customer: str, minute: float) -> SourceEvent:
        return SourceEvent("click", f"e-{minute}", customer, 60.0 * minute, b"{}")

    events = [by("a", 1), by("a", 2), by("b", 15), by("c", 25), by("b", 31), by("a", 62), by("d", 91), by("e", 95)]
    minutes = [[event.occurred_at / 60.0 for event in flush] for flush in flushes(events, 600.0)]
    assert minutes == [[1, 2, 15, 25], [31, 62], [91, 95]]
    assert list(flushes([], 600.0)) == []


def test_a_change_at_the_measured_moment_does_not_count_yet() -> None:
    truth = [TruthRow("c-1", "old"), TruthRow("c-1", "new", 100.0)]
    stream = EventStream("x", list, 0.0, 200.0, truth, 100.0)
    assert stream.labels(100.0) == {"c-1": "old"}
    assert stream.labels(200.0) == {"c-1": "new"}
