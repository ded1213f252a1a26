"""Clustering measures: agreement with a truth, renamed customers, inertia, and offline k-means."""

import numpy as np
import pytest

from streamseg.evaluation import measures
from streamseg.evaluation.measures import agreement, inertia, offline_segments, renamed_share
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout

TRUTH = {"a": "x", "b": "x", "c": "x", "d": "y", "e": "y", "f": "y"}


def test_equal_groups_agree_fully_under_any_names() -> None:
    found = agreement(TRUTH, {"a": "1", "b": "1", "c": "1", "d": "2", "e": "2", "f": "2", "not in the truth": "3"})
    assert [found.ari, found.ami] == pytest.approx([1.0, 1.0])
    assert found.customers == 6
    assert found.confusion == {"x": {"1": 3}, "y": {"2": 3}}


def test_ari_equals_a_value_computed_by_hand() -> None:
    """Of 15 pairs, 4 are together in both labellings, 6 by label, 7 by segment."""
    found = agreement(TRUTH, {"a": "1", "b": "1", "c": "2", "d": "2", "e": "2", "f": "2"})
    together, rows, columns, pairs = 1 + 3, 6, 1 + 6, 15
    expected = rows * columns / pairs
    assert found.ari == pytest.approx((together - expected) / ((rows + columns) / 2 - expected))


def test_unassigned_and_unknown_customers_each_count_as_one_group() -> None:
    found = agreement(TRUTH, {"a": None, "b": None, "c": None, "d": "2", "e": "2"})
    assert found.confusion == {"x": {"unassigned": 3}, "y": {"2": 2, "unknown": 1}}
    assert 0 < found.ari < 1


def test_offline_kmeans_finds_clear_groups() -> None:
    rng = np.random.default_rng(1)
    centres = np.repeat(np.array([[1.0, 1e4], [5.0, 10.0], [9.0, 1e6]]), 30, axis=0)
    vectors = centres * np.exp(0.1 * rng.standard_normal(centres.shape))
    customers = [f"c{n}" for n in range(90)]
    known = catalogue(Layout.of())
    found = offline_segments(customers, vectors, [known["weekend_share"], known["spend"]], k=3)
    truth = {customer: str(n // 30) for n, customer in enumerate(customers)}
    assert agreement(truth, dict(found)).ari == pytest.approx(1.0)


def test_customers_count_as_renamed_when_half_of_their_segment_moves_with_them() -> None:
    before = dict.fromkeys(range(10), 1) | dict.fromkeys(range(10, 20), 2)
    assert renamed_share(before, before) == 0.0
    assert renamed_share(before, before | dict.fromkeys(range(5), 3)) == 5 / 20
    assert renamed_share(before, before | dict.fromkeys(range(4), 3)) == 0.0
    assert renamed_share(before, before | {0: 3, 1: 4, 2: 5, 3: 6, 4: 7, 5: 8}) == 0.0
    assert renamed_share(before, dict.fromkeys(range(20), 2)) == 10 / 20


def test_unassigned_customers_never_count_as_renamed() -> None:
    assert renamed_share({0: 0, 1: 0}, {0: 5, 1: 5}) == 0.0
    assert renamed_share({}, {}) == 0.0


def test_customers_erased_since_are_not_renamed() -> None:
    """Issue 13, item 21: an erasure ended the measurement with a KeyError."""
    before = dict.fromkeys(range(10), 1)
    assert renamed_share(before, dict.fromkeys(range(5), 1)) == 0.0
    assert renamed_share(before, dict.fromkeys(range(4), 2) | dict.fromkeys(range(4, 8), 1)) == 0.5
    assert renamed_share(before, {}) == 0.0


def test_inertia_is_measured_from_the_means_of_the_groups() -> None:
    rows = np.array([[0.0, 0.0], [2.0, 0.0], [10.0, 0.0]])
    assert inertia(rows, np.array([0, 0, 1])) == pytest.approx(2.0)
    assert inertia(rows, np.array([0, 1, 2])) == 0.0


def test_the_ceiling_is_at_least_as_good_as_every_other_labelling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Random starts that end in a poor optimum are replaced by a start from another method's answer."""
    monkeypatch.setattr(measures, "offline_kmeans", lambda rows, k: np.arange(len(rows)) % k)
    rng = np.random.default_rng(2)
    true = np.repeat(np.arange(30), 10)
    rows = rng.uniform(0, 100, (30, 2))[true] + rng.normal(0.0, 0.3, (300, 2))
    assert inertia(rows, measures.ceiling(rows, 30, [])) > inertia(rows, true)
    helped = measures.ceiling(rows, 30, [None, np.zeros(300, dtype=np.intp), true])
    assert inertia(rows, helped) <= inertia(rows, true)


def test_a_labelling_with_fewer_groups_helps_the_ceiling_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is filled up to k centres. One with more groups than k is no answer to k, and is ignored."""
    monkeypatch.setattr(measures, "offline_kmeans", lambda rows, k: np.arange(len(rows)) % k)
    rng = np.random.default_rng(2)
    true = np.repeat(np.arange(30), 10)
    rows = rng.uniform(0, 100, (30, 2))[true] + rng.normal(0.0, 0.3, (300, 2))
    fewer = np.minimum(true, 27)
    helped = measures.ceiling(rows, 30, [fewer])
    assert len(np.unique(helped)) == 30
    assert inertia(rows, helped) < inertia(rows, fewer)
    assert inertia(rows, measures.ceiling(rows, 29, [true])) == inertia(rows, np.arange(300) % 29)
