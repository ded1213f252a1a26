"""RFM: quintile scores compared with ranks, and the eleven names that follow from them."""

from typing import Any

import numpy as np
import pytest

from streamseg.clustering.description.rfm import (
    LEAST_BUYERS,
    LOST_DAYS,
    Rfm,
    RfmBorders,
    measure_borders,
    rfm,
    rfm_of_many,
    scores,
)
from streamseg.clustering.encode import Floats

CUSTOMARY = {
    "Champions", "Loyal Customers", "Potential Loyalists", "New Customers", "Promising", "Need Attention",
    "About to Sleep", "At Risk", "Can't Lose Them", "Hibernating", "Lost",
}  # fmt: skip


def population(count: int = 1_000) -> tuple[Floats, Floats, Floats]:
    rng = np.random.default_rng(5)
    return rng.exponential(60, count), 1 + np.floor(rng.gamma(2.0, 3.0, count)), rng.lognormal(4, 1, count)


def borders_of(people: tuple[Any, Any, Any]) -> RfmBorders:
    found = measure_borders(*people, at=0.0)
    assert found is not None
    return found


def test_each_score_holds_a_fifth_of_the_customers_and_recency_counts_in_reverse() -> None:
    days, _, money = people = population()
    found = scores(borders_of(people), *people)
    for column, values in ((0, days), (2, money)):
        fifth = 1 + np.argsort(np.argsort(values)) * 5 // len(values)
        # A single purchase of late is not lost, see below.
        alike = (found[:, 1] > 1) | (days >= LOST_DAYS)
        np.testing.assert_array_equal(found[alike, column], (6 - fifth if column == 0 else fifth)[alike])


def test_equal_values_get_equal_scores_even_if_most_are_equal() -> None:
    days, counts, money = population(100)
    counts[:70] = 1.0
    found = scores(borders_of((days, counts, money)), days, counts, money)
    assert set(found[:70, 1]) == {1}
    assert set(found[70:, 1][counts[70:] > 3]) == {4, 5}
    assert max(found[70:, 1][counts[70:] <= 3]) <= 3, "no more than the purchases"


def test_where_most_bought_once_a_second_purchase_makes_no_champion() -> None:
    """Issue 13, item 21: of 100 buyers 70 bought once, 20 twice, and 10 five times."""
    counts = np.repeat([1.0, 2.0, 5.0], [70, 20, 10])
    borders = borders_of((np.arange(100) % 50 + 1.0, counts, counts * 30))
    of = {n: rfm(borders, 1.0, n, 30.0 * n) for n in (1.0, 2.0, 5.0)}
    assert {n: (one.frequency, one.name) for n, one in of.items()} == {
        1.0: (1, "New Customers"),
        2.0: (2, "Potential Loyalists"),
        5.0: (5, "Champions"),
    }


def test_one_time_buyers_silent_for_over_a_year_are_never_promising() -> None:
    """Issue 14, number 1: of a cohort that all fell silent long ago, half bought once."""
    rng = np.random.default_rng(1)
    days, counts = rng.uniform(370.0, 540.0, 4_000), np.repeat([1.0, 3.0], 2_000)
    people = (days, counts, counts * 20)
    borders = borders_of(people)
    once = {rfm(borders, day, 1.0, 20.0).name for day in days[:2_000].tolist()}
    assert once == {"Lost", "Hibernating"}
    found = scores(borders, *people)
    assert set(found[:, 0].tolist()) == {1, 2}, "but recency still tells the longer silent from the others"


def test_names_by_recency_have_a_floor_in_days() -> None:
    """Most have fallen silent, so ten months are in the best fifth; or most buy daily, and six days in the worst."""
    silent = np.array([300.0] * 20 + [500.0] * 80)
    borders = borders_of((silent, np.linspace(1, 20, 100).round(), np.full(100, 50.0)))
    for days, names in ((300.0, {"At Risk"}), (200.0, {"Need Attention"}), (100.0, {"Potential Loyalists"})):
        assert {rfm(borders, days, orders, 50.0).name for orders in (9.0, 10.0)} == names
    daily = np.array([1.0] * 80 + [6.0] * 10 + [25.0] * 10)
    borders = borders_of((daily, np.linspace(5, 60, 100).round(), np.full(100, 50.0)))
    found = [rfm(borders, days, orders, 50.0).name for days in (6.0, 25.0) for orders in (6.0, 30.0, 60.0)]
    assert not {"At Risk", "Lost", "Hibernating", "Can't Lose Them"} & set(found), found


