"""Sampling feature vectors for the trainer."""

import json
from dataclasses import replace

import pytest

from streamseg import pipeline
from streamseg.clustering.budget import LearnBudget
from streamseg.clustering.sample import RANKS, rank_of
from tests.support.path import DAY, NOW, PathUnderTest, click, record


def test_vectors_are_sampled_once_per_customer_and_interval() -> None:
    path = PathUnderTest()
    path.feed(0, click(0), click(1, customer="c-2"))
    slots = path.rows.slots_of(["c-1", "c-2"])

    first = pipeline.sample(path.rows, slots, NOW, path.segmentations)
    again = pipeline.sample(path.rows, slots, NOW + 0.9 * DAY, path.segmentations)
    later = pipeline.sample(path.rows, slots, NOW + 1.1 * DAY, path.segmentations)

    assert [one.customer_id for one in first] == ["c-1", "c-2"]
    assert first[0].key == b"behaviour|c-1"
    assert first[0].value is not None
    assert json.loads(first[0].value)["x"] == pytest.approx([1.0, 0.0])
    assert again == []
    assert len(later) == 2


def test_only_customers_with_the_lowest_ranks_are_sampled() -> None:
    path = PathUnderTest()
    names = [f"c-{number}" for number in range(40)]
    path.feed(0, *(click(offset, customer=name) for offset, name in enumerate(names)))
    slots = path.rows.slots_of(names)
    half = [replace(one, sampled_share=0.5) for one in path.segmentations]

    first = pipeline.sample(path.rows, slots, NOW, half)
    again = pipeline.sample(path.rows, slots, NOW + 0.9 * DAY, path.segmentations)
    later = pipeline.sample(path.rows, slots, NOW + 1.1 * DAY, half)

    expected = [name for name in names if rank_of(name) < RANKS / 2]
    assert 10 < len(expected) < 30
    assert [one.customer_id for one in first] == [one.customer_id for one in later] == expected
    assert again == []


def test_customers_beyond_the_budget_stay_due() -> None:
    path = PathUnderTest()
    path.feed(0, *(click(offset, customer=f"c-{offset}") for offset in range(10)))
    slots = path.rows.slots_of([f"c-{number}" for number in range(10)])
    budget = LearnBudget(per_second=1.0, burst=4)

    rounds = [
        pipeline.sample(path.rows, slots, NOW + at, path.segmentations, [pipeline.Part(len(slots), budget=budget)])
        for at in (0, 3, 6, 9)
    ]

    assert [len(one) for one in rounds] == [4, 3, 3, 0]
    assert {one.customer_id for taken in rounds for one in taken} == {f"c-{number}" for number in range(10)}


@pytest.mark.parametrize(
    ("answer", "unknown", "sampled"),
    [(None, True, True), (None, False, False), (True, False, True), (False, True, False)],
)
def test_nobody_is_sampled_without_consent_to_analytics(answer: bool | None, unknown: bool, sampled: bool) -> None:
    path = PathUnderTest()
    path.feed(0, click(0))
    if answer is not None:
        path.feed(3, record(3, 0, consent={"analytics": answer}))
    slots = path.rows.slots_of(["c-1"])
    assert bool(pipeline.sample(path.rows, slots, NOW, path.segmentations, unknown=unknown)) is sampled


def test_samples_are_withdrawn_once_also_by_a_changed_setting_and_are_due_again_at_once() -> None:
    path = PathUnderTest()
    path.feed(0, click(0), click(1, customer="c-2"))
    path.feed(3, record(3, 0, customer="c-2", consent={"analytics": True}))
    slots = path.rows.slots_of(["c-1", "c-2"])
    assert len(pipeline.sample(path.rows, slots, NOW, path.segmentations)) == 2
    assert pipeline.withdrawn_samples(path.rows, slots, unknown=True).tolist() == []
    assert pipeline.withdrawn_samples(path.rows, slots, unknown=False).tolist() == [0]
    assert pipeline.withdrawn_samples(path.rows, slots, unknown=False).tolist() == []
    assert [one.customer_id for one in pipeline.sample(path.rows, slots, NOW + 1, path.segmentations)] == ["c-1"]


def test_at_the_end_of_a_backfill_everybody_is_sampled_also_those_of_today_and_beyond_the_budget() -> None:
    path = PathUnderTest()
    path.feed(0, *(click(offset, customer=f"c-{offset}") for offset in range(10)))
    slots = path.rows.slots_of([f"c-{number}" for number in range(10)])
    budget = LearnBudget(per_second=1.0, burst=4)
    assert (
        len(pipeline.sample(path.rows, slots, NOW, path.segmentations, [pipeline.Part(len(slots), budget=budget)])) == 4
    )

    everybody = pipeline.sample(
        path.rows, slots, NOW + 1, path.segmentations, [pipeline.Part(len(slots), budget=budget)], everybody=True
    )

    assert len(everybody) == 10
    assert pipeline.sample(path.rows, slots, NOW + 2, path.segmentations) == []
