"""The learner: warm-up, first centres, learning, challenges, and samples that are refused."""

import math
from dataclasses import replace

import numpy as np
import pytest
from river import preprocessing

from streamseg.clustering.assign import Assigner
from streamseg.clustering.challenged import CHALLENGES_KEPT
from streamseg.clustering.learning.clusterers import make
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.learning.recent_customers import RecentCustomers
from streamseg.clustering.sample import RANKS, Sample, rank_of
from streamseg.clustering.snapshot import Snapshot
from streamseg.time_units import DAY_SECONDS
from tests.support.shoppers import FEATURES, KINDS, NEWBORN, day_of_samples, learner, params, run


def kinds_by_segment(model: Learner, kinds: np.ndarray = KINDS) -> list[int]:
    return list(map(int, Assigner(model.snapshot()).assign(kinds).nearest_code))


def test_everybody_is_unassigned_during_warm_up() -> None:
    model = learner()
    for n, sample in enumerate(day_of_samples(0, customers=29)):
        model.learn(sample, n)
        assert not model.challenge_due()
    snapshot = model.snapshot()
    assert not snapshot.warm
    assert (snapshot.warm_up.customers, snapshot.warm_up.customers_needed) == (29, 30)
    assignment = Assigner(snapshot).assign(KINDS)
    assert assignment.nearest_code.tolist() == [0, 0, 0]
    assert assignment.runner_up_code.tolist() == [0, 0, 0]
    assert np.isinf(assignment.nearest_distance).all()


def test_warm_up_waits_for_customers_with_enough_events() -> None:
    model = learner(warm_up_patience=3 * DAY_SECONDS)
    for day in range(3):
        for n, sample in enumerate(day_of_samples(day, events=1)):
            model.learn(sample, day * 1000 + n)
            assert not model.challenge_due()
    assert model.snapshot().warm_up.median_events == 1
    outcomes = []
    for n, sample in enumerate(day_of_samples(3, events=1)):
        model.learn(sample, 3000 + n)
        if model.challenge_due():
            outcomes.append(model.challenge())
    assert [outcome.outcome for outcome in outcomes if outcome] == ["first"]


def test_the_kinds_of_customers_are_found_and_keep_their_segment_ids() -> None:
    model = learner()
    outcomes = run(model, range(3))
    assert outcomes[0].outcome == "first"
    assert len(outcomes) == 3
    found = kinds_by_segment(model)
    assert len(set(found)) == 3
    run(model, range(3, 12))
    assert kinds_by_segment(model) == found
    assert model.snapshot().generation == 1
    assert model.snapshot().retired == ()


def test_a_new_kind_gets_a_new_id_and_the_id_of_a_vanished_kind_is_retired() -> None:
    model = learner(active=3 * DAY_SECONDS)
    run(model, range(6))
    before = model.snapshot()
    run(model, range(6, 16), np.vstack([KINDS[:2], NEWBORN]))
    after = model.snapshot()
    assert len(after.retired) == 1
    assert set(after.retired) == set(before.segments) - set(after.segments)
    assert after.generation > before.generation
    assert {"survive", "emerge"} <= {entry.transition for entry in after.lineage}
    assert len(set(kinds_by_segment(model, np.vstack([KINDS[:2], NEWBORN])))) == 3


def test_a_fresh_fit_below_the_adoption_gain_is_not_adopted() -> None:
    four = np.vstack([KINDS, NEWBORN])
    for gain, changes in ((0.99, False), (0.003, True)):
        model = learner(adoption_gain=gain)
        run(model, range(4))
        ids = model.snapshot().segments
        run(model, range(4, 8), four)
        assert (model.snapshot().segments != ids) == changes


@pytest.mark.parametrize("poison", [math.inf, -math.inf])
def test_samples_with_values_that_are_infinite_are_refused(poison: float) -> None:
    model = learner()
    run(model, range(3))
    before = model.snapshot()
    assert not model.learn(Sample("c-1", 4 * DAY_SECONDS, (1.0, poison, 1.0, 1.0), 9), 9000)
    assert not model.learn(Sample("c-1", 4 * DAY_SECONDS, (1.0, 1.0, 1.0), 9), 9001)
    after = model.snapshot()
    assert model.refused == 2
    assert after.samples_offset == 9001
    assert (after.centres, after.scale, after.learned) == (before.centres, before.scale, before.learned)


