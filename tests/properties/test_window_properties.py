"""Laws of windows of time: any order and batching gives the same, and answers are those of counting all events."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from streamseg.events.types import Event
from streamseg.features.layout import Layout
from streamseg.features.times.local_time import local_time
from streamseg.features.windows.answers import AmountQuestion, AmountQuestions, CountQuestion, CountQuestions
from streamseg.features.windows.latest_times import tracked_places
from tests.support.plain_windows import Happenings, day_of
from tests.support.rows import DAY, Slab, click, item, moment, profile, purchase, source_of

ZONE = "Europe/Stockholm"
DAYS = 20
TRACKED = {
    "visit": 2, "view": 3, "view.shoes": 2, "cart.shoes": 1, "search": 1, "purchase": 3, "purchase.shoes": 2,
    "refund": 2, "coupon": 1,
}  # fmt: skip
LAYOUT = Layout.of(tracked=TRACKED, spent_days=DAYS, time_zone=ZONE, remembered_event_ids=256)
SUMMER = datetime(2024, 3, 31, 1, tzinfo=UTC).timestamp()
"""Clocks in Stockholm are set from 2 to 3 o'clock: this day has 23 hours."""
CUSTOMERS = ("c-1", "c-2")
FEW = settings(max_examples=80, deadline=None)

times = st.one_of(
    st.floats(SUMMER - 3 * DAY, SUMMER + 3 * DAY),
    st.floats(SUMMER - 40 * DAY, SUMMER + 40 * DAY),
    st.integers(-2, 2).map(lambda one: SUMMER + one),
    st.integers(-30, 30).map(lambda day: SUMMER + day * DAY - 7_200.0),
)
items = st.lists(
    st.builds(
        lambda category, coupon: item(item_category=category, coupon=coupon),
        st.sampled_from(["shoes", "Shoes", "hats", None]),
        st.sampled_from(["X", None]),
    ),
    max_size=3,
)
clicks = st.builds(
    click, times, st.sampled_from(["view_item", "add_to_cart", "search", "view_search_results", "scroll"]), items
)
purchases = st.builds(
    lambda at, cents, lines, kind, before: purchase(
        at, cents / 100, lines, event_name=kind, purchased_at=None if before is None else moment(at - before)
    ),
    times,
    st.integers(1, 5_000),
    items,
    st.sampled_from(["purchase", "purchase", "refund"]),
    st.none() | st.floats(0, 30 * DAY),
)
profiles = st.builds(lambda at: profile(at, age=30), times)
placed = st.tuples(st.one_of(clicks, purchases, purchases, profiles), st.integers(0, len(CUSTOMERS) - 1))
Placed = Sequence[tuple[Event, int]]


@st.composite
def histories(draw: st.DrawFn) -> list[tuple[Event, int]]:
    """Events with their customers; some come twice."""
    history: list[tuple[Event, int]] = draw(st.lists(placed, min_size=1, max_size=16))
    return history + draw(st.lists(st.sampled_from(history), max_size=4))


def slab_after(history: Placed, cuts: Sequence[bool], layout: Layout = LAYOUT) -> Slab:
    """Feed a history in batches: one source each, and a new one where `cuts` is True."""
    slab, batch = Slab(layout, CUSTOMERS), list[tuple[Event, int]]()
    for (event, slot), cut in zip(history, cuts, strict=True):
        if batch and (cut or source_of(batch[0][0]) != source_of(event)):
            slab.feed([event for event, _ in batch], [slot for _, slot in batch])
            batch = []
        batch.append((event, slot))
    slab.feed([event for event, _ in batch], [slot for _, slot in batch])
    return slab


def any_cuts(data: st.DataObject, history: Placed) -> list[bool]:
    return data.draw(st.lists(st.booleans(), min_size=len(history), max_size=len(history)))


@FEW
@given(st.data())
def test_any_order_and_batching_keeps_the_latest_times_and_the_amounts_of_days(data: st.DataObject) -> None:
    history = data.draw(histories())
    slab = slab_after(data.draw(st.permutations(history)), any_cuts(data, history))

    for slot in range(len(CUSTOMERS)):
        told = Happenings.of([event for event, of in history if of == slot], ZONE)
        for name, (start, end) in tracked_places(LAYOUT).items():
            assert slab.rows.tracked_times[slot, start:end].tolist() == told.latest(name, end - start), name
        latest = max((day for day, _ in told.amounts), default=0)
        assert slab.rows.spent_day[slot, 0] == latest
        kept = [sum(minor for day, minor in told.amounts if day == latest - age) for age in range(DAYS)]
        assert slab.rows.spent[slot].tolist() == kept


