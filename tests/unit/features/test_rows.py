"""The slab: slots, growth and eviction."""

import numpy as np
import pytest

from streamseg.features.layout import Layout
from streamseg.features.rows import Rows


def test_missing_returns_each_absent_customer_once_in_order() -> None:
    rows = Rows(Layout.of())
    rows.load(["b"], [None])
    assert rows.missing(["c", "b", "a", "c"]) == ["c", "a"]


def test_growing_the_slab_keeps_slots_and_values() -> None:
    rows = Rows(Layout.of(), capacity=2)
    first = rows.load(["a", "b"], [None, None])
    rows.seq[first] = [7, 8]
    rows.load([f"c{i}" for i in range(100)], [None] * 100)
    assert rows.seq[rows.slots_of(["b", "a"])].tolist() == [8, 7]
    assert len(rows) == 102
    assert rows.customer_ids[rows.slots["c99"]] == "c99"


def test_a_freed_slot_is_reused_with_a_fresh_row() -> None:
    rows = Rows(Layout.of())
    slots = rows.load(["a", "b"], [None, None])
    rows.events[slots] = 5
    rows.evict(slots[:1])
    assert "a" not in rows.slots
    again = rows.load(["c"], [None])
    assert again.tolist() == slots[:1].tolist()
    assert rows.events[again].tolist() == [0]
    assert rows.events[rows.slots_of(["b"])].tolist() == [5]


def test_evicting_and_loading_a_row_changes_nothing() -> None:
    rows = Rows(Layout.of())
    slots = rows.load(["a"], [None])
    rows.sums[slots] = np.linspace(0, 1, rows.sums.shape[1])
    stored = rows.dump(slots)
    rows.evict(slots)
    assert rows.dump(rows.load(["a"], [*stored])) == stored


def test_the_least_recently_used_rows_are_evicted_first_unless_pinned() -> None:
    rows = Rows(Layout.of())
    slots = rows.load(["a", "b", "c", "d"], [None] * 4)
    for customer in ("c", "a", "d", "b"):
        rows.touch(rows.slots_of([customer]))
    assert set(rows.least_recently_used(2).tolist()) == {rows.slots["c"], rows.slots["a"]}
    pinned = np.zeros(rows.slots["c"] + 1, dtype=np.bool_)
    pinned[rows.slots["c"]] = True
    assert set(rows.least_recently_used(2, pinned).tolist()) == {rows.slots["a"], rows.slots["d"]}
    assert set(rows.least_recently_used(9).tolist()) == set(slots.tolist())
    assert len(rows.least_recently_used(0)) == 0


def test_copies_are_worked_on_elsewhere_and_come_back_as_most_recently_used() -> None:
    rows, copies = Rows(Layout.of()), Rows(Layout.of(), capacity=1)
    of = {name: rows.load([name], [None]) for name in ("a", "b", "c")}
    rows.seq[rows.slots_of(["a", "b", "c"])] = [1, 2, 3]
    assert copies.add_copies(rows, of["c"]) == 0
    begin = copies.add_copies(rows, of["a"])
    assert (copies.customer_ids, copies.seq[: begin + 1].tolist(), len(copies)) == (["c", "a"], [3, 1], 0)
    copies.seq[begin] = 10
    assert rows.seq[of["a"]].tolist() == [1]
    rows.take_back(of["a"], copies, slice(begin, begin + 1))
    assert rows.seq[rows.slots_of(["a", "b", "c"])].tolist() == [10, 2, 3]
    assert rows.least_recently_used(2).tolist() == [*of["b"], *of["c"]]


def test_clear_removes_all_rows() -> None:
    rows = Rows(Layout.of())
    rows.load(["a", "b"], [None, None])
    rows.clear()
    assert len(rows) == 0
    assert rows.missing(["a"]) == ["a"]
    assert rows.load(["b"], [None]).tolist() == [0]


def test_the_slot_of_an_absent_customer_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Rows(Layout.of()).slots_of(["nobody"])
