"""The space in which distances are measured: rare categories, extremes and missing numbers (issue 14, number 4)."""

from dataclasses import replace

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.why import why
from streamseg.clustering.encode import BOUND, Scale, standardised, to_log
from streamseg.clustering.learning import scaler
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout
from tests.support.shoppers import learner, run

CUSTOMERS, FOREIGNERS = 2_000, 28
LAYOUT = Layout.of(
    categories=("shoes", "socks"),
    attributes=(Attribute("age"), Attribute("income"), Attribute("country", ("nl", "se"))),
)
FEATURES = ("profile_age", "profile_income", "profile_country_nl", "profile_country_se")
BLOCKS = tuple(catalogue(LAYOUT)[name].block for name in FEATURES)
FLOORS = tuple(catalogue(LAYOUT)[name].least_variance for name in FEATURES)


def shop() -> np.ndarray:
    """Return age, income and country of 2,000 customers, of whom 28 live abroad."""
    rng = np.random.default_rng(14)
    abroad = np.arange(CUSTOMERS) < FOREIGNERS
    return np.column_stack([rng.normal(42, 12, CUSTOMERS), rng.normal(40, 9, CUSTOMERS), ~abroad, abroad])


def learned(rows: np.ndarray, **given: object) -> Learner:
    blocks: dict[str, object] = {"features": FEATURES, "skewed": (False,) * 4, "blocks": BLOCKS, "floors": FLOORS}
    model = learner(**(blocks | {"k": 5, "warm_up_events": 1} | given))
    for n, row in enumerate(rows.tolist()):
        model.learn(Sample(f"c-{n}", float(n), tuple(row), 1), n)
    assert model.challenge() is not None
    return model


def members(model: Learner, rows: np.ndarray) -> np.ndarray:
    return Assigner(model.snapshot()).assign(rows).nearest


def test_28_foreigners_of_2000_take_no_segment_of_their_own() -> None:
    rows = shop()
    found = members(learned(rows), rows)
    sizes = np.bincount(found, minlength=5)
    abroad = np.bincount(found[:FOREIGNERS], minlength=5)
    assert (sizes > 0).all()
    assert (abroad / sizes).max() < 0.05
    without = members(learned(rows, floors=()), rows)
    assert len(set(without[:FOREIGNERS].tolist())) == 1, "this is what a floor is for"
    assert int((without == without[0]).sum()) == FOREIGNERS


def test_two_categories_are_two_deviations_apart_however_rare_one_is() -> None:
    for abroad in (1, FOREIGNERS, 1_000):
        rows = np.zeros((CUSTOMERS, 2))
        rows[:abroad, 1] = rows[abroad:, 0] = 1.0
        scaled = Scale.measured(rows, ("c", "c"), (0.5, 0.5)).apply(rows)
        assert np.linalg.norm(scaled[0] - scaled[-1]) == pytest.approx(2.0)


def test_a_number_that_is_only_0_or_1_is_a_category_too() -> None:
    rows = np.zeros((CUSTOMERS, 2))
    rows[:FOREIGNERS, 0] = 1.0
    rows[:, 1] = rows[:, 0]
    rows[-1, 1] = 7.0
    scaled = Scale.measured(rows).apply(rows)
    assert scaled[0, 0] - scaled[FOREIGNERS, 0] == pytest.approx(2.0)
    assert scaled[0, 1] == BOUND


@pytest.mark.parametrize(
    ("name", "least"),
    [
        ("profile_country_se", 0.5), ("profile_age", 0.0), ("spend", 0.0), ("coupon_share", 0.0),
        ("device_tablet_share", 0.1), ("category_shoes", 0.0),
    ],
)  # fmt: skip
def test_features_with_a_fixed_range_have_a_least_variance(name: str, least: float) -> None:
    assert catalogue(LAYOUT)[name].least_variance == pytest.approx(least)


def test_values_count_up_to_the_bound_and_no_further() -> None:
    scale = Scale((10.0, 0.0), (4.0, 1.0), BOUND)
    rows = np.array([[10.0, 0.0], [16.0, -1.0], [18.1, -4.1], [1e9, -1e9]])
    assert scale.apply(rows).tolist() == [[0.0, 0.0], [3.0, -1.0], [4.0, -4.0], [4.0, -4.0]]