def test_buyers_of_one_day_score_in_the_middle_of_the_quintiles_that_they_fill() -> None:
    """Issue 13, item 21: equal recencies, as in a file with dates only, are neither best nor worst as a whole."""

    def recency_scores(days: list[float]) -> list[int]:
        people = (np.array(days), np.full(len(days), 5.0), np.full(len(days), 50.0))
        return [int(score) for score in scores(borders_of(people), *people)[:, 0]]

    assert recency_scores([40.0] * 100) == [3] * 100
    assert recency_scores([1.0] * 30 + [60.0] * 70) == [5] * 30 + [3] * 70
    assert recency_scores([1.0] * 70 + [float(n) for n in range(60, 90)])[:70] == [4] * 70


def test_names_are_the_customary_eleven() -> None:
    borders = RfmBorders((10.0, 20.0, 40.0, 80.0), (1.5, 2.5, 3.5, 4.5), (10.0, 20.0, 40.0, 80.0), 1_000, 0.0)
    grid = {(d, n): rfm(borders, d, n, 50.0).name for d in (5.0, 15.0, 30.0, 60.0, 90.0) for n in (1, 2, 3, 4, 5)}
    assert set(grid.values()) == CUSTOMARY
    assert (grid[5.0, 5], grid[90.0, 5], grid[5.0, 1], grid[90.0, 1]) == (
        "Champions",
        "Can't Lose Them",
        "New Customers",
        "Lost",
    )


def test_names_are_true_of_the_customers_who_have_them() -> None:
    """Issue 14, number 6: no label that contradicts its figures, over random shops."""
    rng = np.random.default_rng(9)
    for _ in range(60):
        count = int(rng.integers(LEAST_BUYERS, 400))
        days = rng.exponential(rng.choice([5.0, 80.0, 900.0]), count)
        counts = 1.0 + rng.poisson(rng.choice([0.1, 1.0, 8.0]), count)
        borders = borders_of((days, counts, counts * rng.lognormal(3, 1, count)))
        for day, n in zip(days.tolist(), counts.tolist(), strict=True):
            name = rfm(borders, day, n, 10.0).name
            if name in {"Champions", "Loyal Customers"}:
                assert n >= 4
                assert day <= 365
            if name in {"New Customers", "Promising", "Potential Loyalists"}:
                assert day <= 365
            assert name != "Lost" or day >= LOST_DAYS
            if name in {"At Risk", "Can't Lose Them"}:
                assert n >= 3


def test_customers_who_never_bought_are_outside_the_quintiles() -> None:
    buyers = population()
    nothing = (np.full(3_000, value) for value in (np.nan, 0.0, 0.0))
    days, counts, money = (np.concatenate(both) for both in zip(nothing, buyers, strict=True))
    borders = borders_of((days, counts, money))
    assert borders == borders_of(buyers)
    found = scores(borders, days, counts, money)
    assert (found[:3_000] == 0).all()
    assert rfm(borders, float("nan"), 0.0, 0.0) == Rfm(0, 0, 0, "No Purchase Yet")
    summary = rfm_of_many(found[2_998:3_002])
    assert summary is not None
    assert summary.names["No Purchase Yet"] == 0.5
    assert min(summary.recency, summary.frequency, summary.monetary) >= 1


@pytest.mark.parametrize("buyers", [0, LEAST_BUYERS - 1])
def test_too_few_buyers_have_no_names(buyers: int) -> None:
    days, counts, money = population(buyers)
    assert measure_borders(days, counts, money, at=0.0) is None
    assert rfm_of_many(np.empty((0, 3), dtype=np.intp)) is None


def test_a_group_is_summarised_by_mean_scores_and_most_frequent_names() -> None:
    summary = rfm_of_many(np.array([[5, 5, 5], [5, 4, 4], [1, 1, 3]], dtype=np.intp))
    assert summary is not None
    assert (summary.recency, summary.frequency, summary.monetary) == (3.67, 3.33, 4.0)
    assert list(summary.names.items()) == [("Champions", 0.6667), ("Lost", 0.3333)]


def test_borders_are_restored_from_json() -> None:
    borders = borders_of(population(100))
    assert RfmBorders.from_json(borders.to_json()) == borders
    assert RfmBorders.from_json(None) is None