def test_a_missing_number_is_learned_as_the_mean_and_pulls_nobody_away() -> None:
    """Issue 14, number 4: not as 0, and not as an assumed number."""
    model, mean = learner(), learner()
    for one in (model, mean):
        run(one, range(3))
    learned = model.snapshot()
    at_the_mean = math.expm1(learned.scale.mean[1])
    model.learn(Sample("c-1", 4 * DAY_SECONDS, (3.0, math.nan, 10.0, 0.2), 9), 9000)
    mean.learn(Sample("c-1", 4 * DAY_SECONDS, (3.0, at_the_mean, 10.0, 0.2), 9), 9000)
    np.testing.assert_allclose(model.snapshot().centres, mean.snapshot().centres, rtol=1e-9)
    assert model.snapshot().centres != learned.centres
    assigner = Assigner(learned)
    assert assigner.scaled([[3.0, math.nan, 10.0, 0.2]])[0, 1] == 0.0
    assert model.challenge() is not None
    assert np.isfinite(model.snapshot().centres).all()
    assert Snapshot.from_json(model.snapshot().to_json()) == model.snapshot()


def test_centres_between_challenges_equal_those_of_river_alone() -> None:
    """River's own scaler and KMeans are fed with the same vectors."""
    model = learner()
    run(model, range(2))
    start = model.snapshot()
    scaler = preprocessing.StandardScaler()
    scaler.counts.update(dict.fromkeys(FEATURES, 1))
    scaler.means.update(zip(FEATURES, start.scale.mean, strict=True))
    scaler.vars.update(zip(FEATURES, start.scale.variance, strict=True))
    alone = make("kmeans", FEATURES, 3)
    alone.place(np.array(start.centres))
    alone.use_steps(start.steps)
    for n, sample in enumerate(list(day_of_samples(1))[:40]):
        model.learn(sample, 5000 + n)
        logged = [math.log1p(v) if skewed else v for v, skewed in zip(sample.vector, start.skewed, strict=True)]
        alone.learn_one(scaler.transform_one(dict(zip(FEATURES, logged, strict=True))))
    np.testing.assert_allclose(np.array(model.snapshot().centres), alone.centres(), rtol=1e-12)


def test_the_centres_that_river_learned_stand_when_the_running_model_is_kept() -> None:
    model = learner(adoption_gain=0.9)
    run(model, range(3))
    for n, sample in enumerate(day_of_samples(3)):
        model.learn(sample, 3000 + n)
    before = model.snapshot()
    outcome = model.challenge()
    after = model.snapshot()
    assert outcome is not None
    assert outcome.outcome == "kept"
    assert after.last_challenge_at != before.last_challenge_at
    log_space = [one.scale.undo(np.array(one.centres)) for one in (before, after)]
    np.testing.assert_allclose(log_space[1], log_space[0], rtol=1e-9)


def test_a_step_of_zero_lets_centres_stand_and_a_step_makes_them_follow() -> None:
    """Customers who spend a tenth more every day."""
    found = []
    for step in (0.0, None):
        model = learner(step=step, adoption_gain=0.9)
        placed = None
        for day in range(8):
            run(model, range(day, day + 1), KINDS * [1.0, 1.1**day, 1.0, 1.0])
            placed = placed or model.snapshot()
        assert placed is not None
        last = model.snapshot()
        start, end = (one.scale.undo(np.array(one.centres))[:, 1] for one in (placed, last))
        found.append(float(np.mean(end - start)))
    off, river = found
    assert off == pytest.approx(0.0, abs=1e-9)
    assert river > 0.5 * 7 * math.log(1.1)


def test_steps_and_measured_drift_are_kept_in_the_snapshot() -> None:
    model = learner(adoption_gain=0.9)
    run(model, range(4))
    snapshot = model.snapshot()
    assert snapshot.drift_per_round is not None
    assert len(snapshot.steps) == 3
    restored = Learner.restore(Snapshot.from_json(snapshot.to_json()), model.params)
    sample = next(day_of_samples(4))
    for one in (model, restored):
        one.learn(sample, 4000)
    assert restored.snapshot().centres == model.snapshot().centres != snapshot.centres


def test_each_offset_is_learned_once() -> None:
    model = learner()
    samples = list(day_of_samples(0))
    assert [model.learn(sample, n) for n, sample in enumerate(samples)] == [True] * len(samples)
    before = model.snapshot()
    assert not any(model.learn(sample, n) for n, sample in enumerate(samples))
    assert model.snapshot() == before


def test_versions_count_up_and_stay_the_same_without_learning() -> None:
    model = learner()
    run(model, range(1))
    first = model.snapshot()
    assert model.snapshot() is first
    run(model, range(1, 2))
    second = model.snapshot()
    assert (first.version, second.version, second.parent) == (1, 2, 1)


