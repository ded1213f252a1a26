"""Descriptions and reasons: figures of what was observed, and nothing about what was not."""

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.apart import is_spoken
from streamseg.clustering.description.describe import Sampled, SegmentDescription, describe, pseudonym
from streamseg.clustering.description.rfm import measure_borders
from streamseg.clustering.description.why import why
from streamseg.clustering.encode import Floats
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Layout

NAMES = ("purchases", "spend", "price_viewed", "views", "weekend_share")
KINDS = np.array([[8.0, 900.0, 60.0, 12.0, 0.3], [0.3, 8.0, 9.0, 40.0, 0.3], [1.0, 45.0, 30.0, 4.0, 0.8]])
KNOWN = catalogue(Layout.of())


def observations_of(vectors: Floats, **columns: Floats) -> Floats:
    """Return observations of the features in `NAMES` and in `columns`; of all others there are none."""
    found = np.full((len(vectors), len(KNOWN)), np.nan)
    for name, values in ({name: vectors[:, i] for i, name in enumerate(NAMES)} | columns).items():
        found[:, list(KNOWN).index(name)] = values
    return found


@pytest.fixture(name="model")
def _model() -> Learner:
    skewed = (True, True, True, True, False)
    model = Learner(LearnerParams("behaviour", NAMES, skewed, k=3, warm_up_per_cluster=10, warm_up_events=5))
    rng = np.random.default_rng(2)
    for n in range(120):
        vector = KINDS[n % 3] * rng.lognormal(0.0, 0.25, len(NAMES))
        model.learn(Sample(f"c-{n}", float(n), tuple(vector.tolist()), 9, value=float(vector[1])), n)
        if model.challenge_due():
            model.challenge()
    return model


def sampled(model: Learner, **columns: Floats) -> Sampled:
    samples = model.samples()
    vectors = np.array([sample.vector for sample in samples])
    return Sampled(
        [sample.customer_id for sample in samples],
        vectors,
        np.array([sample.value for sample in samples]),
        observations_of(vectors, **columns),
    )


def by_kind(model: Learner, described: list[SegmentDescription]) -> dict[int, SegmentDescription]:
    snapshot = model.snapshot()
    of_kind = [snapshot.segments[i] for i in Assigner(snapshot).assign(KINDS).nearest]
    return {of_kind.index(one.segment): one for one in described}


def test_numbers_are_those_of_the_members(model: Learner) -> None:
    found = by_kind(model, describe(model.snapshot(), sampled(model), KNOWN, currency="EUR"))
    assert [found[kind].described for kind in range(3)] == [40, 40, 40]
    assert found[0].mean_value == pytest.approx(900, rel=0.2)
    price = next(d for d in found[0].differences if d.feature == "price_viewed")
    assert price.effect > 1
    assert price.median == pytest.approx(KINDS[0][NAMES.index("price_viewed")], rel=0.2)
    assert price.others_median < price.median
    assert price.low < price.median < price.high
    assert (price.known, price.some, price.unit) == (1, 1, "EUR")
    effects = [abs(d.effect) for d in found[0].differences]
    assert effects == sorted(effects, reverse=True)


def test_a_feature_is_only_described_where_the_shop_tells_something_of_it(model: Learner) -> None:
    nothing, half = np.zeros(120), np.full(120, np.nan)
    half[:60] = 0.5
    given = sampled(model, carts=nothing, coupon_share=nothing, view_to_cart=half)
    for one in describe(model.snapshot(), given, KNOWN, currency="EUR"):
        features = {difference.feature: difference for difference in one.differences}
        spoken = {name for name in NAMES if is_spoken(name) and name != "weekend_share"}
        assert set(features) == {*spoken, "view_to_cart"}, "no carts, no coupons, no habits, and no priors"
        assert 0.2 < features["view_to_cart"].known < 0.8


def test_members_without_data_do_not_count_as_members_with_nothing(model: Learner) -> None:
    discount = np.where(np.arange(120) % 2 == 0, np.nan, 0.4)
    one = describe(model.snapshot(), sampled(model, discount_share=discount), KNOWN, currency="EUR")[0]
    found = next(each for each in one.differences if each.feature == "discount_share")
    assert (found.median, found.mean, found.others_mean) == pytest.approx((0.4, 0.4, 0.4))
    assert found.effect == 0


