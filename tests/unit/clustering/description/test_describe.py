"""Descriptions and reasons: correct numbers, distinct labels, and words that a marketer would use."""

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.describe import SegmentDescription, describe, pseudonym
from streamseg.clustering.description.why import why
from streamseg.clustering.description.wording import words
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.features.catalogue import Feature, catalogue
from streamseg.features.layout import Layout

NAMES = ("purchases", "spend", "price_viewed", "views", "weekend_share")
KINDS = np.array([[8.0, 900.0, 60.0, 12.0, 0.3], [0.3, 8.0, 9.0, 40.0, 0.3], [1.0, 45.0, 30.0, 4.0, 0.8]])


@pytest.fixture(name="features")
def _features() -> list[Feature]:
    known = catalogue(Layout.of())
    return [known[name] for name in NAMES]


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


def described(
    model: Learner, features: list[Feature], labels: dict[str, str] | None = None, sizes: dict[str, int] | None = None
) -> dict[int, SegmentDescription]:
    """Return the descriptions by the kind of customers in each segment."""
    snapshot, samples = model.snapshot(), model.samples()
    found = describe(
        snapshot,
        [sample.customer_id for sample in samples],
        np.array([sample.vector for sample in samples]),
        np.array([sample.value for sample in samples]),
        features,
        labels=labels,
        sizes=sizes,
    )
    of_kind = [snapshot.segments[i] for i in Assigner(snapshot).assign(KINDS).nearest]
    return {of_kind.index(description.segment): description for description in found}


def test_labels_are_distinct_and_name_the_strongest_differences(model: Learner, features: list[Feature]) -> None:
    labels = {kind: each.label for kind, each in described(model, features).items()}
    assert len(set(labels.values())) == 3
    assert any(word in labels[0] for word in ("spenders", "buyers"))
    assert any(word in labels[1] for word in ("browsers", "Price-minded"))
    assert "eekend" in labels[2]
    assert all(2 <= len(label.split()) <= 4 for label in labels.values())


def test_numbers_are_those_of_the_members(model: Learner, features: list[Feature]) -> None:
    found = described(model, features)
    assert [found[kind].size for kind in range(3)] == [40, 40, 40]
    assert sum(each.share for each in found.values()) == pytest.approx(1.0)
    assert sum(each.value_share or 0.0 for each in found.values()) == pytest.approx(1.0)
    assert (found[0].value_share or 0.0) > 0.9
    spend = next(d for d in found[0].differences if d.feature == "spend")
    assert spend.effect > 2
    assert spend.median == pytest.approx(900, rel=0.2)
    assert spend.others_median < 60
    effects = [abs(d.effect) for d in found[0].differences]
    assert effects == sorted(effects, reverse=True)


def test_given_sizes_are_used(model: Learner, features: list[Feature]) -> None:
    segments = model.snapshot().segments
    found = described(model, features, sizes={segments[0]: 6000, segments[1]: 3000})
    by_segment = {each.segment: each for each in found.values()}
    assert [by_segment[segment].size for segment in segments] == [6000, 3000, 0]
    assert by_segment[segments[0]].share == pytest.approx(2 / 3)


def test_representatives_are_pseudonyms_of_members(model: Learner, features: list[Feature]) -> None:
    members = {pseudonym(f"c-{n}") for n in range(0, 120, 3)}
    representatives = described(model, features)[0].representatives
    assert len(representatives) == 3
    assert set(representatives) <= members
    assert not any(name.startswith("c-") for name in representatives)


def test_a_label_is_kept_while_it_fits_and_replaced_otherwise(model: Learner, features: list[Feature]) -> None:
    fresh = described(model, features)
    other = next(label for label in ("High-value frequent buyers", "Frequent big spenders") if label != fresh[0].label)
    kept = described(model, features, {fresh[0].segment: other, fresh[1].segment: "Frequent big spenders"})
    assert kept[0].label == other
    assert kept[1].label == fresh[1].label


def test_a_persona_has_value_and_habits_but_no_size(model: Learner, features: list[Feature]) -> None:
    persona = described(model, features)[0].persona
    assert persona.startswith("They bring 94% of the value. They buy more often")
    assert "customers" not in persona
    assert "spend more (typically 9" in persona
    assert persona.endswith("others 52%).")


def test_identical_customers_without_value_can_be_described(model: Learner, features: list[Feature]) -> None:
    customers = [f"c-{n}" for n in range(20)]
    described = describe(model.snapshot(), customers, np.ones((20, 5)), np.zeros(20), features)
    assert {each.value_share for each in described} == {None}
    assert sorted(each.size for each in described) == [0, 0, 20]


def test_every_feature_of_the_catalogue_has_words() -> None:
    for name in catalogue(Layout.of(categories=("Footwear", "Performance gear"), brand_groups=4)):
        for direction in (1, -1):
            said = words(name, direction)
            assert said.adjective
            assert said.clause
            assert "_" not in said.adjective + said.noun + said.clause
        assert words(name, 1) != words(name, -1)


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


def test_most_members_have_the_usual_values(model: Learner, features: list[Feature]) -> None:
    """Issue 13, item 25: "spends 1,203 EUR, most of this group 40-90"."""
    snapshot, samples = model.snapshot(), model.samples()
    vectors = np.array([sample.vector for sample in samples])
    nearest = Assigner(snapshot).assign(vectors).nearest
    for each in described(model, features).values():
        members = vectors[nearest == snapshot.segments.index(each.segment)]
        assert set(each.usual) == set(NAMES)
        for column, name in enumerate(NAMES):
            low, high = each.usual[name]
            inside = (members[:, column] >= low) & (members[:, column] <= high)
            assert 0.7 < inside.mean() < 0.9, name
