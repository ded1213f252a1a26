"""What people would use instead of streamseg."""

import sys

import numpy as np
import pytest

from streamseg.clustering.encode import Floats
from streamseg.clustering.params import LearnerParams
from streamseg.errors import SettingsError
from streamseg.evaluation.baselines import BASELINES, nmf_labels, without_missing
from streamseg.evaluation.measures import Labels, ari

RNG = np.random.default_rng(4)
GROUP = RNG.integers(0, 3, 900)
SKEWED = (True, True, True)
PARAMS = LearnerParams("behaviour", ("a", "b", "c"), SKEWED, 3)


def around(centres: Floats, group: Labels) -> Floats:
    return np.exp(centres[group] + RNG.normal(0.0, 0.2, (len(group), 3)))


VECTORS = around(4.0 * np.eye(3), GROUP)


@pytest.mark.parametrize("name", BASELINES)
def test_every_baseline_learns_and_gives_each_row_a_label(name: str) -> None:
    one = BASELINES[name](PARAMS, 0)
    assert one.name == name
    assert one.labels(VECTORS) is None
    one.learn(VECTORS)
    found = one.labels(VECTORS[:50])
    assert found is not None
    assert found.shape == (50,)


def test_the_mean_replaces_missing_numbers() -> None:
    rows = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    assert without_missing(rows).tolist() == [[1.0, 0.0], [3.0, 0.0], [2.0, 0.0]]


@pytest.mark.parametrize(("name", "least"), [("minibatch", 0.5), ("betula", 0.99), ("river-dbstream", 0.5)])
def test_a_baseline_finds_clear_groups(name: str, least: float) -> None:
    one = BASELINES[name](PARAMS, 0)
    for part in np.array_split(VECTORS, 60):
        one.learn(part)
    found = one.labels(VECTORS)
    assert found is not None
    assert ari(GROUP, found) > least


def test_betula_takes_customers_who_are_all_alike() -> None:
    """As before the first purchase: fewer different customers than clusters, of which it warns."""
    one = BASELINES["betula"](PARAMS, 0)
    one.learn(np.ones((300, 3)))
    found = one.labels(np.ones((5, 3)))
    assert found is not None
    assert len(np.unique(found)) == 1


def test_factors_find_clear_groups() -> None:
    assert ari(GROUP, nmf_labels(VECTORS, SKEWED, 3)) > 0.9


def test_betula_forgets_groups_that_are_gone() -> None:
    """Three old groups far away would take two of the three clusters, and leave one for the present ones."""
    one = BASELINES["betula"](PARAMS, 0)
    one.learn(around(np.array([[9.0, 9.0, 1.0], [1.0, 9.0, 9.0], [9.0, 1.0, 9.0]]), RNG.integers(0, 3, 9000)))
    for _ in range(40):
        one.learn(VECTORS[:300])
    found = one.labels(VECTORS)
    assert found is not None
    assert ari(GROUP, found) > 0.9


def test_a_block_of_categories_weighs_as_one_number() -> None:
    """As in streamseg. Two columns of one attribute lose against two noisy numbers that agree with each other."""
    category, number = RNG.integers(0, 2, 900), RNG.integers(0, 2, 900)
    noisy = number + RNG.normal(0.0, 0.25, (2, 900))
    rows = np.column_stack([category, 1 - category, *noisy]).astype(np.float64)
    names, skewed = ("country=a", "country=b", "c", "d"), (False,) * 4
    for blocks, winner in ((("country", "country", "", ""), number), ((), category)):
        one = BASELINES["betula"](LearnerParams("mixed", names, skewed, 2, blocks), 0)
        one.learn(rows)
        found = one.labels(rows)
        assert found is not None
        assert ari(winner, found) > 0.9


def test_a_missing_betula_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "betula_cluster", None)
    BASELINES["minibatch"](PARAMS, 0)
    with pytest.raises(SettingsError, match=r"betula-cluster is not installed: pip install 'streamseg\[analysis\]'"):
        BASELINES["betula"](PARAMS, 0)


def test_there_may_be_more_factors_than_features() -> None:
    assert len(np.unique(nmf_labels(VECTORS, SKEWED, 5))) > 2
