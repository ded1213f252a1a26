"""The first model: when the warm-up ends, and how many segments there are while customers are few or alike."""

import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.time_units import DAY_SECONDS
from tests.support.shoppers import day_of_samples, learner


def small_shop(**given: object) -> Learner:
    """Return a learner with the defaults of the settings for 5 clusters."""
    return learner(**({"k": 5, "warm_up_per_cluster": 20, "warm_up_events": 20} | given))


def first_model_day(model: Learner, customers: int, events: int, days: int = 20) -> int | None:
    """Learn `days` days of a shop; return the day of the first model."""
    for day in range(days):
        for n, sample in enumerate(day_of_samples(day, customers, events=events)):
            model.learn(sample, day * 10_000 + n)
            if model.challenge_due() and model.challenge() is not None:
                return day
    return None


@pytest.mark.parametrize(
    ("k", "customers", "events", "day"),
    [
        pytest.param(5, 100, 20, 0, id="20 customers per cluster with a median of 20 events"),
        pytest.param(5, 99, 20, 14, id="one customer less"),
        pytest.param(5, 100, 19, 14, id="one event less"),
        pytest.param(5, 60, 7, 14, id="a small shop"),
        pytest.param(5, 25, 1, 14, id="five customers per cluster"),
        pytest.param(5, 24, 20, None, id="too few for five clusters"),
        pytest.param(2, 20, 1, 14, id="never fewer than 20 customers"),
        pytest.param(2, 19, 20, None, id="too few for any"),
        pytest.param(64, 1280, 20, 0, id="many clusters"),
    ],
)
def test_a_first_model_needs_20_customers_per_cluster_and_20_events_or_14_days(
    k: int, customers: int, events: int, day: int | None
) -> None:
    """Issue 13, item 21: below 20 customers per cluster there was never a model."""
    assert first_model_day(small_shop(k=k), customers, events) == day


def test_a_first_model_needs_no_more_than_2000_customers() -> None:
    """Issue 13, item 21."""
    assert small_shop(k=120).warm_up().customers_needed == 2000


@pytest.mark.parametrize("kinds", [1, 2, 3, 4])
def test_there_are_never_more_segments_than_different_customers(kinds: int) -> None:
    """Issue 13, item 21: three identical points published empty segments."""
    model = small_shop(warm_up_events=1)
    vectors = [(float(n), 10.0 * n, 1.0, 0.5) for n in range(kinds)]
    samples = [Sample(f"c-{n}", float(n), vectors[n % kinds], 1) for n in range(120)]
    challenges = 0
    for offset, sample in enumerate(samples):
        model.learn(sample, offset)
        if model.challenge_due():
            model.challenge()
            challenges += 1
    assert challenges == 1, "not again with every sample"
    snapshot = model.snapshot()
    assert len(snapshot.segments) == len(snapshot.centres) == (kinds if kinds > 1 else 0)
    assert snapshot.customers_alike == (kinds == 1)
    members = Assigner(snapshot).assign([sample.vector for sample in samples]).nearest_code
    assert len(set(members.tolist()) - {0}) == len(snapshot.segments), "no segment is empty"


def test_more_kinds_of_customers_get_more_segments_up_to_k_and_the_old_ones_keep_their_ids() -> None:
    """Issue 13, item 21: also after a restart, and without a challenge at every sample."""
    model = small_shop(warm_up_events=1)
    for n in range(120):
        model.learn(Sample(f"c-{n}", float(n), (float(n % 3), 10.0, 1.0, 0.5), 1), n)
        if model.challenge_due():
            model.challenge()
    before = model.snapshot()
    restored = Learner.restore(before, model.params)
    outcomes = []
    for n in range(120):
        sample = Sample(f"c-{n}", DAY_SECONDS / 2 + n, (float(n % 3), 10.0, 1.0, 0.5), 1)
        restored.learn(sample, 1000 + n)
        if restored.challenge_due() and (outcome := restored.challenge()) is not None:
            outcomes.append(outcome.outcome)
    assert outcomes == ["kept"], "once after the restart"
    assert restored.snapshot().segments == before.segments
    for n in range(120, 180):
        restored.learn(Sample(f"c-{n}", 2 * DAY_SECONDS + n, (8.0 + 22.0 * (n % 2), 10.0, 1.0, 0.5), 1), 2000 + n)
    outcome = restored.challenge()
    assert outcome is not None
    assert outcome.outcome == "adopted"
    assert len(restored.snapshot().segments) == 5
    assert set(before.segments) < set(restored.snapshot().segments)