def test_an_erased_customer_is_removed_from_the_sample() -> None:
    model = learner()
    run(model, range(1))
    model.forget("c-4", 2000)
    model.forget("unknown")
    assert model.warm_up().customers == 89
    assert model.snapshot().samples_offset == 2000


def test_the_sample_of_customers_is_independent_of_order_and_number_of_their_samples() -> None:
    samples = [sample for day in range(2) for sample in day_of_samples(day, customers=300)]
    kept = []
    for order in (samples, sorted(samples, key=lambda sample: sample.vector), samples + samples[:200]):
        customers = RecentCustomers(50)
        for sample in order:
            customers.keep(sample, sample.vector)
        kept.append(customers.logged())
        assert len(customers) == 50
    assert np.array_equal(kept[0], kept[1])
    assert np.array_equal(kept[0], kept[2])


def test_a_full_sample_wants_only_customers_of_low_rank() -> None:
    customers = RecentCustomers(50)
    samples = list(day_of_samples(0, customers=1000))
    for sample in samples[:49]:
        customers.keep(sample, sample.vector)
    assert customers.wanted_share(1.0) == 1.0
    for sample in samples:
        customers.keep(sample, sample.vector)
    kept = {sample.customer_id for sample in customers.samples()}

    share = customers.wanted_share(1.0)
    wanted = {sample.customer_id for sample in samples if rank_of(sample.customer_id) < share * RANKS}

    assert kept < wanted
    assert 0.05 < share < 0.12
    for customer_id in sorted(kept)[:20]:
        customers.forget(customer_id)
    assert customers.wanted_share(share) > 1.5 * share


def test_the_sampled_share_is_kept_in_the_snapshot() -> None:
    model = learner(sample_size=60)
    run(model, range(3), customers=600)
    share = model.snapshot().sampled_share
    assert 0.1 < share < 0.25
    restored = Learner.restore(Snapshot.from_json(model.snapshot().to_json()), model.params)
    restored.learn(next(day_of_samples(4)), 10_000)
    assert restored.snapshot().sampled_share == share


@pytest.mark.parametrize(("k", "surviving"), [(2, 1), (5, 2)])
def test_another_k_is_applied_at_once_and_surviving_segments_keep_their_ids(k: int, surviving: int) -> None:
    model = learner()
    run(model, range(3))
    old = model.snapshot()

    changed = Learner.restore(old, replace(model.params, k=k))
    for sample in day_of_samples(2):
        changed.remember(sample)
    assert changed.snapshot().segments == old.segments
    outcomes = run(changed, range(3, 4))

    new = changed.snapshot()
    assert outcomes[0].outcome == "adopted"
    assert len(new.segments) == k
    assert len(set(new.segments) & set(old.segments)) >= surviving
    assert set(new.retired) == set(old.segments) - set(new.segments)
    assert len(run(changed, range(4, 5))) == 1, "the change of k is made once"


def test_identical_customers_do_not_break_the_model_and_differences_are_learned_later() -> None:
    model, nothing = learner(), tuple(0.0 for _ in FEATURES)
    for day in range(3):  # as before the first purchase, when nobody has spent anything
        for n in range(40):
            model.learn(Sample(f"c-{n}", (day + n / 100) * DAY_SECONDS, nothing, 9), day * 40 + n)
        model.challenge()
    snapshot = model.snapshot()
    assert np.isfinite(snapshot.centres).all()
    run(model, range(3, 9))
    assert len(set(kinds_by_segment(model))) == len(KINDS)


def test_a_snapshot_keeps_what_came_of_the_latest_challenges() -> None:
    model = learner(challenge_interval=DAY_SECONDS)
    outcomes = run(model, range(3))
    outcomes += run(model, range(3, 8), np.vstack([KINDS[:2], NEWBORN]))
    kept = Snapshot.from_json(model.snapshot().to_json()).challenges
    assert [(one.at, one.outcome, one.moved) for one in kept] == [(one.at, one.outcome, one.moved) for one in outcomes]
    assert kept[0].outcome == "first"
    assert {one.cause for one in kept} >= {"time"}
    restored = Learner.restore(model.snapshot(), params(challenge_interval=DAY_SECONDS))
    assert restored.snapshot().challenges == kept


def test_no_more_challenges_are_kept_than_two_months_have() -> None:
    model = learner(challenge_interval=DAY_SECONDS)
    run(model, range(CHALLENGES_KEPT + 10), customers=40)
    kept = model.snapshot().challenges
    assert len(kept) == CHALLENGES_KEPT
    assert kept[-1].at > kept[0].at
