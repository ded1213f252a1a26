"""What people would use instead of streamseg."""

import numpy as np
import pytest

from streamseg.evaluation.baselines import baselines, nmf_labels, without_missing
from streamseg.evaluation.measures import ari

FEATURES = ("a", "b", "c")
RNG = np.random.default_rng(4)
GROUP = RNG.integers(0, 3, 900)
VECTORS = np.exp(4.0 * np.eye(3)[GROUP] + RNG.normal(0.0, 0.2, (900, 3)))
SKEWED = (True, True, True)


@pytest.mark.parametrize("name", list(baselines(FEATURES, SKEWED, 3, 0)))
def test_every_baseline_learns_and_gives_each_row_a_label(name: str) -> None:
    one = baselines(FEATURES, SKEWED, 3, 0)[name]
    assert one.labels(VECTORS) is None
    one.learn(VECTORS)
    found = one.labels(VECTORS[:50])
    assert found is not None
    assert found.shape == (50,)


def test_the_mean_replaces_missing_numbers() -> None:
    rows = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    assert without_missing(rows).tolist() == [[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]]


def test_mini_batches_and_factors_find_clear_groups() -> None:
    batches = baselines(FEATURES, SKEWED, 3, 0)["minibatch"]
    batches.learn(VECTORS)
    found = batches.labels(VECTORS)
    assert found is not None
    assert ari(GROUP, found) > 0.5
    assert ari(GROUP, nmf_labels(VECTORS, SKEWED, 3)) > 0.9


def test_there_may_be_more_factors_than_features() -> None:
    assert len(np.unique(nmf_labels(VECTORS, SKEWED, 5))) > 2
