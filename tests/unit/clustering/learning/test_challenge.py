"""When a fresh fit takes the place of the running model."""

import numpy as np
import pytest

from streamseg.clustering.learning.challenge import Outcome, challenge


def of_a_rectangle(gain: float, adoption_gain: float) -> Outcome:
    """Four heaps on the corners of a rectangle, cut across by the running model: along it the inertia is lower.

    Both cuts are optima that Lloyd's rounds do not leave, and between them half of the customers change sides.
    """
    short = (1.0 - gain) ** 0.5
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, short], [1.0, short]])
    rows = np.repeat(corners, 25, axis=0)
    across = np.array([[0.5, 0.0], [0.5, short]])
    return challenge(rows, None, rows, across, clusters=2, adoption_gain=adoption_gain, rng=np.random.default_rng(1))


def test_a_fit_that_is_better_by_enough_is_adopted_though_half_of_the_customers_move() -> None:
    outcome = of_a_rectangle(gain=0.025, adoption_gain=0.02)
    assert outcome.fresh is not None
    assert outcome.fresh.inertia == pytest.approx(0.975 * outcome.running.inertia)


def test_a_fit_that_is_better_by_less_than_the_least_gain_is_not() -> None:
    outcome = of_a_rectangle(gain=0.025, adoption_gain=0.03)
    assert outcome.fresh is None
    assert outcome.best_inertia == pytest.approx(0.975 * outcome.running.inertia)


def test_a_fit_whose_gain_is_not_worth_the_unrest_is_not() -> None:
    assert of_a_rectangle(gain=0.015, adoption_gain=0.01).fresh is None
