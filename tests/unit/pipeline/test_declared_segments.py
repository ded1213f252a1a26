"""Declared segmentations on the path: the first rule that holds decides, at one look, and all else is as ever."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from streamseg import pipeline
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.clustering.identity import OUTSIDE, UNASSIGNED, code_of
from streamseg.clustering.population import Population
from streamseg.features.layout import Layout
from streamseg.features.relayout import converted
from streamseg.pipeline import Segmentation
from tests.support.declared import STATUS, declared, live, segment_rules
from tests.support.path import DAY, NOW, PathUnderTest, click, purchase, segmentation

LAYOUT = Layout.of(segmentations=("behaviour", "status"), audiences=2, remembered_event_ids=64)
BY_RULES = Segmentation("status", declared=True)


def path_with(
    rules: SegmentRules = STATUS,
    audiences: DeclaredAudiences | None = None,
    layout: Layout = LAYOUT,
    one: Segmentation = BY_RULES,
) -> PathUnderTest:
    path = PathUnderTest(segmentation(), one, layout=layout)
    path.audiences = live(layout, audiences or DeclaredAudiences(), {"status": rules})
    return path


def test_a_look_alike_of_a_declared_segment_has_its_members_of_the_same_look_as_seed() -> None:
    alike = {"lookalike": "status-customer", "size": 5}
    path = path_with(audiences=declared({"alike": alike}, 2))
    assert path.audiences is not None
    (wanted,) = path.audiences.lookalikes
    assert wanted == ("status-customer", "behaviour"), "declared segmentations have no features to compare"
    path.feed(0, click(0))
    path.feed(1, purchase(0, 10.0, customer="c-2"))
    slots = np.sort(path.rows.slots_of(["c-1", "c-2"]))
    looked = pipeline.look(path.rows, slots, NOW, path.segmentations)
    looked.before[:] = UNASSIGNED
    found = pipeline.look_at_audiences(path.rows, slots, NOW, path.audiences, looked=looked)
    seeds = pipeline.look_at_seeds(path.rows, slots, looked, found, path.audiences)
    assert seeds is not None
    is_buyer = [path.rows.customer_ids[slot] == "c-2" for slot in slots.tolist()]
    assert seeds.members[wanted].tolist() == is_buyer
    assert seeds.due[wanted].tolist() == is_buyer


def later(path: PathUnderTest, seconds: float) -> list[dict[str, Any]]:
    """Look at the customer without an event."""
    return path.decide(path.rows.slots_of(["c-1"]), NOW + seconds)


def status(path: PathUnderTest) -> str | None:
    """The customer's segment in the row, by the ending of its id."""
    codes = {UNASSIGNED: None, OUTSIDE: "outside"} | {
        code_of(f"status-{name}"): name for name in ("lapsed", "customer", "prospect", "rich")
    }
    return codes[int(path.rows.segment[path.rows.slots["c-1"], 1])]


def changes(path: PathUnderTest) -> list[tuple[str, str]]:
    return [(one.change, one.segment) for entry in path.entries for one in entry.changes]


def test_customers_move_with_their_event_and_in_silence_and_readers_see_a_segment_like_any() -> None:
    path = path_with()
    (string,) = path.feed(0, click(0))
    assert string["segments"]["status"] == {"id": "status-prospect", "since": NOW, "score": 1.0}
    assert "audiences" not in string
    assert list(string["model"]) == ["behaviour"]
    assert ("entered", "status-prospect") in changes(path)

    path.feed(1, purchase(1, 10.0, at=NOW + 60), now=NOW + 60)
    assert changes(path) == [("exited", "status-prospect"), ("entered", "status-customer")]
    assert path.sizes["status-customer"] == 1
    assert "status-prospect" not in path.sizes
    assert path.seen_audiences is not None
    assert dict(path.seen_audiences.schedule(path.rows, path.rows.slots_of(["c-1"]))) == {"c-1": NOW + 60 + 30 * DAY}

    later(path, 30 * DAY + 59)
    assert status(path) == "customer"
    (string,) = later(path, 30 * DAY + 60)
    assert string["segments"]["status"] == {"id": "status-lapsed", "since": NOW + 30 * DAY + 60, "score": 1.0}
    assert ("exited", "status-customer") in changes(path)


def test_nothing_of_it_is_sampled_and_no_look_is_counted() -> None:
    path = path_with()
    path.feed(0, click(0))
    slots = path.rows.slots_of(["c-1"])
    sampled = pipeline.sample(path.rows, slots, NOW, path.segmentations)
    assert {pipeline.sampled(one.key)[0] for one in sampled} == {"behaviour"}
    for name in ("candidate", "streak", "looked_at", "learned_at", "held_segment", "held_candidate", "held_streak"):
        assert path.rows.slab[name][slots[0], 1] == 0, name


