"""RFM: quintile scores compared with ranks, and the names that follow from them."""

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


def test_each_score_holds_a_fifth_of_the_customers_and_recency_counts_in_reverse() -> None:
    people = population()
    found = scores(FEATURES, quintiles(FEATURES, people), people)
    assert found is not None
    for column, ours in ((1, 0), (2, 1), (3, 2)):
        fifth = 1 + np.argsort(np.argsort(people[:, column])) * 5 // len(people)
        np.testing.assert_array_equal(found[:, ours], 6 - fifth if ours == 0 else fifth)


def test_equal_values_get_equal_scores_even_if_most_are_equal() -> None:
    people = population(100)
    people[:70, 2] = 1.0
    found = scores(FEATURES, quintiles(FEATURES, people), people)
    assert found is not None
    assert set(found[:70, 1]) == {1}
    assert set(found[70:, 1][people[70:, 2] > 3]) == {4, 5}
    assert set(found[70:, 1][people[70:, 2] <= 3]) == {3}, "no more than the purchases"


@pytest.mark.parametrize("frequency", ["transactions", "purchases"])
def test_where_most_bought_once_a_second_purchase_makes_no_champion(frequency: str) -> None:
    """Issue 13, item 21: of 100 buyers 70 bought once, 20 twice, and 10 five times."""
    features = ("purchase_recency", frequency, "spend")
    counts = np.repeat([1.0, 2.0, 5.0], [70, 20, 10])
    people = np.column_stack([np.arange(100) % 50 + 1.0, counts, counts * 30])
    borders = quintiles(features, people)
    of = {n: rfm(features, borders, np.array([1.0, n, 30.0 * n])) for n in (1.0, 1.9, 2.0, 5.0)}
    assert {n: (one.frequency, one.name) for n, one in of.items() if one is not None} == {
        1.0: (1, "New Customers"),
        1.9: (2, "Potential Loyalists"),  # decayed from two
        2.0: (2, "Potential Loyalists"),
        5.0: (5, "Champions"),
    }


@pytest.mark.parametrize("at_cap", [30, 70, 95])
def test_buyers_at_the_cap_of_recency_score_worst_however_many_they_are(at_cap: int) -> None:
    """Issue 13, item 21: a purchase a year or more ago is not recent, also where it is so for most."""
    days = np.concatenate([np.linspace(1.0, 300.0, 100 - at_cap), np.full(at_cap, 365.0)])
    people = np.column_stack([np.zeros(100), days, np.full(100, 5.0), np.full(100, 50.0)])
    borders = quintiles(FEATURES, people)
    found = scores(FEATURES, borders, people)
    assert found is not None
    assert set(found[-at_cap:, 0]) == {1}
    assert found[0, 0] == 5
    assert rfm(FEATURES, borders, people[-1]) == Rfm(1, 1, 1, "Hibernating")


def test_buyers_of_one_day_score_in_the_middle_of_the_quintiles_that_they_fill() -> None:
    """Issue 13, item 21: equal recencies, as in a file with dates only, are neither best nor worst as a whole."""

    def recency_scores(days: list[float]) -> list[int]:
        people = np.column_stack([np.zeros(len(days)), days, np.full(len(days), 5.0), np.full(len(days), 50.0)])
        found = scores(FEATURES, quintiles(FEATURES, people), people)
        assert found is not None
        return [int(score) for score in found[:, 0]]

    assert recency_scores([7.0] * 100) == [3] * 100
    assert recency_scores([1.0] * 30 + [60.0] * 70) == [5] * 30 + [3] * 70
    assert recency_scores([1.0] * 70 + [float(n) for n in range(60, 90)])[:70] == [4] * 70


def test_names_follow_the_customary_grid() -> None:
    people = population()
    borders = quintiles(FEATURES, people)
    assert rfm(FEATURES, borders, np.array([0.2, 0.0, 99.0, 1e6])) == Rfm(5, 5, 5, "Champions")
    assert rfm(FEATURES, borders, np.array([0.2, 900.0, 99.0, 1e6])) == Rfm(1, 5, 5, "Can't Lose Them")
    assert rfm(FEATURES, borders, np.array([0.2, 0.0, 0.5, 1.0])) == Rfm(5, 1, 1, "New Customers")
    assert rfm(FEATURES, borders, np.array([0.2, 900.0, 0.5, 1.0])) == Rfm(1, 1, 1, "Hibernating")


def test_customers_who_never_bought_are_outside_the_quintiles() -> None:
    buyers, visitors = population(), population(3_000)
    visitors[:, 1:] = (365.0, 0.0, 0.0)
    people = np.vstack([visitors, buyers])
    assert quintiles(FEATURES, people) == quintiles(FEATURES, buyers)
    found = scores(FEATURES, quintiles(FEATURES, people), people)
    assert found is not None
    assert (found[:3_000] == 0).all()
    assert sorted(set(found[3_000:, 1].tolist())) == [1, 2, 3, 4, 5]
    assert rfm(FEATURES, quintiles(FEATURES, people), people[0]) == Rfm(0, 0, 0, "No Purchase Yet")
    summary = rfm_of_many(found[2_998:3_002])
    assert summary is not None
    assert summary.names["No Purchase Yet"] == 0.5
    assert min(summary.recency, summary.frequency, summary.monetary) >= 1
    assert quintiles(FEATURES, visitors) is not None


def test_there_are_no_scores_without_all_three_features_or_without_borders() -> None:
    people = population(50)
    assert scores(FEATURES[:3], quintiles(FEATURES[:3], people[:, :3]), people[:, :3]) is None
    assert scores(FEATURES, (), people) is None
    assert rfm(FEATURES, (), people[0]) is None
    assert rfm_of_many(np.empty((0, 3), dtype=np.intp)) is None


def test_a_group_is_summarised_by_mean_scores_and_most_frequent_names() -> None:
    summary = rfm_of_many(np.array([[5, 5, 5], [5, 4, 4], [1, 1, 3]], dtype=np.intp))
    assert summary is not None
    assert (summary.recency, summary.frequency, summary.monetary) == (3.67, 3.33, 4.0)
    assert list(summary.names.items()) == [("Champions", 0.6667), ("Hibernating", 0.3333)]


def test_borders_are_computed_at_each_challenge_and_restored_from_the_snapshot() -> None:
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
