"""The path as plain functions: one customer from a record to a published membership."""

import json
import math
import random
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from streamseg import pipeline
from streamseg.clustering.assign import Assigner
from streamseg.clustering.budget import LearnBudget
from streamseg.clustering.encode import Scale
from streamseg.clustering.identity import code_of
from streamseg.clustering.sample import RANKS, rank_of
from streamseg.clustering.snapshot import Snapshot, WarmUp
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.events.rejection import Reason
from streamseg.features.layout import Attribute, Layout
from streamseg.features.rows import Rows
from streamseg.membership.types import Consent
from streamseg.topics import INPUT_TOPICS

NOW = 1_795_000_000.0
DAY = 86_400.0
MONEY = Money("EUR")
RULES = pipeline.PublishingRules(DAY, 30 * DAY, Consent(ads=False, personalisation=True))
SEGMENTS = ("behaviour-aaaa", "behaviour-bbbb")


def record(source: int, offset: int, at: float = NOW, customer: str = "c-1", **body: Any) -> MemoryRecord:
    moment = np.datetime64(int(at), "s").item().isoformat() + "Z"
    value = {"event_id": f"e{source}-{offset}", "customer_id": customer, "occurred_at": moment, **body}
    return MemoryRecord(
        INPUT_TOPICS[source], 0, offset, int(NOW * 1000) + 1_000, customer.encode(), msgspec.json.encode(value)
    )


def click(offset: int, at: float = NOW, customer: str = "c-1", name: str = "view_item") -> MemoryRecord:
    items = [{"item_id": "sku", "price": 20.0}] if name == "view_item" else []
    return record(0, offset, at, customer, event_name=name, items=items)


def purchase(offset: int, value: float, at: float = NOW, customer: str = "c-1") -> MemoryRecord:
    return record(1, offset, at, customer, transaction_id=f"t{offset}", value=value, currency="EUR")


def segmentation(warm: bool = True, looks: int = 1) -> pipeline.Segmentation:
    """Two segments: those who look (views) and those who buy (purchases)."""
    snapshot = Snapshot(
        segmentation="behaviour",
        version=3,
        parent=2,
        generation=1,
        clusterer="kmeans",
        features=("views", "purchases"),
        skewed=(False, False),
        scale=Scale((0.0, 0.0), (1.0, 1.0)),
        centres=((5.0, 0.0), (0.0, 5.0)),
        segments=SEGMENTS,
        counts=(1, 1),
        learned=2,
        samples_offset=-1,
        first_sample_at=None,
        learned_until=None,
        last_challenge_at=None,
        warm_up=WarmUp(2, 2, 5.0, 5),
    )
    return pipeline.Segmentation(
        "behaviour", ("views", "purchases"), 0.05, looks, DAY, Assigner(snapshot) if warm else None, 3 if warm else 0
    )


def by_age() -> pipeline.Segmentation:
    """Two segments by an attribute alone: the young and the old."""
    behaviour = segmentation().assigner
    assert behaviour is not None
    snapshot = replace(
        behaviour.snapshot,
        segmentation="age",
        features=("profile_age",),
        skewed=(False,),
        scale=Scale((50.0,), (100.0,)),
        centres=((-3.0,), (3.0,)),
        segments=("age-aaaa", "age-bbbb"),
    )
    return pipeline.Segmentation("age", ("profile_age",), 0.05, 1, DAY, Assigner(snapshot), 1, attributes=(0,))


class Path:
    """Rows and the functions of the path, as the edge calls them."""

    def __init__(self, *given: pipeline.Segmentation, layout: Layout | None = None) -> None:
        self.segmentations = list(given) or [segmentation()]
        self.rows = Rows(layout or Layout.of())
        self.sizes: dict[str, int] = {}

    def take(self, source: int, *records: MemoryRecord, belongs: bool = True) -> pipeline.Taken:
        batch = RecordBatch(INPUT_TOPICS[source], 0, 1, 0, records)
        return pipeline.take(Decoder(MONEY), source, batch, self.rows, lambda customers: () if belongs else customers)

    def feed(self, source: int, *records: MemoryRecord, now: float = NOW) -> list[dict[str, Any]]:
        """A run through the whole path; what would be published, decoded."""
        taken = self.take(source, *records)
        assert not taken.rejected
        self.rows.load(taken.missing, [None] * len(taken.missing))
        slots, _ = pipeline.absorb(self.rows, source, taken, MONEY)
        consented = slots.tolist() if source == 3 else ()
        return self.decide(slots, now, consented)

    def decide(self, slots: Any, now: float = NOW, consented: Any = ()) -> list[dict[str, Any]]:
        looked = pipeline.look(self.rows, slots, now, self.segmentations)
        entries = pipeline.publish(
            self.rows,
            slots,
            looked,
            now=now,
            wall_now=now,
            epoch=7,
            segmentations=self.segmentations,
            rules=RULES,
            consented=consented,
        )
        self.sizes = pipeline.count_sizes(looked, self.segmentations, self.sizes)
        return [
            {"changes": entry.changes, **(json.loads(entry.membership) if entry.membership else {"gone": True})}
            for entry in entries
        ]


