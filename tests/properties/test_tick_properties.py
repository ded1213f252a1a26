"""Batching does not decide memberships: same events in order, same settled state. Issue 13, item 7."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamseg import pipeline
from streamseg.clustering.assign import Assigner
from streamseg.clustering.handover import Handover
from streamseg.clustering.identity import OUTSIDE, id_of
from streamseg.clustering.population import Population
from streamseg.events.record import MemoryRecord
from streamseg.topics import INPUT_TOPICS
from tests.support.path import DAY, MONEY, NOW, SEGMENTS, PathUnderTest, click, purchase, record, segmentation

MINUTE = 60.0
CUSTOMERS = ("c-1", "c-2", "c-3")
BEGAN = NOW - 100 * DAY
Shape = tuple[int, str, float]
"""Source of an event, customer, and seconds since the event before."""

Event = tuple[int, MemoryRecord]
"""Source and record."""

gaps = st.sampled_from([0.0, 1.0, 25.0, 59.0, 60.0, 61.0, 600.0, 3 * DAY])
shapes = st.lists(st.tuples(st.integers(0, 3), st.sampled_from(CUSTOMERS), gaps), min_size=1, max_size=30)


def events_of(shape: Sequence[Shape]) -> list[Event]:
    """Events in the order of time, each with its source; each topic has offsets of its own."""
    at, offsets, made = BEGAN, [0] * len(INPUT_TOPICS), list[Event]()
    for source, customer, gap in shape:
        at += gap
        offset = offsets[source]
        offsets[source] += 1
        match source:
            case 0:
                one = click(offset, at, customer)
            case 1:
                one = purchase(offset, 30.0, at, customer)
            case 2:
                one = record(2, offset, at, customer, traits={"age": 40})
            case _:
                one = record(3, offset, at, customer, consent={"ads": True})
        made.append((source, one))
    return made


class Batched(PathUnderTest):
    """A path that takes flushes of several events, as a worker takes its cycles."""

    def flush(self, events: Sequence[Event], runs_of: int = 100) -> list[dict[str, Any]]:
        """Take the events in runs of up to `runs_of` records, flush them together; returns the outbox entries."""
        runs = []
        for source in range(len(INPUT_TOPICS)):
            records = [one for of, one in events if of == source]
            for start in range(0, len(records), runs_of):
                taken = self.take(source, *records[start : start + runs_of])
                self.rows.load(taken.missing, [None] * len(taken.missing))
                runs.append(pipeline.TakenRun(source, taken))
        absorbed = pipeline.absorb_runs(self.rows, runs, MONEY, self.segmentations, 0.0)
        return self.decide(absorbed.slots, earliest=0.0, flushed=absorbed.flushed)

    def settled(self) -> list[tuple[int, ...]]:
        """Segment, candidate and streak of each customer."""
        columns = (self.rows.segment, self.rows.candidate, self.rows.streak)
        return [tuple(int(column[self.rows.slots[one], 0]) for column in columns) for one in sorted(self.rows.slots)]

    def sweep(self) -> None:
        """Look at everybody at a fixed time."""
        self.decide(np.arange(len(self.rows)), NOW)


def three_segments(minutes: int = 1) -> pipeline.Segmentation:
    """A model without customers on a border: those of the test have few views and purchases, both whole numbers."""
    own = segmentation(looks=2)
    assert own.assigner is not None
    model = replace(
        own.assigner.snapshot,
        centres=((2.31, 0.17), (0.23, 2.7), (3.37, 3.93)),
        segments=(*SEGMENTS, "behaviour-cccc"),
        counts=(1, 1, 1),
    )
    return replace(own, assigner=Assigner(model), look_interval_seconds=MINUTE * minutes)


def at_first(minutes: int) -> pipeline.Segmentation:
    """The model before, as it was until the handover."""
    moving = in_handover(minutes)
    assert moving.assigner is not None
    snapshot = moving.assigner.snapshot
    assert snapshot.handover is not None
    before = replace(
        snapshot, centres=snapshot.handover.centres, segments=snapshot.handover.segments, counts=(1, 1), handover=None
    )
    return replace(moving, assigner=Assigner(before))


def in_handover(minutes: int) -> pipeline.Segmentation:
    """The same model while customers move to it from one with other borders, half of whose segments close."""
    own = three_segments(minutes)
    assert own.assigner is not None
    before = Handover((SEGMENTS[0], "behaviour-dddd"), ((1.31, 0.47), (1.23, 3.7)), BEGAN + MINUTE, BEGAN + 2 * DAY)
    return replace(own, assigner=Assigner(replace(own.assigner.snapshot, handover=before)))


def batches(events: Sequence[Event], cuts: Sequence[int]) -> list[Sequence[Event]]:
    places = sorted({0, *(cut for cut in cuts if cut < len(events)), len(events)})
    return [events[start:end] for start, end in pairwise(places)]


@settings(max_examples=150, deadline=None)
@given(
    shape=shapes, cuts=st.lists(st.integers(1, 30), max_size=6), runs_of=st.integers(1, 30), minutes=st.integers(1, 3)
)
@example(shape=[(0, "c-1", 0.0)] + [(1, "c-1", MINUTE)] * 6, cuts=[], runs_of=30, minutes=1)
@example(
    shape=[(0, "c-1", 0.0), (0, "c-1", 600.0), (1, "c-1", 600.0), (0, "c-1", 600.0)], cuts=[], runs_of=9, minutes=1
)
def test_the_same_events_settle_everybody_alike_in_any_runs_and_flushes(
    shape: list[Shape], cuts: list[int], runs_of: int, minutes: int
) -> None:
    events, own = events_of(shape), three_segments(minutes)
    single, batched = Batched(own), Batched(own)
    for one in events:
        single.flush([one], 1)
    for batch in batches(events, cuts):
        batched.flush(batch, runs_of)
    assert batched.settled() == single.settled()
    single.sweep()
    batched.sweep()
    assert batched.settled() == single.settled()


@settings(max_examples=150, deadline=None)
@given(before=shapes, shape=shapes, cuts=st.lists(st.integers(1, 30), max_size=6), minutes=st.integers(1, 3))
def test_batching_does_not_decide_either_who_moves_to_an_adopted_model(
    before: list[Shape], shape: list[Shape], cuts: list[int], minutes: int
) -> None:
    """Customers who are in segments of the model before get events while they move, one by one or together."""
    events = events_of([*before, *shape])
    single, batched = (Batched(at_first(minutes)) for _ in range(2))
    for path in (single, batched):
        path.flush(events[: len(before)])
        path.segmentations = [in_handover(minutes)]
    for one in events[len(before) :]:
        single.flush([one], 1)
    for batch in batches(events[len(before) :], cuts):
        batched.flush(batch)
    assert batched.settled() == single.settled()
    single.sweep()
    batched.sweep()
    assert batched.settled() == single.settled()


@settings(max_examples=60, deadline=None)
@given(shape=shapes, cuts=st.lists(st.integers(1, 30), max_size=6), least=st.integers(1, 4))
def test_who_belongs_does_not_depend_on_runs_and_flushes_either(
    shape: list[Shape], cuts: list[int], least: int
) -> None:
    own = replace(three_segments(), population=Population("transactions", ">=", least))
    events, single, batched = events_of(shape), Batched(own), Batched(own)
    for one in events:
        single.flush([one], 1)
    for batch in batches(events, cuts):
        batched.flush(batch, 9)
    assert batched.settled() == single.settled()
    bought = Counter(one.key.decode() for source, one in events if source == 1 and one.key is not None)
    for customer, slot in batched.rows.slots.items():
        assert (batched.rows.segment[slot, 0] == OUTSIDE) == (bought[customer] < least)


@settings(max_examples=60, deadline=None)
@given(shape=shapes, cuts=st.lists(st.integers(1, 30), max_size=6))
def test_what_is_published_follows_from_flush_to_flush(shape: list[Shape], cuts: list[int]) -> None:
    """Moves at looks between flushes are not told, and what is told adds up: also the sizes."""
    path, told = Batched(three_segments()), dict[str, str | None]()
    for batch in batches(events_of(shape), cuts):
        for entry in path.flush(batch):
            customer = entry["customer_id"]
            exited = [change.segment for change in entry["changes"] if change.change == "exited"]
            assert exited in ([], [told.get(customer)])
            now = entry["segments"]["behaviour"]
            told[customer] = None if now is None else now["id"]
        sizes = Counter(segment for segment in told.values() if segment is not None)
        assert path.sizes == sizes


@pytest.mark.parametrize("gap", [1.0, MINUTE])
def test_six_equal_purchases_move_a_customer_alike_in_one_run_and_in_six_flushes(gap: float) -> None:
    events = events_of([(0, "c-1", 0.0), *[(1, "c-1", gap)] * 6])
    together, apart = Batched(segmentation(looks=2)), Batched(segmentation(looks=2))
    for path, size in ((together, 6), (apart, 1)):
        path.flush(events[:1])
        assert id_of("behaviour", path.settled()[0][0]) == SEGMENTS[0]
        for start in range(1, 7, size):
            path.flush(events[start : start + size])
    assert together.settled() == apart.settled()
    if gap == MINUTE:
        assert id_of("behaviour", apart.settled()[0][0]) == SEGMENTS[1], "several ticks, several looks"
    together.sweep()
    apart.sweep()
    assert together.settled() == apart.settled()
