"""A feature decides segments only where enough customers differ in what was observed of them (issue 14, number 4)."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from streamseg.clustering.learning.differing import decides, enough_differ
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from tests.support.shoppers import learner

CUSTOMERS = 2_300
FEATURES = ("spend", "coupon_share", "refunds", "cart_to_purchase")


def samples(refunders: int, places: Iterable[int] = (0, 1, 2, 3)) -> list[Sample]:
    """Return customers of a shop without coupons and carts; what models compare of both is drawn towards a prior."""
    rng = np.random.default_rng(14)
    made = []
    for n, orders in enumerate(rng.integers(1, 9, CUSTOMERS).tolist()):
        refunds = 9.0 if n < refunders else 0.0
        spend = orders * rng.uniform(5.0, 60.0)
        vector = (spend, 0.2 / (orders + 4.0), refunds, min((orders + 1.2) / 4.0, 1.0))
        seen = (spend, 0.0, refunds, None)
        made.append(Sample(f"c-{n}", float(n), vector, orders, observed=tuple(seen[place] for place in places)))
    return made


def placed(made: list[Sample], observed_places: tuple[int, ...] = (0, 1, 2, 3)) -> Learner:
    model = learner(
        features=FEATURES, skewed=(True, False, True, False), warm_up_events=1, observed_places=observed_places
    )
    for n, sample in enumerate(made):
        model.learn(sample, n)
    assert model.challenge() is not None
    return model


@pytest.mark.parametrize(("refunders", "counts"), [(3, False), (22, False), (23, True), (230, True)])
def test_a_feature_counts_from_a_hundredth_of_the_customers_on(refunders: int, counts: bool) -> None:
    assert decides(samples(refunders), (0, 1, 2, 3)).tolist() == [True, False, counts, False]


@pytest.mark.parametrize(("differing", "counts"), [(0, False), (2, False), (3, True)])
def test_in_a_small_shop_three_customers_must_differ(differing: int, counts: bool) -> None:
    """Of 40 customers one is 2.5 %; a model would be all about this one."""
    seen = np.full((40, 1), 20.0)
    seen[:differing] = 5_000.0
    assert enough_differ(seen).tolist() == [counts]


def test_places_say_where_a_feature_stands_among_those_observed() -> None:
    assert decides(samples(230, (2, 3, 1, 0)), (3, 2, 0, 1)).tolist() == [True, False, True, False]


def test_where_nothing_observed_is_told_every_feature_counts() -> None:
    assert decides([Sample("c", 0.0, (1.0, 2.0), 1)], (0, 1)).all()
    assert decides(samples(3), ()).all()


def test_rounding_is_no_difference() -> None:
    made = [Sample(f"c-{n}", 0.0, (1.0,), 1, observed=(0.25 + 1e-4 * (n % 2),)) for n in range(100)]
    assert not decides(made, (0,)).any()


def test_what_is_observed_of_hardly_anybody_has_no_weight_in_a_model() -> None:
    snapshot = placed(samples(3)).snapshot()
    assert [variance > 0 for variance in snapshot.scale.variance] == [True, False, False, False]
    assert not any(math.isnan(value) for centre in snapshot.centres for value in centre)
    without = placed(samples(3), ()).snapshot()
    assert all(variance > 0 for variance in without.scale.variance), "this is what is left out"


def test_where_nobody_differs_in_what_is_observed_there_are_no_segments() -> None:
    model = learner(features=FEATURES[1:2] * 4, skewed=(False,) * 4, warm_up_events=1, observed_places=(1, 1, 1, 1))
    for n, sample in enumerate(samples(3)):
        model.learn(Sample(sample.customer_id, sample.at, sample.vector[1:2] * 4, 1, observed=sample.observed), n)
    assert model.challenge() is None
    assert model.snapshot().customers_alike