def test_a_first_click_publishes_the_membership_with_its_change() -> None:
    path = Path()

    (published,) = path.feed(0, click(0))

    assert published["segments"]["behaviour"]["id"] == SEGMENTS[0]
    assert [(change.segment, change.change) for change in published["changes"]] == [(SEGMENTS[0], "entered")]
    assert (published["epoch"], published["seq"], published["as_of"]) == (7, 1, int(NOW))
    assert published["model"] == {"behaviour": 3}
    assert published["consent"] == {"ads": False, "personalisation": True}
    assert path.sizes == {SEGMENTS[0]: 1}


def test_nothing_is_published_while_nothing_changes() -> None:
    path = Path()
    path.feed(0, click(0))

    assert path.feed(0, click(1)) == []


def test_buying_moves_the_customer_and_the_sizes_follow() -> None:
    path = Path()
    path.feed(0, click(0))

    (published,) = path.feed(1, *(purchase(offset, 30.0) for offset in range(6)))

    assert [(change.segment, change.change) for change in published["changes"]] == [
        (SEGMENTS[0], "exited"),
        (SEGMENTS[1], "entered"),
    ]
    assert published["seq"] == 2
    assert path.sizes == {SEGMENTS[1]: 1}


def test_without_a_model_customers_are_unassigned_never_zero() -> None:
    path = Path(segmentation(warm=False))

    (published,) = path.feed(0, click(0))

    assert published["segments"] == {"behaviour": None}
    assert published["model"] == {}
    assert path.sizes == {}


def test_a_consent_is_published_at_once_and_assigns_nobody() -> None:
    path = Path()

    (published,) = path.feed(3, record(3, 0, consent={"ads": True, "personalisation": False}))

    assert published["consent"] == {"ads": True, "personalisation": False}
    assert published["segments"] == {"behaviour": None}


def test_an_erasure_withdraws_the_membership_and_a_late_click_brings_nobody_back() -> None:
    path = Path()
    path.feed(0, click(0))

    (published,) = path.feed(4, record(4, 0))

    assert published == {"gone": True, "changes": ()}
    assert path.sizes == {}
    assert path.feed(0, click(1, at=NOW - 60)) == []


def test_a_membership_is_renewed_before_its_bound() -> None:
    path = Path()
    path.feed(0, click(0))
    slots = path.rows.slots_of(["c-1"])

    assert path.decide(slots, NOW + 0.4 * DAY) == []
    (renewed,) = path.decide(slots, NOW + 0.6 * DAY)
    assert renewed["as_of"] == int(NOW + 0.6 * DAY)
    assert renewed["changes"] == ()


def test_a_customer_of_another_partition_is_rejected_with_the_remedy() -> None:
    taken = Path().take(0, click(0), belongs=False)

    assert not taken.events
    (rejected,) = taken.rejected
    assert rejected.reason is Reason.WRONG_PARTITION
    assert "murmur2" in rejected.detail
    assert rejected.record.offset == 0


def test_vectors_are_sampled_once_per_customer_and_interval() -> None:
    path = Path()
    path.feed(0, click(0), click(1, customer="c-2"))
    slots = path.rows.slots_of(["c-1", "c-2"])

    first = pipeline.sample(path.rows, slots, NOW, path.segmentations)
    again = pipeline.sample(path.rows, slots, NOW + 0.9 * DAY, path.segmentations)
    later = pipeline.sample(path.rows, slots, NOW + 1.1 * DAY, path.segmentations)

    assert [one.customer_id for one in first] == ["c-1", "c-2"]
    assert first[0].key == b"behaviour|c-1"
    assert json.loads(first[0].value)["x"] == pytest.approx([1.0, 0.0])
    assert again == []
    assert len(later) == 2


def test_of_many_customers_those_with_the_lowest_ranks_are_sampled() -> None:
    path = Path()
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


def test_who_is_beyond_the_budget_stays_due() -> None:
    path = Path()
    path.feed(0, *(click(offset, customer=f"c-{offset}") for offset in range(10)))
    slots = path.rows.slots_of([f"c-{number}" for number in range(10)])
    budget = LearnBudget(per_second=1.0, burst=4)

    rounds = [pipeline.sample(path.rows, slots, NOW + at, path.segmentations, budget) for at in (0, 3, 6, 9)]

    assert [len(one) for one in rounds] == [4, 3, 3, 0]
    assert {one.customer_id for taken in rounds for one in taken} == {f"c-{number}" for number in range(10)}


