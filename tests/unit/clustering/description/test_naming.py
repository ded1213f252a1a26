"""Labels and personas of behaviour and of mixed attributes."""

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.description.describe import SegmentDescription, describe
from streamseg.clustering.description.difference import FeatureDifference
from streamseg.clustering.description.naming import amount, labels, persona
from streamseg.clustering.description.wording import words_of_value
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.features.catalogue import catalogue
from streamseg.features.layout import Attribute, Layout

LAYOUT = Layout.of(
    attributes=(
        Attribute("country", ("NL", "SE", "DE")),
        Attribute("gender", ("female", "male")),
        Attribute("age", typical=42),
        Attribute("uses_app"),
        Attribute("favourite_sport", ("running", "yoga")),
    )
)
FEATURES = [one for one in catalogue(LAYOUT).values() if one.attribute]
NAMES = [one.name for one in FEATURES]


def customer(**traits: float) -> list[float]:
    return [traits.get(name.removeprefix("profile_"), 42.0 if name == "profile_age" else 0.0) for name in NAMES]


def described(*kinds: list[float], copies: int = 60, noise: float = 0.0) -> list[SegmentDescription]:
    """Describe one segment per kind of customers, in order; `noise` is the share changed to the next kind."""
    k = len(kinds)
    params = LearnerParams(
        "who",
        tuple(NAMES),
        tuple(one.skewed for one in FEATURES),
        blocks=tuple(one.block for one in FEATURES),
        k=k,
        warm_up_per_cluster=10,
    )
    model, rng = Learner(params), np.random.default_rng(1)
    for n in range(copies * k):
        vector = np.array(kinds[(n + int(rng.random() < noise)) % k])
        vector[NAMES.index("profile_age")] += rng.normal(0, 2)
        model.learn(Sample(f"c-{n}", float(n), tuple(vector.tolist()), 9), n)
    model.challenge()
    snapshot, samples = model.snapshot(), model.samples()
    vectors = np.array([one.vector for one in samples])
    found = describe(snapshot, [one.customer_id for one in samples], vectors, np.zeros(len(samples)), FEATURES)
    return [found[i] for i in Assigner(snapshot).assign(np.array(kinds)).nearest]


def test_a_value_that_most_members_have_is_named_with_its_share() -> None:
    dutch, swedes = described(
        customer(country_nl=1, gender_female=1, age=30), customer(country_se=1, gender_male=1, age=66)
    )
    assert (dutch.label, swedes.label) == ("Younger, mostly NL customers", "Older, mostly SE customers")
    assert "are mostly from NL (100%, others 0%)" in dutch.persona
    assert "are mostly female (100%, others 0%)" in dutch.persona
    assert "are older (typically 66, others 30)" in swedes.persona
    for one in (dutch, swedes):
        assert one.persona.count("from") == 1, "one clause per attribute, not one per value"
        assert not any(sign in one.label + one.persona for sign in ("_", "profile", "stand higher", "non-"))


def test_an_attribute_declared_by_the_shop_is_named_with_its_value() -> None:
    runners, _ = described(customer(favourite_sport_running=1, age=40), customer(favourite_sport_yoga=1, age=40))
    assert "They are mostly running (favourite sport) (100%, others 0%)" in runners.persona
    assert runners.label == "Mostly running customers"


def test_a_value_that_everybody_has_is_not_mentioned() -> None:
    first, _ = described(
        customer(country_nl=1, gender_female=1, age=25), customer(country_se=1, gender_female=1, age=70)
    )
    assert "mostly from NL" in first.persona
    assert "female" not in first.persona


@pytest.mark.parametrize(
    ("direction", "share", "clause", "adjective"),
    [
        (1, 0.8, "are mostly from NL", "mostly NL"),
        (1, 0.4, "are more often from NL", "rather NL"),
        (-1, 0.6, "are less often from NL", "less NL"),
        (-1, 0.3, "are less often from NL", "non-NL"),
        (-1, 0.02, "are hardly ever from NL", "non-NL"),
    ],
)
def test_the_share_of_members_with_a_value_decides_the_words(
    direction: int, share: float, clause: str, adjective: str
) -> None:
    said = words_of_value("country", "NL", direction, share)
    assert (said.clause, said.adjective) == (clause, adjective)


def test_features_of_0_or_1_are_shown_as_shares() -> None:
    users, others = described(customer(uses_app=1), customer(uses_app=0))
    assert "They use the app more often (100%, others 0%)" in users.persona
    assert users.label == "App-using customers"
    assert "use the app less often (0%, others 100%)" in others.persona


