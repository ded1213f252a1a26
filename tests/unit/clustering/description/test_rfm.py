"""Quintile scores beside ranks, and the names that follow from them."""

import numpy as np
import pytest

from streamseg.clustering.description.rfm import Rfm, quintiles, rfm, rfm_of_many, scores
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot

FEATURES = ("weekend_share", "purchase_recency", "transactions", "spend")


def population(count: int = 1_000) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    rng = np.random.default_rng(5)
    return np.column_stack(
        [rng.random(count), rng.exponential(60, count), 1 + rng.gamma(2.0, 3.0, count), rng.lognormal(4, 1, count)]
    )


def test_each_score_is_a_fifth_of_the_customers_by_rank_with_recency_the_other_way_round() -> None:
    people = population()
    found = scores(FEATURES, quintiles(FEATURES, people), people)
    assert found is not None
    for column, ours in ((1, 0), (2, 1), (3, 2)):
        fifth = 1 + np.argsort(np.argsort(people[:, column])) * 5 // len(people)
        np.testing.assert_array_equal(found[:, ours], 6 - fifth if ours == 0 else fifth)


def test_equals_score_equally_however_many_they_are() -> None:
    people = population(100)
    people[:70, 2] = 1.0
    found = scores(FEATURES, quintiles(FEATURES, people), people)
    assert found is not None
    assert set(found[:70, 1]) == {1}
    assert set(found[70:, 1]) == {4, 5}


def test_the_best_are_champions_and_those_who_were_good_are_not_to_be_lost() -> None:
    people = population()
    borders = quintiles(FEATURES, people)
    assert rfm(FEATURES, borders, np.array([0.2, 0.0, 99.0, 1e6])) == Rfm(5, 5, 5, "Champions")
    assert rfm(FEATURES, borders, np.array([0.2, 900.0, 99.0, 1e6])) == Rfm(1, 5, 5, "Can't Lose Them")
    assert rfm(FEATURES, borders, np.array([0.2, 0.0, 0.5, 1.0])) == Rfm(5, 1, 1, "New Customers")
    assert rfm(FEATURES, borders, np.array([0.2, 900.0, 0.5, 1.0])) == Rfm(1, 1, 1, "Hibernating")


def test_who_has_never_bought_is_outside_of_the_fifths() -> None:
    buyers, visitors = population(), population(3_000)
    visitors[:, 1:] = (365.0, 0.0, 0.0)
    people = np.vstack([visitors, buyers])
    assert quintiles(FEATURES, people) == quintiles(FEATURES, buyers)
    found = scores(FEATURES, quintiles(FEATURES, people), people)
    assert found is not None
    assert (found[:3_000] == 0).all()
    assert sorted(set(found[3_000:, 1].tolist())) == [1, 2, 3, 4, 5]
    assert rfm(FEATURES, quintiles(FEATURES, people), people[0]) == Rfm(0, 0, 0, "No Purchase Yet")
    told = rfm_of_many(found[2_998:3_002])
    assert told is not None
    assert told.names["No Purchase Yet"] == 0.5
    assert min(told.recency, told.frequency, told.monetary) >= 1
    assert quintiles(FEATURES, visitors) is not None


def test_there_are_none_without_the_three_or_before_the_first_model() -> None:
    people = population(50)
    assert scores(FEATURES[:3], quintiles(FEATURES[:3], people[:, :3]), people[:, :3]) is None
    assert scores(FEATURES, (), people) is None
    assert rfm(FEATURES, (), people[0]) is None
    assert rfm_of_many(np.empty((0, 3), dtype=np.intp)) is None


def test_a_group_is_told_by_its_means_and_its_commonest_names() -> None:
    told = rfm_of_many(np.array([[5, 5, 5], [5, 4, 4], [1, 1, 3]], dtype=np.intp))
    assert told is not None
    assert (told.recency, told.frequency, told.monetary) == (3.67, 3.33, 4.0)
    assert list(told.names.items()) == [("Champions", 0.6667), ("Hibernating", 0.3333)]


def test_the_borders_are_of_the_customers_of_the_last_challenge_and_survive_a_restart() -> None:
    params = LearnerParams("value", FEATURES, (False, True, True, True), k=3, warm_up_per_cluster=10, warm_up_events=5)
    model, people = Learner(params), population(120)
    for n, vector in enumerate(people.tolist()):
        model.learn(Sample(f"c-{n}", float(n), tuple(vector), 9), n)
        if model.challenge_due():
            model.challenge()
    model.challenge()
    snapshot = Snapshot.from_json(model.snapshot().to_json())
    assert snapshot.quintiles == quintiles(FEATURES, np.array([sample.vector for sample in model.samples()]))
    assert Learner.restore(snapshot, params).snapshot().quintiles == snapshot.quintiles
    assert snapshot.quintiles[3] == pytest.approx(np.quantile(people[:, 3], [0.2, 0.4, 0.6, 0.8]))