def test_replaying_every_run_changes_no_row_and_publishes_nothing() -> None:
    path = Path()
    runs = [(0, tuple(click(offset) for offset in range(5))), (1, tuple(purchase(o, 9.99) for o in range(3)))]
    for source, records in runs:
        path.feed(source, *records)
    slots = path.rows.slots_of(["c-1"])
    before = path.rows.dump(slots)[0]

    random.Random(1).shuffle(runs)
    published = [path.feed(source, *records) for source, records in runs]

    assert published == [[], []]
    after = Rows(path.rows.layout)
    after.load(["c-1"], path.rows.dump(slots))
    then = Rows(path.rows.layout)
    then.load(["c-1"], [before])
    for name in ("sums", "fences", "events", "transactions", "spend_minor", "last_click", "last_purchase", "seq"):
        np.testing.assert_array_equal(after.slab[name][:1], then.slab[name][:1], err_msg=name)
    assert int(path.rows.segment[slots[0], 0]) in {code_of(segment) for segment in SEGMENTS}


def test_a_customer_has_one_segment_in_each_of_several_segmentations() -> None:
    path = Path(
        segmentation(), by_age(), layout=Layout.of(segmentations=("behaviour", "age"), attributes=(Attribute("age"),))
    )

    (published,) = path.feed(0, click(0))
    assert published["segments"]["behaviour"]["id"] == SEGMENTS[0]
    assert published["segments"]["age"] is None, "nothing is known of what this segmentation goes by"

    (published,) = path.feed(2, record(2, 0, traits={"age": 75}))
    assert published["segments"]["behaviour"]["id"] == SEGMENTS[0]
    assert published["segments"]["age"]["id"] == "age-bbbb"
    assert [change.segment for change in published["changes"]] == ["age-bbbb"]
    assert path.sizes == {SEGMENTS[0]: 1, "age-bbbb": 1}

    (published,) = path.feed(2, record(2, 1, at=NOW + 1, traits={"age": None}))
    assert published["segments"]["age"] is None
    assert [(change.segment, change.change) for change in published["changes"]] == [("age-bbbb", "exited")]


def test_attributes_alone_are_enough_for_a_segmentation_that_goes_by_them() -> None:
    path = Path(
        segmentation(), by_age(), layout=Layout.of(segmentations=("behaviour", "age"), attributes=(Attribute("age"),))
    )

    (published,) = path.feed(2, record(2, 0, traits={"age": 18}))

    assert published["segments"]["behaviour"] is None
    assert published["segments"]["age"]["id"] == "age-aaaa"
    sampled = pipeline.sample(path.rows, path.rows.slots_of(["c-1"]), NOW, path.segmentations)
    assert [one.key for one in sampled] == [b"age|c-1"]


def in_shadow(public_from: float = math.inf) -> Path:
    layout = Layout.of(segmentations=("behaviour", "age"), attributes=(Attribute("age"),))
    path = Path(segmentation(), replace(by_age(), public_from=public_from), layout=layout)
    path.feed(0, click(0))
    return path


def test_a_segmentation_in_shadow_is_assigned_but_not_told_of() -> None:
    path = in_shadow()

    assert path.feed(2, record(2, 0, traits={"age": 75})) == [], "a move in shadow is no reason to write"

    assert path.sizes == {SEGMENTS[0]: 1, "age-bbbb": 1}
    (published,) = path.decide(path.rows.slots_of(["c-1"]), NOW + DAY)
    assert published["segments"].keys() == published["model"].keys() == {"behaviour"}
    assert published["changes"] == ()


def test_when_it_becomes_public_everybody_enters_once() -> None:
    path = in_shadow()
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


def test_when_a_segmentation_is_dropped_everybody_leaves_and_nothing_is_learned_of_it() -> None:
    path = in_shadow(public_from=0.0)
    path.feed(2, record(2, 0, traits={"age": 75}))
    slots = path.rows.slots_of(["c-1"])
    path.segmentations[1] = replace(path.segmentations[1], dropped=True, assigner=None)

    (published,) = path.decide(slots, NOW + 4)

    assert published["segments"]["age"] is None
    assert [(change.segment, change.change) for change in published["changes"]] == [("age-bbbb", "exited")]
    assert path.sizes == {SEGMENTS[0]: 1}
    sampled = pipeline.sample(path.rows, slots, NOW + 10 * DAY, path.segmentations)
    assert [one.key for one in sampled] == [b"behaviour|c-1"]
