"""Weighted k-means gives what scikit-learn's gives, and no cluster of a handful (DESIGN.md, Judging the segments)."""

import numpy as np
import pytest
from sklearn.cluster import KMeans

from streamseg.clustering.learning.lloyd import fits, handful, lloyd


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_rounds_from_given_centres_end_where_scikit_learn_ends(seed: int, *, weighted: bool) -> None:
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(6, 8)) * (0.3, 1.0, 2.0)[seed % 3]
    rows = centres[rng.integers(0, 6, 500)] + rng.normal(size=(500, 8))
    start = rows[rng.choice(500, 6, replace=False)]
    weights = rng.uniform(0.2, 3.0, 500) if weighted else None
    ours = lloyd(rows, start, weights)
    theirs = KMeans(n_clusters=6, init=start, n_init=1, tol=0.0).fit(rows, sample_weight=weights)
    assert np.array_equal(ours.nearest, theirs.labels_)
    assert ours.centres == pytest.approx(theirs.cluster_centers_, abs=1e-9)
    assert ours.inertia == pytest.approx(theirs.inertia_)


def with_a_handful(apart: float) -> np.ndarray:
    """Return 2,300 points of ten numbers in two groups, but three that lie `apart` from the nearer one."""
    rng = np.random.default_rng(4)
    rows = rng.normal(size=(2_300, 10))
    rows[:1_150, 0] += 20.0
    rows[:3] = 0.1 * rng.normal(size=(3, 10))
    rows[:3, 1] += apart
    return rows


@pytest.mark.parametrize(("apart", "far"), [(17.0, False), (60.0, True)])
def test_three_of_2300_make_a_cluster_only_where_they_lie_far_off(apart: float, *, far: bool) -> None:
    """Issue 14, number 4. Customers of a group are 3.1 from its mean; six times as far is 19."""
    rows = with_a_handful(apart)
    plain = lloyd(rows, np.array([rows[0], rows[3:1_150].mean(axis=0), rows[1_150:].mean(axis=0)]))
    assert np.bincount(plain.nearest).min() == 3, "left to itself, k-means keeps them"
    assert (handful(rows, plain) is None) == far
    found = fits(rows, 3, np.random.default_rng(1), 10)[0]
    assert len(found.centres) == 3
    assert (np.bincount(found.nearest).min() == 3) == far


@pytest.mark.parametrize(("apart", "found"), [(1, 2), (2, 2), (3, 3)])
def test_one_or_two_customers_of_a_small_shop_are_no_cluster_however_far_off(apart: int, found: int) -> None:
    """Issue 14. Of 40 customers one is 2.5 %, so a least share alone lets them be."""
    rows = np.random.default_rng(2).normal(0.0, 0.1, size=(40, 2))
    rows[:20, 0] += 3.0
    rows[:apart, 1] += 9.0
    assert len(fits(rows, 3, np.random.default_rng(1), 10)[0].centres) == found


def test_weights_are_no_numbers_of_customers() -> None:
    """Those of micro-clusters fade: all may add up to less than one."""
    rows = np.repeat([[0.0], [5.0]], 4, axis=0)
    weights = np.full(8, 0.1)
    assert [len(fit.centres) for fit in fits(rows, 2, np.random.default_rng(1), 2, weights)] == [2, 2]


def test_a_fit_has_fewer_clusters_where_any_further_one_is_a_handful() -> None:
    rows = np.zeros((2_000, 1))
    rows[:1_000] = 8.0
    rows[:5, 0] = [8.4, 8.8, 9.2, 9.6, 10.0]
    assert [len(fit.centres) for fit in fits(rows, 3, np.random.default_rng(1), 4)] == [2] * 4