def test_who_is_not_in_the_population_is_in_its_group_and_no_rule_is_asked() -> None:
    path = path_with(one=replace(BY_RULES, population=Population.parse("transactions >= 1")))
    path.feed(0, click(0))
    assert status(path) == "outside"
    path.feed(1, purchase(1, 10.0, at=NOW + 60), now=NOW + 60)
    assert status(path) == "customer"
    assert changes(path) == [("exited", "status-outside"), ("entered", "status-customer")]


def test_while_an_earlier_rule_is_not_known_the_customer_is_in_no_segment() -> None:
    """The row began to keep carts after its first events: whether there was one before is not known."""
    rules = segment_rules(intending={"event": "cart", "within": "30 days"}, prospect=None)
    path = path_with(rules)
    path.audiences = None
    path.feed(0, click(0))
    wider = Layout.of(segmentations=LAYOUT.segmentations, audiences=2, remembered_event_ids=64, tracked={"cart": 1})
    after = path_with(rules, layout=wider)
    after.rows.load(["c-1"], [None])
    slot = path.rows.slots["c-1"]
    after.rows.slab[after.rows.slots["c-1"]] = converted(LAYOUT, wider, path.rows.slab[[slot]])[0]
    after.decide(after.rows.slots_of(["c-1"]), NOW + 60)
    assert status(after) is None
    later(after, 30 * DAY)
    assert status(after) == "prospect"


def test_a_rule_with_a_value_to_enter_and_one_to_leave_keeps_who_is_in() -> None:
    path = path_with(segment_rules(rich={"feature": "lifetime_spend", "enter": 100, "leave": 60}, prospect=None))
    path.feed(1, purchase(1, 70.0))
    assert status(path) == "prospect"
    path.feed(1, purchase(2, 40.0, at=NOW + 1), now=NOW + 1)
    assert status(path) == "rich"
    path.rows.slab["spend_minor"][path.rows.slots["c-1"]] = 7_000
    later(path, 2)
    assert status(path) == "rich"


def test_audiences_and_other_segmentations_ask_of_it_as_it_is_after_the_same_look() -> None:
    audience = declared({"buyers": {"segmentation": "status", "group": ["customer", "lapsed"]}}, 2)
    layout = Layout.of(segmentations=("behaviour", "status", "phase"), audiences=2, remembered_event_ids=64)
    path = PathUnderTest(segmentation(), BY_RULES, Segmentation("phase", declared=True), layout=layout)
    phase = segment_rules(after={"segment": "status-customer"}, before={"not": {"audience": "buyers"}}, gone=None)
    path.audiences = live(layout, audience, {"phase": phase, "status": STATUS})
    (string,) = path.feed(0, click(0))
    assert (string["audiences"], string["segments"]["phase"]["id"]) == ([], "phase-before")
    (string,) = path.feed(1, purchase(1, 10.0, at=NOW + 60), now=NOW + 60)
    assert (string["audiences"], string["segments"]["phase"]["id"]) == (["buyers"], "phase-after")
    (string,) = later(path, 40 * DAY)
    assert (string["audiences"], string["segments"]["phase"]["id"]) == (["buyers"], "phase-gone")


def test_a_dropped_one_lets_everybody_leave_and_nobody_is_in_it_for_others() -> None:
    audience = declared({"buyers": {"segmentation": "status", "group": "customer"}}, 2)
    path = path_with(audiences=audience)
    path.feed(1, purchase(1, 10.0))
    path.segmentations[1] = replace(BY_RULES, dropped=True)
    path.audiences = live(LAYOUT, audience, {"status": STATUS}, ["status"])
    (string,) = later(path, 60)
    assert changes(path) == [("exited", "status-customer")]
    assert (string["segments"]["status"], string["audiences"]) == (None, [])


@pytest.mark.parametrize("settles", [True, False])
def test_one_look_decides_also_one_that_no_streak_counts(settles: bool) -> None:
    path = path_with()
    path.feed(1, purchase(1, 10.0))
    slots, now = path.rows.slots_of(["c-1"]), NOW + 31 * DAY
    looked = pipeline.look(path.rows, slots, now, path.segmentations, settles=settles)
    pipeline.look_at_audiences(path.rows, slots, now, path.audiences, looked=looked)
    assert status(path) == "lapsed"
    assert looked.moved.tolist() == looked.changed.tolist() == [True]
    assert looked.score[0, 1] == 1.0
    assert np.array_equal(looked.after, path.rows.segment[slots])