def test_a_segment_that_is_missing_from_the_sample_is_not_described(model: Learner) -> None:
    """Issue 14, number 2: it was said to differ in nothing, with 0 % of the value."""
    everybody = sampled(model)
    snapshot = model.snapshot()
    kept = np.flatnonzero(Assigner(snapshot).assign(everybody.vectors).nearest != 0)
    some = Sampled(
        [everybody.customer_ids[i] for i in kept.tolist()],
        everybody.vectors[kept],
        everybody.values[kept],
        everybody.observations[kept],
    )
    label = {"words": [{"key": "big_spenders"}]}
    found = {one.segment: one for one in describe(
        snapshot, some, KNOWN, currency="EUR", current={snapshot.segments[0]: label}
    )}  # fmt: skip
    missing = found[snapshot.segments[0]]
    assert (missing.described, missing.mean_value) == (0, None)
    assert missing.label == label, "what it was called, it is still called"
    assert missing.persona == missing.apart == []
    assert (len(missing.differences), len(missing.representatives)) == (0, 0)
    assert all(one.nearest != missing.segment for one in found.values())


def test_representatives_are_pseudonyms_of_members(model: Learner) -> None:
    members = {pseudonym(f"c-{n}") for n in range(0, 120, 3)}
    found = by_kind(model, describe(model.snapshot(), sampled(model), KNOWN, currency="EUR"))
    representatives = found[0].representatives
    assert len(representatives) == 3
    assert set(representatives) <= members


def test_each_segment_is_compared_with_its_nearest_other(model: Learner) -> None:
    snapshot = model.snapshot()
    centres = dict(zip(snapshot.segments, np.array(snapshot.centres), strict=True))
    for one in describe(snapshot, sampled(model), KNOWN, currency="EUR"):
        others = [name for name in snapshot.segments if name != one.segment]
        assert one.nearest == min(others, key=lambda n: float(np.linalg.norm(centres[n] - centres[one.segment])))
        assert one.apart_from_nearest


def test_rfm_is_of_what_was_observed_whatever_the_segmentation_compares(model: Learner) -> None:
    days, orders, money = np.linspace(1, 100, 120), np.linspace(12, 1, 120).round(), np.linspace(10, 500, 120)
    given = sampled(model, purchase_recency=days, transactions=orders, lifetime_spend=money)
    borders = measure_borders(days, orders, money, 0.0)
    found = describe(model.snapshot(), given, KNOWN, currency="EUR", borders=borders)
    assert all(one.rfm is not None for one in found)
    assert sum(one.rfm.names.get("Champions", 0.0) for one in found if one.rfm) > 0
    assert all(one.rfm is None for one in describe(model.snapshot(), given, KNOWN, currency="EUR"))


def test_identical_customers_without_value_can_be_described(model: Learner) -> None:
    same = np.ones((20, 5))
    given = Sampled([f"c-{n}" for n in range(20)], same, np.zeros(20), observations_of(same))
    described = describe(model.snapshot(), given, KNOWN, currency="EUR")
    assert sorted(one.described for one in described) == [0, 0, 20]
    assert sorted(one.mean_value for one in described if one.mean_value is not None) == [0.0]


def test_reasons_add_up_to_the_difference_of_the_squared_distances(model: Learner) -> None:
    assigner = Assigner(model.snapshot())
    assignment = assigner.assign(KINDS)
    for row, vector in enumerate(KINDS):
        own = int(assignment.nearest[row])
        pulls = why(assigner, vector, model.snapshot().segments[own])
        expected = assignment.runner_up_distance[row] ** 2 - assignment.nearest_distance[row] ** 2
        assert sum(pull.pull for pull in pulls) == pytest.approx(expected)
        assert [pull.pull for pull in pulls] == sorted((pull.pull for pull in pulls), reverse=True)
        assert {pull.feature for pull in pulls} == set(NAMES)
    spend = next(
        p
        for p in why(assigner, KINDS[0], model.snapshot().segments[int(assignment.nearest[0])])
        if p.feature == "spend"
    )
    assert spend.pull > 0
    assert spend.value == 900
    assert spend.own_centre == pytest.approx(900, rel=0.2)


def test_reasons_for_an_unknown_segment_are_refused(model: Learner) -> None:
    with pytest.raises(ValueError, match="behaviour-none"):
        why(Assigner(model.snapshot()), KINDS[0], "behaviour-none")


def test_most_members_have_the_usual_values(model: Learner) -> None:
    """Issue 13, item 25: "spends 1,203 EUR, most of this group 40-90", of what was observed."""
    snapshot, given = model.snapshot(), sampled(model)
    columns = [list(KNOWN).index(name) for name in NAMES]
    given.observations[:, columns] *= 2.0
    given.observations[::2, columns[0]] = np.nan
    nearest = Assigner(snapshot).assign(given.vectors).nearest
    for each in describe(snapshot, given, KNOWN, currency="EUR"):
        members = given.observations[nearest == snapshot.segments.index(each.segment)]
        assert set(each.usual) == set(NAMES) - {"weekend_share"}, "too few days for a habit"
        for column, name in zip(columns, NAMES, strict=True):
            if name in each.usual:
                low, high = each.usual[name]
                known = members[~np.isnan(members[:, column]), column]
                assert 0.6 < ((known >= low) & (known <= high)).mean() < 0.95, name
