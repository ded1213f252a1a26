"""Who does not belong to a segmentation is in its declared group at once, and is not learned from."""

import json
from dataclasses import replace

import pytest

from streamseg import pipeline
from streamseg.clustering.population import Population
from streamseg.events.record import MemoryRecord
from tests.support.path import (
    DAY,
    LAYOUT_WITH_AGE,
    NOW,
    SEGMENTS,
    PathUnderTest,
    by_age,
    click,
    purchase,
    record,
    segmentation,
)

OUTSIDE = "behaviour-outside"
SPENT = Population.parse("lifetime_spend > 0")


def path_of(rule: Population | None = SPENT, *, warm: bool = True, looks: int = 3) -> PathUnderTest:
    return PathUnderTest(replace(segmentation(warm=warm, looks=looks), population=rule))


def refund(offset: int, value: float, at: float) -> MemoryRecord:
    return record(1, offset, at, event_name="refund", transaction_id=f"r{offset}", value=value, currency="EUR")


def now_in(entry: dict[str, object]) -> str | None:
    found = json.loads(json.dumps(entry["segments"]))["behaviour"]
    return None if found is None else found["id"]


@pytest.mark.parametrize("warm", [True, False])
def test_who_does_not_fit_is_in_the_declared_group_with_or_without_a_model(warm: bool) -> None:
    path = path_of(warm=warm)
    (entry,) = path.feed(0, click(0))
    assert entry["segments"]["behaviour"] == {"id": OUTSIDE, "since": int(NOW), "score": 1.0}
    assert [(one.segment, one.change) for one in entry["changes"]] == [(OUTSIDE, "entered")]
    assert path.sizes == {OUTSIDE: 1}


def test_a_customer_of_whom_only_a_profile_is_known_has_not_bought_either() -> None:
    (entry,) = path_of().feed(2, record(2, 0, traits={"age": 40}))
    assert now_in(entry) == OUTSIDE


def test_the_answer_counts_at_once_though_the_segmentation_asks_for_three_looks() -> None:
    path = path_of(looks=3)
    path.feed(0, click(0))
    (bought,) = path.feed(1, purchase(0, 30.0, NOW + 1), now=NOW + 1)
    assert now_in(bought) in SEGMENTS
    assert [one.change for one in bought["changes"]] == ["exited", "entered"]
    (returned,) = path.feed(1, refund(1, 30.0, NOW + 2), now=NOW + 2)
    assert now_in(returned) == OUTSIDE
    assert path.rows.candidate[0, 0] == path.rows.streak[0, 0] == 0
    assert path.sizes == {OUTSIDE: 1}


def test_a_buyer_is_unassigned_while_there_is_no_model() -> None:
    path = path_of(warm=False)
    path.feed(0, click(0))
    (bought,) = path.feed(1, purchase(0, 30.0))
    assert now_in(bought) is None
    assert path.sizes == {}


def test_a_rule_that_was_taken_away_leaves_nobody_behind() -> None:
    path = path_of()
    path.feed(0, click(0))
    path.segmentations = [segmentation()]
    path.decide(path.rows.slots_of(["c-1"]))
    assert set(path.sizes) <= set(SEGMENTS)
    assert sum(path.sizes.values()) == 1


def test_an_erased_customer_is_in_no_group_and_a_dropped_segmentation_has_none() -> None:
    path = path_of()
    path.feed(0, click(0), click(1, customer="c-2"))
    path.feed(4, record(4, 0, NOW + 1))
    assert path.sizes == {OUTSIDE: 1}
    path.segmentations = [replace(path.segmentations[0], dropped=True, assigner=None)]
    path.decide(path.rows.slots_of(["c-2"]), NOW + 2)
    assert path.sizes == {}


def test_a_segmentation_by_attributes_has_a_population_too() -> None:
    adults = replace(by_age(), population=Population.parse("profile_age >= 18"))
    path = PathUnderTest(segmentation(), adults, layout=LAYOUT_WITH_AGE)
    for offset, (age, found) in enumerate([(12, "age-outside"), (30, "age-aaaa"), (None, "age-outside")]):
        (entry,) = path.feed(2, record(2, offset, NOW + offset, traits={"age": age}), now=NOW + offset)
        assert entry["segments"]["age"]["id"] == found, "an age that is not known is no age of 18"


def test_nobody_outside_is_sampled_and_the_sample_of_who_left_is_deleted_once() -> None:
    path = path_of()
    path.feed(0, click(0), click(1, customer="c-2"))
    path.feed(1, purchase(0, 30.0, NOW + 1))
    slots = path.rows.slots_of(["c-1", "c-2"])
    (sampled,) = pipeline.sample(path.rows, slots, NOW + 1, path.segmentations)
    assert sampled.customer_id == "c-1"
    path.feed(1, refund(1, 30.0, NOW + 2))
    (deleted,) = pipeline.sample(path.rows, slots, NOW + 2, path.segmentations, [pipeline.Part(len(slots), epoch=7)])
    assert (deleted.key, deleted.value, deleted.headers) == (b"behaviour|c-1", None, (("epoch", b"7"),))
    assert pipeline.sample(path.rows, slots, NOW + 2 * DAY, path.segmentations) == []
    path.feed(1, purchase(2, 30.0, NOW + 3))
    assert [one.value is None for one in pipeline.sample(path.rows, slots, NOW + 3, path.segmentations)] == [False]
