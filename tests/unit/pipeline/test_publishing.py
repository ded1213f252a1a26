"""Publishing: when a membership string is written, and with which changes."""

import math
from dataclasses import replace

from tests.support.path import DAY, NOW, SEGMENTS, PathUnderTest, click, path_with_age, record


def test_a_first_click_publishes_the_membership_with_its_change() -> None:
    path = PathUnderTest()

    (published,) = path.feed(0, click(0))

    assert published["segments"]["behaviour"]["id"] == SEGMENTS[0]
    assert [(change.segment, change.change) for change in published["changes"]] == [(SEGMENTS[0], "entered")]
    assert (published["epoch"], published["seq"], published["as_of"]) == (7, 1, int(NOW))
    assert published["model"] == {"behaviour": 3}
    assert published["consent"] == {"ads": False, "personalisation": True}
    assert path.sizes == {SEGMENTS[0]: 1}


def test_nothing_is_published_while_nothing_changes() -> None:
    path = PathUnderTest()
    path.feed(0, click(0))

    assert path.feed(0, click(1)) == []


def test_a_consent_is_published_at_once_and_assigns_nobody() -> None:
    path = PathUnderTest()

    (published,) = path.feed(3, record(3, 0, consent={"ads": True, "personalisation": False}))

    assert published["consent"] == {"ads": True, "personalisation": False}
    assert published["segments"] == {"behaviour": None}


def test_an_erasure_withdraws_the_membership_and_a_late_click_does_not_restore_it() -> None:
    path = PathUnderTest()
    path.feed(0, click(0))

    (published,) = path.feed(4, record(4, 0))

    assert published == {"gone": True, "changes": ()}
    assert path.sizes == {}
    assert path.feed(0, click(1, at=NOW - 60)) == []


def test_a_membership_is_rewritten_before_its_bound() -> None:
    path = PathUnderTest()
    path.feed(0, click(0))
    slots = path.rows.slots_of(["c-1"])

    assert path.decide(slots, NOW + 0.4 * DAY) == []
    (renewed,) = path.decide(slots, NOW + 0.6 * DAY)
    assert renewed["as_of"] == int(NOW + 0.6 * DAY)
    assert renewed["changes"] == ()


def test_a_segmentation_in_shadow_is_assigned_but_not_published() -> None:
    path = path_with_age(public_from=math.inf)
    path.feed(0, click(0))

    assert path.feed(2, record(2, 0, traits={"age": 75})) == [], "a change in shadow is not published"

    assert path.sizes == {SEGMENTS[0]: 1, "age-bbbb": 1}
    (published,) = path.decide(path.rows.slots_of(["c-1"]), NOW + DAY)
    assert published["segments"].keys() == published["model"].keys() == {"behaviour"}
    assert published["changes"] == ()


def test_customers_enter_a_promoted_segmentation_once() -> None:
    path = path_with_age(public_from=math.inf)
    path.feed(0, click(0))
    path.feed(2, record(2, 0, traits={"age": 75}))
    slots = path.rows.slots_of(["c-1"])
    path.segmentations[1] = replace(path.segmentations[1], public_from=NOW + 5)

    assert path.decide(slots, NOW + 4) == []
    (published,) = path.decide(slots, NOW + 5)
    assert published["segments"]["age"]["id"] == "age-bbbb"
    assert [(change.segment, change.change) for change in published["changes"]] == [("age-bbbb", "entered")]
    assert path.decide(slots, NOW + 6) == []

    (published,) = path.feed(2, record(2, 1, at=NOW + 7, traits={"age": 20}), now=NOW + 7)
    assert [change.change for change in published["changes"]] == ["exited", "entered"]
