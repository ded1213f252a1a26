"""Runs belong to the session whose start was sought before they were polled, and to no later one."""

import pytest
from faust.types import TP

from streamseg.events.record import MemoryRecord
from streamseg.stream.fetching import Taken
from streamseg.stream.sessions import RunScheduler
from streamseg.topics import CLICKS
from streamseg.worker.run_sequence import MissingRunError, RunSequence

PLACE = TP(CLICKS, 3)


def a_record() -> Taken:
    taken = Taken(0)
    taken.append(MemoryRecord(CLICKS, 3, 0, 0, None, None))
    taken.next_offset = 1
    return taken


def scheduler() -> RunScheduler:
    return RunScheduler()


def polled(one: RunScheduler) -> list[tuple[int, int]]:
    return [(run.session, run.number) for _, runs in one.iterate({PLACE: a_record()}) for run in runs]


def test_nothing_is_handed_out_before_a_start_was_sought() -> None:
    assert polled(scheduler()) == []


def test_runs_are_numbered_from_the_start_of_their_session() -> None:
    one = scheduler()
    one.begin_session(PLACE, one.open_session(PLACE))
    assert polled(one) + polled(one) == [(1, 0), (1, 1)]
    assert one.session(*PLACE) == (1, 2)


def test_a_poll_yields_one_item_per_topic_with_a_run_of_each_partition_whose_session_has_begun() -> None:
    one = scheduler()
    places = [TP("clicks", 0), TP("clicks", 1), TP("purchases", 0), TP("clicks", 2)]
    for place in places[:3]:
        one.begin_session(place, one.open_session(place))
    items = list(one.iterate({place: a_record() for place in reversed(places)}))
    assert [(place, [run.partition for run in runs]) for place, runs in items] == [
        (TP("clicks", 1), [1, 0]),
        (TP("purchases", 0), [0]),
    ]


def test_a_run_of_a_marker_alone_has_no_records_and_moves_the_next_offset() -> None:
    """An aborted transaction polled by itself ended the worker with an `IndexError` (found by the chaos run)."""
    one, marker = scheduler(), Taken(7)
    marker.next_offset = 9
    one.begin_session(PLACE, one.open_session(PLACE))
    ((_, (run,)),) = one.iterate({PLACE: marker})
    assert (bool(run.records), run.start, run.next_offset) == (False, 7, 9)


def test_a_rewind_that_is_asked_for_during_a_seek_does_not_claim_what_is_polled_after_that_seek() -> None:
    """The position is still the earlier rewind's: its records, taken for the later session's, would raise fences past
    events that the later session is about to read (found by the chaos run: 20 events of 4 customers lost)."""
    one = scheduler()
    first = one.open_session(PLACE)
    second = one.open_session(PLACE)  # asked for while the first start is being sought
    one.begin_session(PLACE, first)
    assert polled(one) == []
    one.begin_session(PLACE, second)
    assert polled(one) == [(second, 0)]


def test_a_reader_takes_each_run_of_the_session_once_and_misses_none_silently() -> None:
    one = scheduler()
    one.begin_session(PLACE, one.open_session(PLACE))
    sequence = RunSequence(PLACE.partition, one)
    runs = [run for _ in range(3) for _, (run,) in one.iterate({PLACE: a_record()})]
    assert sequence.accepts(runs[0])
    with pytest.raises(MissingRunError):
        sequence.accepts(runs[2])
    one.begin_session(PLACE, one.open_session(PLACE))
    assert not sequence.accepts(runs[1])
    [(_, (first,))] = one.iterate({PLACE: a_record()})
    assert sequence.accepts(first)
