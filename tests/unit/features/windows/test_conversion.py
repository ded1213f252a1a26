"""Rows of layouts that keep other events, times and days: what they did not keep is unknown, and nothing else is."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.events.types import Event
from streamseg.features.layout import Layout
from streamseg.features.relayout import encoded_settings, with_readable
from streamseg.features.rows import Rows
from streamseg.features.windows.answers import (
    AmountQuestion,
    AmountQuestions,
    Answers,
    CountQuestion,
    CountQuestions,
)
from streamseg.features.windows.conversion import doubt
from streamseg.features.windows.tracked import Tracker
from tests.support.plain_windows import Happenings, day_of, midnight
from tests.support.rows import DAY, NOON, Slab, click, erasure, moment, purchase, refund

ZONE = "Europe/Stockholm"


def layout_of(tracked: dict[str, int], spent_days: int = 0, format_: int = 4, audiences: int = 0) -> Layout:
    made = Layout.of(
        tracked=tracked, spent_days=spent_days, time_zone=ZONE, remembered_event_ids=256, audiences=audiences
    )
    return replace(made, format=format_)


def feed(slab: Slab, events: Sequence[Event]) -> None:
    for event in events:
        slab.feed([event])


def taken_over(old: Slab, layout: Layout) -> Slab:
    """Return the rows as a worker with another layout reads them from the store."""
    known = {old.rows.layout.fingerprint: encoded_settings(old.rows.layout)}
    new = Slab(with_readable(layout, known), ())
    new.rows.load(("c-1",), old.stored())
    new._next = old._next
    return new


def counted(slab: Slab, *asked: CountQuestion, at: float) -> Answers:
    return CountQuestions(slab.rows.layout, asked).answer(slab.rows, slab.all, np.array([at]))


def summed(slab: Slab, *asked: AmountQuestion, at: float) -> Answers:
    return AmountQuestions(slab.rows.layout, asked).answer(slab.rows, slab.all, np.array([at]))


def said(answers: Answers) -> list[bool | None]:
    """Return each answer about the only row; None is unknown."""
    return [True if yes else False if no else None for yes, no in zip(answers.yes[:, 0], answers.no[:, 0], strict=True)]


def until_of(answers: Answers) -> float:
    """Return until when the answers about the only row hold, epoch seconds."""
    assert answers.until is not None
    return float(answers.until[0])


times = st.one_of(
    st.integers(-40, 0).map(lambda day: NOON + day * DAY), st.integers(-5, 0).map(lambda one: NOON - 9 * DAY + one)
)
events = st.one_of(
    st.builds(click, times, st.sampled_from(["view_item", "search"])),
    st.builds(purchase, times, st.integers(1, 9).map(float)),
    st.builds(
        lambda at, value, before: refund(at, value, purchased_at=moment(at - before * DAY)),
        times,
        st.integers(1, 9).map(float),
        st.integers(0, 40),
    ),
)
histories = st.lists(events, max_size=9)
NAMES = ("visit", "view", "search", "purchase", "refund")
trackings = st.dictionaries(st.sampled_from(NAMES), st.integers(1, 3))
layouts = st.one_of(
    st.builds(layout_of, trackings, st.integers(0, 25)),
    st.builds(layout_of, trackings, st.integers(0, 25)),
    st.just(layout_of({}, format_=3)),
)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_what_is_known_after_conversions_is_so_for_all_events(data: st.DataObject) -> None:
    slab, every = Slab(data.draw(layouts)), list[Event]()
    for _ in range(data.draw(st.integers(1, 3))):
        some = data.draw(histories)
        feed(slab, some)
        every += some
        slab = taken_over(slab, layout_of(data.draw(trackings), data.draw(st.integers(0, 25))))
    some = data.draw(histories)
    feed(slab, some)
    every += some
    told, layout = Happenings.of(every, ZONE), slab.rows.layout
    at = NOON + data.draw(st.integers(0, 30)) * DAY + data.draw(st.integers(0, 3))

    windows = st.one_of(
        st.integers(1, 45).map(lambda days: days * DAY),
        st.sampled_from([math.inf, *(at - one.occurred_at.timestamp() + 1 for one in every)]),
    )
    for event, most in layout.trackers:
        one = CountQuestion(event, data.draw(st.integers(1, most)), data.draw(windows))
        answers = counted(slab, one, at=at)
        assert said(answers)[0] in {None, told.count(event, one.seconds, at) >= one.at_least}, one
        until = until_of(answers)
        if said(answers)[0] is None and until < math.inf:
            assert said(counted(slab, one, at=until - 1)) == [None]
            assert said(counted(slab, one, at=until)) != [None]
    if layout.spent_days:
        amount = AmountQuestion(data.draw(st.integers(1, 2_000)), data.draw(st.integers(1, layout.spent_days)))
        assert said(summed(slab, amount, at=at))[0] in {None, told.spent(amount.days, at, ZONE) >= amount.minor}


def visited(*days: int, layout: Layout) -> Slab:
    """Return a customer with a view and a purchase of 10.00 on each of the days before `NOON`."""
    slab = Slab(layout)
    for day in days:
        feed(slab, [click(NOON - day * DAY), purchase(NOON - day * DAY + 60, 10.0)])
    return slab


@pytest.mark.parametrize("before", [layout_of({}, format_=3), layout_of({}), layout_of({"refund": 1})])
def test_windows_that_begin_after_the_conversion_are_known(before: Layout) -> None:
    slab = taken_over(visited(9, 2, layout=before), layout_of({"view": 2}, 20))
    seen, today = NOON - 2 * DAY + 60, day_of(NOON, ZONE)
    assert slab.rows.tracked_from[0].tolist() == [seen]
    assert slab.rows.spent_from[0].tolist() == [today - 1]

    feed(slab, [click(NOON - DAY)])
    asked = [CountQuestion("view", n, seconds) for n in (1, 2) for seconds in (2 * DAY - 60, 2 * DAY - 59, math.inf)]
    answers = counted(slab, *asked, at=NOON)
    assert said(answers) == [True, True, True, False, None, None]
    assert until_of(answers) == seen + 2 * DAY - 59 == NOON + 1

    sums = summed(slab, AmountQuestion(1, 2), AmountQuestion(1, 3), at=NOON)
    assert said(sums) == [False, None]
    assert until_of(sums) == midnight(today + 1, ZONE)
    assert said(summed(slab, AmountQuestion(1, 3), at=until_of(sums))) == [False]
    assert said(summed(slab, AmountQuestion(1, 3), at=until_of(sums) - 1)) == [None]


def test_the_latest_visit_and_purchase_are_known_without_a_tracker() -> None:
    slab = taken_over(visited(9, 2, layout=layout_of({}, format_=3)), layout_of({}))
    asked = [CountQuestion(event, 1, days * DAY) for event in ("visit", "purchase") for days in (2, 3)]
    assert said(counted(slab, *asked, at=NOON + 60)) == [False, True, False, True]
    assert said(counted(Slab(slab.rows.layout), CountQuestion("visit", 1, math.inf), at=NOON)) == [False]


def test_fewer_times_and_days_keep_the_latest() -> None:
    slab = taken_over(visited(9, 5, 2, layout=layout_of({"view": 3, "visit": 1}, 20)), layout_of({"view": 2}, 6))
    assert slab.rows.tracked_times[0].tolist() == [NOON - 2 * DAY, NOON - 5 * DAY]
    assert slab.rows.spent[0].tolist() == [1_000, 0, 0, 1_000, 0, 0]
    assert slab.rows.tracked_from[0].tolist() == slab.rows.spent_from[0].tolist() == [0], "they are complete"


def test_more_times_are_complete_from_the_last_that_was_kept() -> None:
    slab = taken_over(visited(9, 5, 2, layout=layout_of({"view": 2})), layout_of({"view": 3}))
    assert slab.rows.tracked_times[0].tolist() == [NOON - 2 * DAY, NOON - 5 * DAY, 0]
    assert slab.rows.tracked_from[0].tolist() == [NOON - 5 * DAY]
    asked = [CountQuestion("view", 3, days * DAY) for days in (5, 6)]
    assert said(counted(slab, *asked, at=NOON)) == [False, None]

    few = taken_over(visited(5, layout=layout_of({"view": 2})), layout_of({"view": 3}))
    assert few.rows.tracked_from[0].tolist() == [0], "nothing was pushed out"


def test_more_days_are_complete_from_the_first_that_was_kept() -> None:
    slab = taken_over(visited(9, 5, layout=layout_of({}, 3)), layout_of({}, 20))
    first = day_of(NOON - 5 * DAY, ZONE) - 2
    assert slab.rows.spent_from[0].tolist() == [first]
    asked = [AmountQuestion(1, 8), AmountQuestion(1, 9)]
    assert said(summed(slab, *asked, at=NOON)) == [True, None]


def test_a_refund_of_before_the_first_visit_may_have_been_dropped_too() -> None:
    slab = Slab(layout_of({}, 3))
    feed(slab, [purchase(NOON, 10.0), refund(NOON, 9.0, purchased_at=moment(NOON - 9 * DAY))])
    slab = taken_over(slab, layout_of({}, 20))
    assert said(summed(slab, AmountQuestion(500, 3), AmountQuestion(500, 10), at=NOON)) == [True, None]

    slab = taken_over(visited(2, layout=layout_of({}, 3)), layout_of({}, 20))
    assert slab.rows.spent_from[0].tolist() == [0], "nothing was dropped"


def test_an_erased_customer_begins_complete_and_keeps_what_counts_the_exits() -> None:
    slab = visited(9, 2, layout=layout_of({"view": 2}, 20, audiences=2))
    slab = taken_over(slab, layout_of({"view": 3, "search": 1}, 30, audiences=3))
    slab.rows.entered[0], slab.rows.audiences_as_of[0], slab.rows.due_at[0] = (7, 0, 9), 3, 11
    feed(slab, [erasure(NOON)])
    rows = slab.rows
    for name in ("tracked_times", "tracked_from", "spent", "spent_day", "spent_from"):
        assert not rows.slab[name][0].any(), name
    assert (rows.entered[0].tolist(), rows.audiences_as_of[0].tolist(), rows.due_at[0].tolist()) == (
        [7, 0, 9],
        [3],
        [11],
    )
    assert said(counted(slab, CountQuestion("view", 1, math.inf), at=NOON)) == [False]


def test_audiences_stay_in_their_columns() -> None:
    old = visited(2, layout=layout_of({}, audiences=2))
    old.rows.entered[0], old.rows.audiences_as_of[0], old.rows.due_at[0] = (7, 8), 3, 11
    more = taken_over(old, layout_of({}, audiences=4)).rows
    assert (more.entered[0].tolist(), more.audiences_as_of[0, 0], more.due_at[0, 0]) == ([7, 8, 0, 0], 3, 11)
    assert taken_over(old, layout_of({})).rows.entered.shape[1] == 0
    fresh = taken_over(visited(2, layout=layout_of({}, format_=3)), layout_of({}, audiences=2)).rows
    assert (fresh.entered[0].tolist(), fresh.audiences_as_of[0, 0], fresh.due_at[0, 0]) == ([0, 0], 0, 0)


def test_rows_of_several_shapes_are_read_at_once() -> None:
    shapes = [layout_of({}, format_=3), layout_of({"view": 1}), layout_of({"view": 3}, 20), layout_of({}, audiences=1)]
    stored = [visited(9, 2, layout=one).stored()[0] for one in shapes]
    new = layout_of({"view": 2}, 9)
    rows = Rows(with_readable(new, {one.fingerprint: encoded_settings(one) for one in shapes}))
    rows.load([f"c-{n}" for n in range(4)], stored)
    assert rows.layout.trackers == (Tracker("view", 2),)
    two, nine = NOON - 2 * DAY, NOON - 9 * DAY
    assert rows.tracked_times[:4].tolist() == [[0, 0], [two, 0], [two, nine], [0, 0]]
    assert rows.tracked_from[:4, 0].tolist() == [two + 60, two, 0, two + 60]
    assert rows.last_click[:4].tolist() == [two] * 4


def test_what_a_log_lacks_is_unknown_after_a_rebuild_and_not_denied() -> None:
    layout = layout_of({"view": 2}, spent_days=10)
    slab = Slab(layout, ("c-1", "c-2"))
    slab.feed([click(NOON), purchase(NOON, 5.0)])
    doubt(slab.rows.slab[:2], layout)
    views = CountQuestion("view", 2, 2 * DAY), CountQuestion("view", 1, 2 * DAY)
    assert said(counted(slab, *views, at=NOON + DAY)) == [None, True]
    assert said(counted(slab, *views, at=NOON + 3 * DAY)) == [False, False]
    assert said(summed(slab, AmountQuestion(1, 2), at=NOON + DAY)) == [None]
    assert said(summed(slab, AmountQuestion(1, 2), at=NOON + 3 * DAY)) == [False]
    assert not slab.rows.tracked_from[1].any()  # nothing is lacked of who has no events
