"""Offline k-means agrees with itself where customers form groups, and not where they are one cloud."""

import numpy as np
import pytest

from streamseg.clustering.encode import Floats
from streamseg.evaluation.measures import offline_kmeans
from streamseg.evaluation.self_agreement import SelfAgreement, self_agreement


def of(rows: Floats, k: int) -> SelfAgreement:
    return self_agreement(rows, offline_kmeans(rows, k))


def groups(apart: float) -> Floats:
    """Three groups of 100 points in the plane with a spread of 1, as far apart as this."""
    rng = np.random.default_rng(1)
    corners = apart * np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    return np.repeat(corners, 100, axis=0) + rng.normal(size=(300, 2))


def test_clear_groups_are_found_again() -> None:
    assert of(groups(20.0), 3) == SelfAgreement(1.0, 1.0)


def test_a_square_has_two_best_halves_that_have_nothing_in_common() -> None:
    """A square of points can be cut upright or across with the same inertia: fits agree by chance only."""
    square = np.array([[x, y] for x in np.linspace(0, 1, 20) for y in np.linspace(0, 1, 20)])
    found = of(square, 2)
    assert found.near < 0.3
    assert found.resampled < 0.9


@pytest.mark.parametrize("apart", [0.0, 2.0])
def test_the_less_apart_groups_are_the_less_fits_on_other_samples_agree(apart: float) -> None:
    assert of(groups(apart), 3).resampled < of(groups(6.0), 3).resampled


def test_fewer_different_customers_than_clusters_are_no_failure() -> None:
    rows = np.repeat([[0.0], [1.0], [2.0]], [60, 1, 1], axis=0)
    assert 0.0 <= of(rows, 3).resampled <= 1.0
