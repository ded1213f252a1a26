"""How the step of each centre follows from measured drift."""

import math

import numpy as np
import pytest

from streamseg.clustering.learning.clusterers import make
from streamseg.clustering.learning.following import LONGEST_MEMORY, MOST_STEP, blended, first_steps, measured, steps_for

MEMBERS = 200
FEATURES = ("a", "b", "c")


def drift_found(per_round: float, step: float, rounds: int = 20) -> float | None:
    """Let River follow 200 customers who all move by `per_round` deviations in every round; return what is measured."""
    rng = np.random.default_rng(8)
    customers = rng.normal(size=(MEMBERS, len(FEATURES)))
    river = make("kmeans", FEATURES, 1)
    river.place(customers.mean(axis=0, keepdims=True))
    river.use_steps((step,))
    for _ in range(rounds):
        for index in rng.permutation(MEMBERS).tolist():
            customers[index, 0] += per_round * 3**0.5
            river.learn_one(dict(zip(FEATURES, customers[index].tolist(), strict=True)))
    nearest = np.zeros(MEMBERS, dtype=np.intp)
    return measured(customers, river.centres(), nearest, (step,), (MEMBERS * rounds,))


@pytest.mark.parametrize("step", [0.002, 0.005])
def test_the_movement_of_customers_is_measured_whatever_the_step(step: float) -> None:
    found = drift_found(0.1, step)
    assert found is not None
    assert found**0.5 == pytest.approx(0.1, rel=0.15)
    assert (drift_found(0.0, step) or 0.0) < 0.1 * found


def test_nothing_is_measured_by_centres_that_stand_or_have_hardly_learned() -> None:
    assert drift_found(0.1, 0.0) is None
    assert drift_found(0.1, 0.005, rounds=0) is None


def test_more_drift_gives_greater_steps_between_a_memory_of_one_round_and_of_thirty() -> None:
    members = np.array([100, 400, 1000])
    least, some, most = (steps_for(drift, members) for drift in (0.0, 1e-5, 1e9))
    assert most == first_steps(members) == (0.01, 0.0025, 0.001)
    assert least == pytest.approx([step / LONGEST_MEMORY for step in most])
    assert all(a < b < c for a, b, c in zip(least, some, most, strict=True))
    assert first_steps(np.array([0, 3])) == (MOST_STEP, MOST_STEP)


def test_the_chosen_step_keeps_the_centre_nearest_to_its_members() -> None:
    """The chosen step beats half of it and twice of it."""
    drift = drift_found(0.005, 0.002)
    (chosen,) = steps_for(drift or 0.0, np.array([MEMBERS]))

    def excess(step: float) -> float:
        """Lag and noise, squared: in deviations of the members."""
        return (MEMBERS * step / 2 - math.tanh(MEMBERS * step / 2)) / MEMBERS + (
            0.005 / math.expm1(MEMBERS * step)
        ) ** 2

    assert excess(chosen) < min(excess(chosen / 2), excess(chosen * 2))


def test_new_measurements_are_blended_with_the_earlier_ones() -> None:
    assert blended(None, 0.2) == 0.2
    assert blended(0.2, None) == 0.2
    assert blended(None, None) is None
    assert 0.1 < (blended(0.1, 0.2) or 0.0) < 0.15
