"""Looking at rows: assignment, settling and segment sizes."""

from dataclasses import replace

from streamseg import pipeline
from tests.support.path import DAY, NOW, SEGMENTS, PathUnderTest, click, path_with_age, purchase, record, segmentation


def test_without_a_model_customers_are_unassigned() -> None:
    path = PathUnderTest(segmentation(warm=False))

    (published,) = path.feed(0, click(0))

    assert published["segments"] == {"behaviour": None}
    assert published["model"] == {}
    assert path.sizes == {}


def test_purchases_move_the_customer_and_the_sizes() -> None:
    path = PathUnderTest()
    path.feed(0, click(0))

    (published,) = path.feed(1, *(purchase(offset, 30.0) for offset in range(6)))

    assert [(change.segment, change.change) for change in published["changes"]] == [
        (SEGMENTS[0], "exited"),
        (SEGMENTS[1], "entered"),
    ]
    assert published["seq"] == 2
    assert path.sizes == {SEGMENTS[1]: 1}


def test_a_customer_has_one_segment_in_each_of_several_segmentations() -> None:
    path = path_with_age()

    (published,) = path.feed(0, click(0))
    assert published["segments"]["behaviour"]["id"] == SEGMENTS[0]
    assert published["segments"]["age"] is None, "no attribute of this segmentation is known"

    (published,) = path.feed(2, record(2, 0, traits={"age": 75}))
    assert published["segments"]["behaviour"]["id"] == SEGMENTS[0]
    assert published["segments"]["age"]["id"] == "age-bbbb"
    assert [change.segment for change in published["changes"]] == ["age-bbbb"]
    assert path.sizes == {SEGMENTS[0]: 1, "age-bbbb": 1}

    (published,) = path.feed(2, record(2, 1, at=NOW + 1, traits={"age": None}))
    assert published["segments"]["age"] is None
    assert [(change.segment, change.change) for change in published["changes"]] == [("age-bbbb", "exited")]


def test_attributes_alone_are_enough_for_a_segmentation_by_attributes() -> None:
    path = path_with_age()

    (published,) = path.feed(2, record(2, 0, traits={"age": 18}))

    assert published["segments"]["behaviour"] is None
    assert published["segments"]["age"]["id"] == "age-aaaa"
    sampled = pipeline.sample(path.rows, path.rows.slots_of(["c-1"]), NOW, path.segmentations)
    assert [one.key for one in sampled] == [b"age|c-1"]


def test_customers_exit_a_dropped_segmentation_and_nothing_is_sampled_for_it() -> None:
    path = path_with_age()
    path.feed(0, click(0))
    path.feed(2, record(2, 0, traits={"age": 75}))
    slots = path.rows.slots_of(["c-1"])
    path.segmentations[1] = replace(path.segmentations[1], dropped=True, assigner=None)

    (published,) = path.decide(slots, NOW + 4)

    assert published["segments"]["age"] is None
    assert [(change.segment, change.change) for change in published["changes"]] == [("age-bbbb", "exited")]
    assert path.sizes == {SEGMENTS[0]: 1}
    sampled = pipeline.sample(path.rows, slots, NOW + 10 * DAY, path.segmentations)
    assert [one.key for one in sampled] == [b"behaviour|c-1"]


def test_a_look_anew_moves_everybody_to_the_nearest_segment_also_twice_in_a_tick() -> None:
    path = PathUnderTest(segmentation(looks=3))
    path.feed(0, click(0), click(1, customer="c-2"))
    path.absorb(1, *(purchase(offset, 30.0, NOW + 120) for offset in range(6)))
    slots = path.rows.slots_of(["c-1", "c-2"])

    waits = pipeline.look(path.rows, slots, NOW + 120, path.segmentations)
    assert not waits.moved.any(), "one look of three"
    anew = pipeline.look(path.rows, slots, NOW + 120, path.segmentations, anew=True)
    later = pipeline.look(path.rows, slots, NOW + 120, path.segmentations)

    assert anew.moved.tolist() == [True, False]
    assert not later.moved.any()
    assert path.rows.candidate[slots].tolist() == [[0], [0]]
