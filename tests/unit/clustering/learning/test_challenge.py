"""When a fresh fit replaces the running model."""

import numpy as np
import pytest

from streamseg.clustering.distances import squared_distances
from streamseg.clustering.learning.challenge import Outcome, challenge


def of_a_rectangle(gain: float, adoption_gain: float, regret: float = 0.0) -> Outcome:
    """Challenge a model of two clusters on customers at the four corners of a rectangle.

    The running model pairs the corners along the longer side; pairing them along the shorter one lowers the inertia by
    `gain`. Lloyd's rounds leave neither, and from one to the other half of the customers change their cluster.
    """
    short = (1.0 - gain) ** 0.5
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, short], [1.0, short]])
    rows = np.repeat(corners, 250, axis=0)
    across = np.array([[0.5, 0.0], [0.5, short]])
    return challenge(
        rows, None, rows, across, clusters=2, adoption_gain=adoption_gain, regret=regret, rng=np.random.default_rng(1)
    )


def test_a_fit_with_enough_gain_is_adopted_even_if_half_of_the_customers_move() -> None:
    outcome = of_a_rectangle(gain=0.26, adoption_gain=0.02)
    assert outcome.fresh is not None
    assert outcome.fresh.inertia == pytest.approx(0.74 * outcome.running_inertia)
    assert outcome.regret == 0.0


def test_an_optimum_that_is_a_little_better_for_days_is_adopted_and_one_of_a_day_is_not() -> None:
    """A gain of 7 % for half of the customers: the fourth challenge in a row makes it worth the moves."""
    regret, adopted = 0.0, []
    for _ in range(4):
        outcome = of_a_rectangle(gain=0.07, adoption_gain=0.003, regret=regret)
        adopted.append(outcome.fresh is not None)
        regret = outcome.regret
    assert adopted == [False, False, False, True]
    assert regret == 0.0


def test_regret_ends_when_no_fit_is_better_by_more_than_chance() -> None:
    """A fit of two clusters to 1,000 rows gains 0.2 % by chance."""
    assert of_a_rectangle(gain=0.001, adoption_gain=0.003, regret=0.09).regret == 0.0
    assert of_a_rectangle(gain=0.004, adoption_gain=0.003, regret=0.05).regret == pytest.approx(0.054)


def test_while_customers_move_no_other_optimum_is_adopted() -> None:
    corners = np.repeat([[0.0, 0.0], [9.0, 0.0], [0.0, 1.0], [9.0, 1.0]], 250, axis=0)
    across = np.array([[4.5, 0.0], [4.5, 1.0]])
    outcomes = [
        challenge(
            corners, None, corners, across, clusters=2, adoption_gain=0.003, may_leave=one, rng=np.random.default_rng(1)
        )
        for one in (True, False)
    ]
    assert [outcome.fresh is not None for outcome in outcomes] == [True, False]


def test_a_polished_model_that_moves_many_is_taken_in_parts_that_move_few() -> None:
    """The border between two clusters of a line lies at 0.3, and at 0.5 once polished: a fifth of the customers."""
    rows = np.linspace(0.0, 1.0, 1000)[:, None]
    centres, borders = np.array([[0.1], [0.5]]), [0.3]
    for _ in range(12):
        outcome = challenge(
            rows, None, rows, centres, clusters=2, adoption_gain=0.003, may_leave=False, rng=np.random.default_rng(1)
        )
        if outcome.fresh is None:
            break
        assert outcome.fresh.inertia == pytest.approx(
            float(np.min(squared_distances(rows, outcome.fresh.centres), 1).sum())
        )
        assert outcome.fresh.inertia < outcome.running_inertia
        centres = outcome.fresh.centres
        borders.append(float(centres.mean()))
    assert 0.0 < max(np.diff(borders)) < 0.05
    assert len(borders) > 4
    assert borders[-1] == pytest.approx(0.5, abs=0.05)


def test_a_fit_below_the_adoption_gain_is_not_adopted() -> None:
    outcome = of_a_rectangle(gain=0.025, adoption_gain=0.03)
    assert outcome.fresh is None
    assert outcome.best_inertia == pytest.approx(0.975 * outcome.running_inertia)


def test_a_gain_that_any_fit_has_by_chance_is_not_enough() -> None:
    """Two clouds of noise: the means of 40 rows fit these rows 5 % better than the true means do."""
    rng = np.random.default_rng(3)
    true = np.repeat([[0.0] * 8, [9.0] * 8], 20, axis=0)
    outcome = challenge(
        true + rng.normal(size=true.shape), None, true, true[[0, -1]], clusters=2, adoption_gain=0.003, rng=rng
    )
    assert outcome.best_inertia < 0.99 * outcome.running_inertia
    assert outcome.fresh is None


def test_the_running_model_is_measured_as_river_left_it() -> None:
    """Its centres lie beside their members: the polished model is a fresh fit that may replace it."""
    rows = np.repeat([[0.0, 0.0], [4.0, 0.0]], 500, axis=0) + np.random.default_rng(4).normal(0.0, 0.5, (1000, 2))
    beside = np.array([[0.0, 0.3], [4.0, 0.3]])
    outcome = challenge(rows, None, rows, beside, clusters=2, adoption_gain=0.003, rng=np.random.default_rng(1))
    assert outcome.running_inertia == pytest.approx(float(np.min(squared_distances(rows, beside), axis=1).sum()))
    assert outcome.fresh is not None
    found = outcome.fresh.centres[np.argsort(outcome.fresh.centres[:, 0])]
    np.testing.assert_allclose(found, [rows[:500].mean(axis=0), rows[500:].mean(axis=0)], atol=0.02)


def test_a_fit_whose_gain_is_smaller_than_the_cost_of_moving_customers_is_not_adopted() -> None:
    assert of_a_rectangle(gain=0.015, adoption_gain=0.01).fresh is None


@pytest.mark.parametrize(("left", "replaced"), [(4, True), (12, False)])
def test_a_segment_that_has_become_a_handful_is_replaced_whatever_is_gained(left: int, replaced: bool) -> None:
    """4 of 2,000 customers are fewer than 0.5 %, 12 are more; a gain of 99 % is asked for."""
    rows = np.random.default_rng(3).normal(size=(2_000, 10))
    rows[:left, 0] = 12.0
    centres = np.array([rows[left:].mean(axis=0), rows[:left].mean(axis=0)])
    outcome = challenge(rows, None, rows, centres, clusters=2, adoption_gain=0.99, rng=np.random.default_rng(1))
    assert np.bincount(outcome.before).tolist() == [2_000 - left, left]
    assert (outcome.fresh is not None) == replaced
    if outcome.fresh is not None:
        assert np.bincount(outcome.fresh.nearest).min() >= 20
