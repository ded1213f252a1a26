"""Properties of rows: order and batching do not matter, replay changes nothing, vectors are finite and decay."""

from collections.abc import Sequence

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from streamseg.events.types import Event
from streamseg.features.aggregates import CLICK_COUNTS
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from streamseg.features.rows import Rows
from streamseg.features.update import Source
from streamseg.features.vector import vectors
from tests.support.rows import DAY, NOON, Slab, click, consent, erasure, item, moment, profile, purchase, source_of

LAYOUT = Layout.of(
    categories=("shoes",),
    attributes=(Attribute("age", typical=35.0), Attribute("country", ("nl", "se")), Attribute("city", found=4)),
    time_zone="Europe/Stockholm",
    brand_groups=4,
    category_groups=3,
    counted=("channel", "browser", "platform"),
    search_groups={"gift": ("gift*",), "fast": ("express", "gift card")},
    tracked={"visit": 2, "view.shoes": 3, "cart": 1, "purchase": 2, "refund": 1, "search": 1},
    spent_days=30,
)
CUSTOMERS = ("c-1", "c-2", "c-3")
FEW = settings(max_examples=60, deadline=None)

times = st.one_of(st.floats(NOON - 90 * DAY, NOON), st.integers(0, int(NOON)).map(float))
optional_price = st.none() | st.floats(0, 1e5)
items = st.lists(
    st.builds(
        lambda price, quantity, category, discount, brand: item(
            price=price, quantity=quantity, item_category=category, discount=discount, item_brand=brand
        ),
        optional_price,
        st.integers(1, 20),
        st.sampled_from(["shoes", "Hats", None]),
        optional_price,
        st.sampled_from(["Trail Co", "Socks & Sons", None]),
    ),
    max_size=3,
)
clicks = st.builds(
    lambda at, name, lines, device, words: click(at, name, lines, device_category=device, **words),
    times,
    st.sampled_from([*CLICK_COUNTS, "scroll"]),
    items,
    st.sampled_from(["mobile", "tablet", "other", None]),
    st.fixed_dictionaries(
        {},
        optional={
            "page_location": st.sampled_from(["https://shop.example/", "https://shop.example/?utm_medium=email", "?"]),
            "page_referrer": st.sampled_from(["https://www.bing.com/", "https://shop.example/shoes", ""]),
            "browser": st.sampled_from(["Chrome", "Lynx", ""]),
            "platform": st.sampled_from(["web", "IOS", "tv"]),
            "search_term": st.sampled_from(["a gift card, express", "shoes", ""]),
        },
    ),
)
purchases = st.builds(
    lambda at, value, lines, kind, before: purchase(
        at, value, lines, event_name=kind, purchased_at=None if before is None else moment(max(at - before, 0.0))
    ),
    times,
    st.floats(0, 1e6),
    items,
    st.sampled_from(["purchase", "purchase", "refund"]),
    st.none() | st.floats(0, 60 * DAY),
)
answers = st.sampled_from([None, True, False])
consents = st.builds(lambda at, ads, own: consent(at, ads=ads, personalisation=own), times, answers, answers)
profiles = st.builds(
    lambda at, age, country, city: profile(at, age=age, country=country, city=city),
    times,
    st.none() | st.integers(0, 120),
    st.sampled_from(["nl", "se", "xx"]),
    st.sampled_from(["Kristiansand", "Kristiansund", "", None]),
)
placed = st.tuples(st.one_of(clicks, purchases, consents, profiles), st.integers(0, len(CUSTOMERS) - 1))
histories = st.lists(placed, min_size=1, max_size=25)


def batches(history: Sequence[tuple[Event, int]], cuts: Sequence[bool]) -> list[tuple[list[Event], list[int]]]:
    """Split a history into batches of one source each, also where `cuts` is True."""
    made: list[tuple[list[Event], list[int]]] = []
    for (event, slot), cut in zip(history, cuts, strict=True):
        if cut or not made or type(made[-1][0][0]) is not type(event):
            made.append(([], []))
        made[-1][0].append(event)
        made[-1][1].append(slot)
    return made


def slab_after(history: Sequence[tuple[Event, int]], cuts: Sequence[bool]) -> Slab:
    slab = Slab(LAYOUT, CUSTOMERS)
    for events, slots in batches(history, cuts):
        slab.feed(events, slots)
    return slab


def assert_same(one: Rows, other: Rows) -> None:
    """Assert that all fields are equal, except those that depend on arrival: last applied offsets and ring."""
    for name in LAYOUT.dtype.names or ():
        if name == "sums":
            scale = np.abs(one.sums).max(initial=1.0)
            np.testing.assert_allclose(one.sums, other.sums, rtol=1e-4, atol=1e-6 * float(scale))
        elif name not in ("fences", "ring"):
            np.testing.assert_array_equal(one.slab[name], other.slab[name], err_msg=name)


@FEW
@given(st.data())
def test_any_order_and_any_batching_give_the_same_rows(data: st.DataObject) -> None:
    history: list[tuple[Event, int]] = [*data.draw(histories)]
    if data.draw(st.booleans()):  # an erasure commutes if all events are before it
        history = [(erasure(NOON + DAY), 0), *history]
    other = data.draw(st.permutations(history))
    cuts = st.lists(st.booleans(), min_size=len(history), max_size=len(history))
    assert_same(slab_after(history, data.draw(cuts)).rows, slab_after(other, data.draw(cuts)).rows)


@FEW
@given(st.data())
def test_replaying_any_prefix_changes_nothing(data: st.DataObject) -> None:
    history = data.draw(histories)
    cuts = data.draw(st.lists(st.booleans(), min_size=len(history), max_size=len(history)))
    runs = batches(history, cuts)
    slab = Slab(LAYOUT, CUSTOMERS)
    starts: list[int] = []
    reached = dict.fromkeys(Source, 0)
    for events, slots in runs:
        starts.append(reached[source_of(events[0])])
        reached[source_of(events[0])] += len(events)
        slab.feed(events, slots, offset=starts[-1])
    stored = slab.stored()
    for (events, slots), start in list(zip(runs, starts, strict=True))[: data.draw(st.integers(1, len(runs)))]:
        assert slab.feed(events, slots, offset=start).replayed == len(events)
    assert slab.stored() == stored


@FEW
@given(histories)
def test_stored_rows_are_loaded_and_dumped_unchanged(history: list[tuple[Event, int]]) -> None:
    slab = slab_after(history, [False] * len(history))
    other = Rows(LAYOUT)
    assert other.dump(other.load(CUSTOMERS, slab.stored())) == slab.stored()


@FEW
@given(histories, st.floats(0, 1e11))
def test_vectors_are_finite_at_any_time(history: list[tuple[Event, int]], now: float) -> None:
    slab = slab_after(history, [False] * len(history))
    assert np.isfinite(vectors(slab.rows, slab.all, now, list(catalogue(LAYOUT)))).all()


@FEW
@given(histories)
def test_counts_halve_in_a_half_life(history: list[tuple[Event, int]]) -> None:
    slab = slab_after(history, [False] * len(history))
    names = ["clicks", "views", "purchases", "items", "spend"]
    now = vectors(slab.rows, slab.all, NOON, names)
    later = vectors(slab.rows, slab.all, NOON + LAYOUT.half_life_seconds, names)
    np.testing.assert_allclose(later, now / 2, rtol=1e-9)