def moments_after(history: Placed) -> st.SearchStrategy[float]:
    """Return moments at which a look can be: not before the latest event."""
    latest = max(event.occurred_at.timestamp() for event, _ in history)
    return st.one_of(st.floats(0, 100 * DAY), st.integers(0, 3).map(float), st.just(0.0)).map(latest.__add__)


@st.composite
def counts(draw: st.DrawFn, history: Placed, at: float) -> CountQuestion:
    """Return a question about a kept event, often one whose window begins within a second of an event."""
    event = draw(st.sampled_from([*TRACKED]))
    borders = [int(at) - int(one.occurred_at.timestamp()) + step for one, _ in history for step in (-1, 0, 1)]
    seconds = draw(
        st.one_of(st.sampled_from([*map(float, borders), math.inf]), st.integers(1, 400 * 86_400).map(float))
    )
    return CountQuestion(event, draw(st.integers(1, TRACKED[event])), max(seconds, 1.0))


@FEW
@given(st.data())
def test_counts_in_windows_are_those_of_all_events_until_they_say(data: st.DataObject) -> None:
    history = data.draw(histories())
    slab, at = slab_after(history, any_cuts(data, history)), data.draw(moments_after(history))
    asked = data.draw(st.lists(counts(history, at), min_size=1, max_size=5))
    questions = CountQuestions(LAYOUT, asked)
    answers = questions.answer(slab.rows, slab.all, np.full(len(CUSTOMERS), at))
    assert answers.until is not None

    def truth(slot: int, moment: float) -> list[bool]:
        told = Happenings.of([event for event, of in history if of == slot], ZONE)
        return [told.count(one.event, one.seconds, moment) >= one.at_least for one in asked]

    for slot in range(len(CUSTOMERS)):
        now, until = truth(slot, at), float(answers.until[slot])
        assert (answers.yes[:, slot].tolist(), answers.no[:, slot].tolist()) == (now, [not one for one in now])
        assert until > at
        if until == math.inf:
            assert truth(slot, at + 40 * 365 * DAY) == now
        else:
            assert truth(slot, until) != now
            assert truth(slot, until - 1) == truth(slot, max(at, until - 0.25)) == now


@FEW
@given(st.data())
def test_amounts_of_days_are_those_of_all_purchases_and_refunds_until_they_say(data: st.DataObject) -> None:
    history = data.draw(histories())
    slab, at = slab_after(history, any_cuts(data, history)), data.draw(moments_after(history))
    one = st.builds(AmountQuestion, st.integers(1, 10_000), st.integers(1, DAYS))
    asked = data.draw(st.lists(one, min_size=1, max_size=5))
    questions = AmountQuestions(LAYOUT, asked)
    answers = questions.answer(slab.rows, slab.all, np.full(len(CUSTOMERS), at))
    assert answers.until is not None

    def sums(slot: int, moment: float) -> list[int]:
        told = Happenings.of([event for event, of in history if of == slot], ZONE)
        return [told.spent(one.days, moment, ZONE) for one in asked]

    for slot in range(len(CUSTOMERS)):
        now, until = sums(slot, at), float(answers.until[slot])
        yes = [spent >= one.minor for spent, one in zip(now, asked, strict=True)]
        assert (answers.yes[:, slot].tolist(), answers.no[:, slot].tolist()) == (yes, [not one for one in yes])
        assert until > at
        if until == math.inf:
            assert sums(slot, at + 400 * DAY) == now
        else:
            assert day_of(until, ZONE) == day_of(until - 1, ZONE) + 1, "days begin at midnight"
            assert sums(slot, until - 1) == sums(slot, max(at, until - DAY / 2)) == now


@given(
    zone=st.sampled_from(
        ["Europe/Stockholm", "America/Santiago", "Africa/Cairo", "Asia/Beirut", "America/Havana", "UTC",
         "Australia/Lord_Howe", "America/New_York", "Asia/Kathmandu", "Europe/Lisbon", "Asia/Gaza", "Asia/Tehran"]
    ),
    day=st.integers(14_000, 25_000),
)  # fmt: skip
@example(zone="Africa/Cairo", day=16_206)
@example(zone="Asia/Gaza", day=14_491)
@example(zone=ZONE, day=day_of(SUMMER, ZONE))
@settings(max_examples=300, deadline=None)
def test_a_local_day_begins_at_its_first_second(zone: str, day: int) -> None:
    days = local_time(zone)
    begins = days.midnight(np.array([day]))
    around = np.array([begins[0] - 1, begins[0]])
    assert days.day_and_hour(around)[0].tolist() == [day - 1, day]
    assert day_of(begins[0], zone) == day
