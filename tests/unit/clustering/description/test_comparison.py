"""Comparing two segmentations: counts of movers, checked by hand."""

from collections.abc import Sequence

from streamseg.clustering.description.comparison import MAX_FLOWS, Comparison, Counterpart, Flow, SegmentPairs, compare
from streamseg.clustering.description.describe import pseudonym


def compared(customers: Sequence[str], old: Sequence[str | None], new: Sequence[str | None]) -> Comparison:
    pairs = SegmentPairs()
    pairs.add(customers, old, new)
    return compare(pairs)


def test_customers_whose_segment_is_not_the_counterpart_of_their_old_one_count_as_moved() -> None:
    customers = [f"c-{n}" for n in range(10)]
    old = ["a"] * 5 + ["b"] * 4 + [None]
    new = ["x"] * 4 + ["y"] + ["y"] * 3 + [None, "x"]

    found = compared(customers, old, new)

    assert (found.customers, found.only_old, found.only_new) == (8, 1, 1)
    assert (found.moved, found.moved_share) == (1, 1 / 8)
    assert found.segments == (Counterpart("x", 4, "a", 5, 4), Counterpart("y", 4, "b", 3, 3))
    assert found.flows == (Flow("a", "y", 1, (pseudonym("c-4"),)),)


def test_an_additional_segment_has_no_counterpart_and_all_its_members_move() -> None:
    found = compared(["p", "q", "r", "s"], ["a", "a", "a", "a"], ["x", "x", "x", "y"])
    assert found.moved == 1
    assert [one.counterpart for one in found.segments] == ["a", None]


def test_renamed_segments_move_nobody() -> None:
    assert compared(["p", "q"], ["a", "b"], ["y", "x"]).moved == 0


def test_movers_outside_the_largest_flows_are_counted_too() -> None:
    pairs = [(f"old-{n}", f"new-{m}") for n in range(6) for m in range(3) for _ in range(1 + (n == m))]
    found = compared([f"c-{n}" for n in range(len(pairs))], *zip(*pairs, strict=True))
    assert (len(found.flows), found.moved) == (MAX_FLOWS, 15)
    assert found.moved_otherwise == 15 - sum(flow.customers for flow in found.flows) == 3


def test_segmentations_without_a_common_customer_can_be_compared() -> None:
    assert compared(["p"], [None], ["x"]) == Comparison(0, 0, 1, 0, 0.0, (), (), 0)