def test_one_mistyped_number_makes_no_segment_and_moves_nobody_else() -> None:
    rows = shop()
    mistyped = rows.copy()
    mistyped[-1, 0] = 42_000.0
    model, other = learned(rows), learned(mistyped)
    assert other.snapshot().scale.variance == pytest.approx(model.snapshot().scale.variance, rel=0.01)
    sizes = np.bincount(members(other, mistyped), minlength=5)
    assert sizes.min() > 0.05 * CUSTOMERS
    unbounded = Scale.of(mistyped.mean(axis=0).tolist(), mistyped.var(axis=0).tolist()).apply(mistyped)
    assert np.ptp(unbounded[:-1, 0]) < 0.2, "this is what drawing in is for: everybody else was alike"


def test_extremes_are_drawn_in_unless_nothing_else_differs() -> None:
    column = np.arange(40.0)[:, None]
    column[-1] = 1e6
    inside = np.clip(column, 1.0, 38.0)
    assert Scale.measured(column).mean == pytest.approx((inside.mean(),))
    assert Scale.measured(column).variance == pytest.approx((inside.var(),))
    rare = np.zeros((40, 1))
    rare[0] = 7.0
    assert Scale.measured(rare).variance == pytest.approx((rare.var(),))
    few = column[-19:]
    assert Scale.measured(few).variance == pytest.approx((few.var(),)), "of 19 values none is extreme"


def test_a_missing_number_is_at_the_mean_of_the_known_ones() -> None:
    rows = np.array([[1.0, 5.0], [3.0, np.nan], [np.nan, 7.0]])
    scale = Scale.measured(rows)
    assert scale.mean == (2.0, 6.0)
    assert scale.variance == (1.0, 1.0)
    assert scale.apply(rows).tolist() == [[-1.0, -1.0], [1.0, 0.0], [0.0, 1.0]]


def test_learning_assigning_explaining_and_judging_scale_alike() -> None:
    rng = np.random.default_rng(8)
    rows = rng.lognormal(2.0, 1.5, (400, 4))
    rows[rng.random(rows.shape) < 0.1] = np.nan
    skewed = (True, False, True, False)
    logged = to_log(rows, skewed)
    judged = standardised(rows, skewed, BLOCKS, FLOORS)
    assert np.isfinite(judged).all()
    assert np.abs(judged).max() == BOUND, "or the bound is not tested"
    scale = scaler.measure(logged, FEATURES, BLOCKS, FLOORS)
    np.testing.assert_allclose(scale.apply(logged), judged, rtol=1e-9, atol=1e-9)
    one_by_one = scaler.FixedScaler(scale, FEATURES)
    for row, scaled in zip(logged.tolist(), scale.apply(logged).tolist(), strict=True):
        assert list(one_by_one.transform_one(row).values()) == pytest.approx(scaled, abs=1e-12)


def test_pulls_are_of_bounded_values_and_add_up_to_the_difference_of_the_distances() -> None:
    snapshot = learned(shop()).snapshot()
    vector, assigner = [900.0, 40.0, 1.0, 0.0], Assigner(snapshot)
    own, other = snapshot.segments[:2]
    squared = assigner.assign([vector]).distances[0, :2] ** 2
    pulls = why(assigner, vector, own, other)
    assert sum(one.pull for one in pulls) == pytest.approx(squared[1] - squared[0])
    (age,) = (one for one in pulls if one.feature == "profile_age")
    centres = np.array(snapshot.centres)[:2, 0]
    assert age.pull == pytest.approx((BOUND - centres[1]) ** 2 - (BOUND - centres[0]) ** 2)


def test_the_pull_of_a_missing_number_is_that_of_the_mean() -> None:
    snapshot = learned(shop()).snapshot()
    own, other = snapshot.segments[:2]
    (age,) = (p for p in why(Assigner(snapshot), [np.nan, 40.0, 1.0, 0.0], own, other) if p.feature == "profile_age")
    centres = np.array(snapshot.centres)[:2, 0]
    assert age.pull == pytest.approx(centres[1] ** 2 - centres[0] ** 2)
    assert age.value == pytest.approx(snapshot.scale.mean[0]), "said to be assumed, see `known`"


def test_a_snapshot_without_a_bound_has_none_until_the_next_challenge() -> None:
    model = learner()
    run(model, range(3))
    new = model.snapshot()
    assert new.scale.bound == BOUND
    stored = new.to_json().replace(b',"bound":4.0', b"")
    assert b"bound" not in stored
    old = Snapshot.from_json(stored)
    assert old == replace(new, scale=replace(new.scale, bound=None))
    extreme = [[1e9, 1.0, 1.0, 1.0]]
    assert Assigner(old).scaled(extreme).max() > BOUND == Assigner(new).scaled(extreme).max()
    restored = Learner.restore(old, model.params)
    run(restored, range(3, 4))
    assert restored.snapshot().scale.bound == BOUND
