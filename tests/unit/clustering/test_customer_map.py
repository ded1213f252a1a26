"""The map of the sampled customers: bounded, pseudonymous, and the same from day to day. Issue 17."""

from dataclasses import replace

import numpy as np
import pytest

from streamseg.clustering.customer_map import POINTS, CustomerMap, draw_map, turned_onto
from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.sample import Sample
from tests.support.shoppers import day_of_samples, learner, run


def drawn(days: int = 3, customers: int = 90, before: CustomerMap | None = None) -> CustomerMap:
    model = learner()
    run(model, range(days), customers=customers)
    found = draw_map(model.snapshot(), model.samples(), before)
    assert found is not None
    return found


def test_customers_lie_near_the_centre_of_their_segment_by_pseudonym() -> None:
    found = drawn()
    assert len(found.customers) == len(found.points) == len(found.nearest) == 90
    assert set(found.customers) == {pseudonym(f"c-{n}") for n in range(90)}
    centres, points = np.array(found.centres), np.array(found.points)
    distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
    assert np.mean(distances.argmin(axis=1) == np.array(found.nearest)) > 0.95
    assert 0.5 < sum(found.spread) <= 1.0
    assert CustomerMap.from_json(found.to_json()) == found


def test_axes_of_the_next_day_follow_those_before_whatever_way_components_turn() -> None:
    first = drawn()
    mirrored = replace(first, axes=tuple(tuple(-one for one in axis) for axis in first.axes[::-1]))
    again = drawn(before=mirrored)
    assert np.allclose(again.axes, mirrored.axes, atol=1e-3)
    tomorrow = drawn(4, before=first)
    assert (np.diag(np.array(tomorrow.axes) @ np.array(first.axes).T) > 0.95).all()


def test_turning_keeps_the_plane_and_the_right_angle() -> None:
    axes = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    turned = turned_onto(axes, np.array([[0.0, -1.0, 0.1], [1.0, 0.0, 0.1]]))
    assert np.allclose(turned, [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]])


def test_no_more_than_a_bounded_number_is_shown_and_they_are_the_same_ones_again() -> None:
    model = learner(sample_size=2 * POINTS)
    run(model, range(2), customers=90)
    samples = [replace_id(one, f"x-{n}-{one.customer_id}") for n in range(20) for one in day_of_samples(1)]
    found, later = (draw_map(model.snapshot(), chosen, None) for chosen in (samples, samples[:-100]))
    assert found is not None
    assert later is not None
    assert len(found.points) == POINTS
    assert len({*found.customers} & {*later.customers}) > 0.9 * POINTS


def replace_id(sample: Sample, customer_id: str) -> Sample:
    return replace(sample, customer_id=customer_id)


def test_other_features_begin_a_new_map_and_without_a_model_there_is_none() -> None:
    other = replace(drawn(), features=("a", "b", "c", "d"), axes=((0.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0)))
    assert drawn(before=other).axes == drawn().axes
    assert draw_map(learner().snapshot(), list(day_of_samples(0)), None) is None


@pytest.mark.parametrize("data", [None, b"", b"[]", b'{"version":1}'])
def test_what_is_no_map_is_none(data: bytes | None) -> None:
    assert CustomerMap.from_json(data) is None
