"""Publishing: when a membership string is written, and with which changes."""

import math
from dataclasses import replace

import pytest

from streamseg.membership.types import Consent
from tests.support.path import DAY, NOW, SEGMENTS, PathUnderTest, click, path_with_age, record


def test_a_first_click_publishes_the_membership_with_its_change() -> None:
    path = PathUnderTest()

    (published,) = path.feed(0, click(0))

    assert published["segments"]["behaviour"]["id"] == SEGMENTS[0]
    assert [(change.segment, change.change) for change in published["changes"]] == [(SEGMENTS[0], "entered")]
    assert (published["epoch"], published["seq"], published["as_of"]) == (7, 1, int(NOW))
    assert published["model"] == {"behaviour": 3}
    assert published["consent"] == {"ads": False, "personalisation": True, "analytics": True}
    assert path.sizes == {SEGMENTS[0]: 1}


def test_nothing_is_published_while_nothing_changes() -> None:
    path = PathUnderTest()
    path.feed(0, click(0))

    assert path.feed(0, click(1)) == []


def test_a_consent_is_published_at_once_and_assigns_nobody() -> None:
    path = PathUnderTest()

    (published,) = path.feed(3, record(3, 0, consent={"ads": True, "personalisation": False}))

    assert published["consent"] == {"ads": True, "personalisation": False, "analytics": True}
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


CONSENTS, ERASURES = 3, 4


def consented(path: PathUnderTest, number: int, **answers: bool) -> list[dict[str, object]]:
    return path.feed(CONSENTS, record(CONSENTS, number, at=NOW + number, consent=answers))


def test_a_changed_answer_is_a_change_with_the_answers_before_it() -> None:
    """Issue 13, item 16."""
    path = PathUnderTest()
    path.feed(0, click(0))

    (granted,) = consented(path, 1, ads=True)
    assert (granted["changes"], granted["consent"]) == ((), {"ads": True, "personalisation": True, "analytics": True})
    assert [entry.previous for entry in path.entries] == [Consent(ads=False, personalisation=True)]
    assert path.entries[0].is_change

    (withdrawn,) = consented(path, 2, ads=False, personalisation=False)
    assert (withdrawn["changes"], withdrawn["consent"]) == (
        (),
        {"ads": False, "personalisation": False, "analytics": True},
    )
    assert [entry.previous for entry in path.entries] == [Consent(ads=True, personalisation=True)]


def test_an_answer_that_changes_nothing_is_no_change() -> None:
    """Issue 13, item 16: the answer is the effective one, so an unknown answer follows the setting."""
    path = PathUnderTest()
    path.feed(0, click(0))

    assert consented(path, 1, ads=False) == []
    assert consented(path, 2, personalisation=True) == []
    assert consented(path, 3, ads=True)
    assert consented(path, 4, ads=True) == []


@pytest.mark.parametrize("ads", [True, False])
def test_a_deletion_has_the_answers_before_the_erasure(ads: bool) -> None:
    """Issue 13, item 16."""
    path = PathUnderTest()
    path.feed(0, click(0))
    consented(path, 1, ads=ads)

    assert path.feed(ERASURES, record(ERASURES, 2, at=NOW + 9)) == [{"gone": True, "changes": ()}]
    assert [entry.previous for entry in path.entries] == [Consent(ads=ads, personalisation=True)]


def test_a_consent_and_an_erasure_in_one_flush_have_the_answers_of_the_flush_before() -> None:
    """Issue 13, item 16: readers were told of the answers of the latest flush, not of those between two flushes."""
    path = PathUnderTest()
    path.feed(0, click(0))
    consented(path, 1, ads=True)
    slots, before = path.rows.slots_of(["c-1"]), path.answers_of(["c-1"])
    path.absorb(CONSENTS, record(CONSENTS, 2, at=NOW + 2, consent={"ads": False}))
    path.absorb(ERASURES, record(ERASURES, 3, at=NOW + 9))

    assert path.decide(slots, answered=before) == [{"gone": True, "changes": ()}]
    assert [entry.previous for entry in path.entries] == [Consent(ads=True, personalisation=True)]


def test_a_customer_who_returns_within_the_flush_of_the_erasure_loses_the_answers() -> None:
    """Issue 13, item 16: the earlier answers are erased too, and readers learn of it."""
    path = PathUnderTest()
    path.feed(0, click(0))
    consented(path, 1, ads=True)
    slots, before = path.rows.slots_of(["c-1"]), path.answers_of(["c-1"])
    path.absorb(ERASURES, record(ERASURES, 2, at=NOW + 9))
    path.absorb(0, click(1, at=NOW + 20))

    (published,) = path.decide(slots, answered=before)
    assert published["consent"] == {"ads": False, "personalisation": True, "analytics": True}
    assert [entry.previous for entry in path.entries] == [Consent(ads=True, personalisation=True)]
