"""The learning budget: how many customers of a flood are learned, and which."""

import numpy as np

from streamseg.clustering.budget import BURST, LearnBudget, draw

NOW = 1_795_415_000.0


def test_a_flood_is_limited_to_the_burst_and_then_to_the_rate() -> None:
    budget = LearnBudget(per_second=10.0)

    assert budget.grant("behaviour", 3_000, NOW) == BURST
    assert budget.grant("behaviour", 3_000, NOW) == 0
    assert budget.grant("behaviour", 3_000, NOW + 2.05) == 20
    assert budget.grant("behaviour", 3, NOW + 3.05) == 3, "unused tokens are kept"


def test_each_segmentation_has_its_own_budget_and_a_quiet_time_fills_it_up_to_the_burst() -> None:
    budget = LearnBudget(per_second=10.0, burst=5)

    assert budget.grant("one", 5, NOW) == 5
    assert budget.grant("another", 5, NOW) == 5
    assert budget.grant("one", 100, NOW + 86_400) == 5


def test_a_clock_that_goes_back_grants_nothing_twice() -> None:
    budget = LearnBudget(per_second=1.0, burst=5)
    budget.grant("behaviour", 5, NOW)

    assert budget.grant("behaviour", 5, NOW - 100) == 0
    assert budget.grant("behaviour", 5, NOW + 1) == 1


def test_ninety_simulated_days_of_two_thousand_customers_are_never_limited() -> None:
    budget = LearnBudget(per_second=10.0)

    assert all(budget.grant("behaviour", 2_000, NOW + day * 86_400) == 2_000 for day in range(90))


def test_a_draw_is_repeatable_and_uniform_over_positions() -> None:
    customers = [f"c-{number}" for number in range(200)]
    taken = np.zeros(200)
    for second in range(400):
        drawn = draw(customers, 20, NOW + second)
        assert len(set(drawn.tolist())) == 20
        np.testing.assert_array_equal(drawn, draw(customers, 20, NOW + second))
        taken[drawn] += 1

    assert taken.min() >= 15, "40 expected of each"
    assert taken.max() <= 80
    assert abs(taken[:100].sum() - taken[100:].sum()) < 0.05 * taken.sum()