BEHAVIOUR = catalogue(Layout.of(categories=("shoes",)))


def difference(feature: str, effect: float, median: float, others: float, **means: float) -> FeatureDifference:
    one = BEHAVIOUR[feature]
    return FeatureDifference(
        feature,
        one.unit,
        one.meaning,
        effect,
        median,
        others,
        means.get("mean", median),
        means.get("others_mean", others),
    )


def label(*found: FeatureDifference) -> str:
    return labels(["a-0001"], [found], [1], {}, BEHAVIOUR)[0]


def test_of_the_parts_of_a_whole_only_the_larger_ones_are_mentioned() -> None:
    found = (
        difference("device_tablet_share", -0.9, 0.01, 0.02),
        difference("device_mobile_share", -0.8, 0.2, 0.7),
        difference("device_desktop_share", 0.7, 0.78, 0.2),
        difference("category_other", 0.6, 0.7, 0.4),
        difference("category_shoes", -0.6, 0.3, 0.6),
    )
    assert label(*found) == "Desktop, other-minded customers"
    assert persona(None, found, None, BEHAVIOUR) == (
        "To a lesser degree they come more by desktop (typically 78%, others 20%)"
        " and go more for other things (typically 70%, others 40%)."
    )
    assert "come less by mobile" in persona(None, found[:2], None, BEHAVIOUR)


def test_equal_labels_are_made_distinct_by_an_amount_or_a_number_and_keep_it() -> None:
    found = (difference("device_mobile_share", 0.9, 0.7, 0.4),)
    only = (difference("device_mobile_share", 1.9, 0.9, 0.4),)
    named = ["Mobile customers", "Mobile customers (70%)", "Mobile customers 2", "Mobile-only customers"]
    assert labels(["a", "b", "c", "d"], [found, found, found, only], [9, 5, 4, 7], {}, BEHAVIOUR) == named
    kept = {"b": named[0], "a": named[1], "c": named[2]}
    assert labels(["a", "b", "c"], [found] * 3, [9, 5, 4], kept, BEHAVIOUR) == [named[1], named[0], named[2]]
    current = {"a": "Mobile customers 2", "b": "Mobile customers"}
    assert labels(["a", "b"], [found, found], [9, 5], current, BEHAVIOUR) == ["Mobile customers 2", "Mobile customers"]
    assert labels(["a"], [found], [9], {"a": "Footwear fans 2"}, BEHAVIOUR) == ["Mobile customers"]


def test_a_difference_that_is_not_visible_in_numbers_is_not_mentioned() -> None:
    alike = difference("refunds", 0.9, 0.0, 0.0, mean=0.01, others_mean=0.02)
    assert persona(None, (alike,), None, BEHAVIOUR) == "In nothing do they differ much from the others."
    some = difference("refunds", 0.9, 0.0, 0.0, mean=0.8, others_mean=0.1)
    assert persona(0.1, (some,), None, BEHAVIOUR) == (
        "They bring 10% of the value. They send more back (on average 0.8, others 0.1)."
    )


def test_labels_of_customers_who_never_bought_use_no_words_about_buying() -> None:
    found = (
        difference("purchase_recency", 2.0, 365.0, 8.2),
        difference("spend", -2.0, 0.0, 126.0),
        difference("purchases", -1.5, 0.0, 2.0),
    )
    assert label(*found) == "Non-buyers"
    assert persona(0.0, found, None, BEHAVIOUR) == (
        "They bring 0% of the value. "
        "They have not bought for a year, if ever (typically a year or more, others 8.2 days),"
        " spend less (typically 0 EUR, others 126 EUR) and buy less often (typically 0, others 2)."
    )
    assert label(*found, difference("weekend_share", 0.5, 0.6, 0.3)) == "Weekend non-buyers"


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.4, "log", "±49%"),
        (0.2, "days", "less than a day"),
        (12.0, "days", "12 days"),
        (400.0, "days", "a year or more"),
        (1234.5, "EUR", "1,234 EUR"),
        (2.5, "purchases", "2.5"),
    ],
)
def test_amounts_are_formatted_for_people(value: float, unit: str, expected: str) -> None:
    assert amount(value, unit) == expected


@pytest.mark.parametrize("missing", ["country", "gender"])
def test_customers_without_a_value_of_an_attribute_are_not_described_by_it(missing: str) -> None:
    value = {"country": "country_nl", "gender": "gender_female"}[missing]
    _, silent = described(customer(age=25, **{value: 1}), customer(age=70))
    assert silent.label == "Older customers"
    assert silent.persona == "They are older (typically 70, others 25)."
