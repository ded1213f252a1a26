"""How much of the next purchases the segments explain, out of sample."""

import numpy as np
import pytest

from streamseg.evaluation.usefulness import explained, rfm_cells

RNG = np.random.default_rng(6)


def test_groups_that_differ_explain_and_groups_by_chance_do_not() -> None:
    group = np.repeat([0, 1, 2], 200)
    bought = np.expm1(np.column_stack([group * 2.0, group * 1.0]) + RNG.normal(5.0, 0.1, (600, 2)))
    assert explained(group, bought) > 0.95
    assert abs(explained(RNG.permutation(group), bought)) < 0.05


def test_many_small_groups_do_not_explain_noise() -> None:
    """In sample, 200 groups of three would explain a third of it."""
    assert explained(np.repeat(np.arange(200), 3), RNG.lognormal(size=(600, 1))) <= 0.0


def test_small_groups_are_drawn_to_the_mean_of_all() -> None:
    """Groups of five explain a part of what they do when they are large, not less than nothing."""
    group = np.repeat(np.arange(40), 5)
    bought = np.expm1(10.0 + RNG.normal(0.0, 0.5, 40)[group] + RNG.normal(0.0, 1.0, 200))[:, None]
    assert explained(group, bought) > 0.0


def test_nothing_bought_is_nothing_explained() -> None:
    assert explained(np.array([0, 1] * 10), np.zeros((20, 2))) == 0.0


def test_rfm_cells_part_the_recent_and_frequent_from_the_others_and_never_buyers_from_all() -> None:
    buyers = np.column_stack([np.arange(100.0), np.arange(100.0)[::-1] + 1, np.full(100, 50.0)])
    cells = rfm_cells(np.vstack([buyers, [365.0, 0.0, 0.0]]))
    assert cells[-1] == 0
    assert cells[0] == cells.max() == 5 * 6 + 5
    assert cells[99] == pytest.approx(1 * 6 + 1)
