"""When a fresh fit replaces the running model."""

import numpy as np
import pytest

from streamseg.clustering.learning.challenge import Outcome, challenge


def of_a_rectangle(gain: float, adoption_gain: float) -> Outcome:
    """Challenge a model of two clusters on customers at the four corners of a rectangle.

    The running model pairs the corners along the longer side; pairing them along the shorter one lowers the inertia by
    `gain`. Lloyd's rounds leave neither, and from one to the other half of the customers change their cluster.
    """
    short = (1.0 - gain) ** 0.5
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, short], [1.0, short]])
    rows = np.repeat(corners, 25, axis=0)
    across = np.array([[0.5, 0.0], [0.5, short]])
    return challenge(rows, None, rows, across, clusters=2, adoption_gain=adoption_gain, rng=np.random.default_rng(1))


def test_a_fit_with_enough_gain_is_adopted_even_if_half_of_the_customers_move() -> None:
    outcome = of_a_rectangle(gain=0.025, adoption_gain=0.02)
    assert outcome.fresh is not None
    assert outcome.fresh.inertia == pytest.approx(0.975 * outcome.running.inertia)


def test_a_fit_below_the_adoption_gain_is_not_adopted() -> None:
    outcome = of_a_rectangle(gain=0.025, adoption_gain=0.03)
    assert outcome.fresh is None
    assert outcome.best_inertia == pytest.approx(0.975 * outcome.running.inertia)


def test_a_fit_whose_gain_is_smaller_than_the_cost_of_moving_customers_is_not_adopted() -> None:
    assert of_a_rectangle(gain=0.015, adoption_gain=0.01).fresh is None
