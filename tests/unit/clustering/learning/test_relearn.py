"""The relearn at the end of a backfill: with present samples, whenever the next challenge is due."""

from collections.abc import Iterable

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.time_units import DAY_SECONDS
from tests.support.shoppers import KINDS, NEWBORN, day_of_samples, learner, params, run

LATER = np.array([KINDS[0], NEWBORN, KINDS[1]])
AT = 60
END = AT * DAY_SECONDS


def learn(model: Learner, samples: Iterable[Sample], offset: int) -> int:
    """Learn samples as they come from a replay: each challenge at once when it is due; return the next offset."""
    for sample in samples:
        model.learn(sample, offset)
        offset += 1
        if model.challenge_due():
            model.challenge()
    return offset


def inertia(model: Learner) -> float:
    vectors = np.array([sample.vector for sample in day_of_samples(AT, kinds=LATER)])
    return float((Assigner(model.snapshot()).assign(vectors).nearest_distance ** 2).sum())


def replayed(*, drift: bool = False) -> tuple[Learner, int]:
    """A model of the first days, and the present samples of a replay whose clock has gone on for two months."""
    model = learner(challenges_on_drift=drift)
    run(model, range(3))
    return model, learn(model, day_of_samples(AT, kinds=LATER), 50_000)


def test_a_model_of_early_data_is_replaced_when_the_backfill_has_ended() -> None:
    model, offset = replayed()
    slow = learner()
    run(slow, range(3))
    run(slow, range(3, AT + 1), kinds=LATER)
    assert inertia(model) > 2.0 * inertia(slow), "the challenge of the first present sample had nobody to fit on"
    generation = model.snapshot().generation
    model.end_backfill(0, END, 0.0, offset)
    transition = model.relearn()
    assert transition is not None
    assert transition.outcome == "adopted"
    assert 0.97 * inertia(model) <= inertia(slow)
    assert model.snapshot().generation == model.snapshot().relearned > generation


def test_nothing_is_relearned_without_an_end_or_twice_for_one() -> None:
    model, offset = replayed()
    assert model.relearn() is None
    model.end_backfill(0, END, 0.0, offset)
    assert model.relearn() is not None
    assert model.relearn() is None
    model.end_backfill(0, END, 0.0, offset)
    assert model.relearn() is None


def test_several_ends_are_one_relearn_and_all_are_in_the_snapshot_also_without_a_gain() -> None:
    model, offset = replayed()
    for partition in range(3):
        model.end_backfill(partition, END + partition, 0.0, offset + partition)
    assert model.relearn() is not None
    assert model.relearn() is None
    model.end_backfill(0, END + 9, 0.0, offset + 3)
    again = model.relearn()
    assert again is not None
    assert again.outcome == "kept"
    assert model.snapshot().backfills == {"0": END + 9, "1": END + 1, "2": END + 2}


def test_a_trainer_that_starts_over_relearns_for_what_its_snapshot_lacks_only() -> None:
    model, offset = replayed()
    before = Snapshot.from_json(model.snapshot().to_json())
    model.end_backfill(0, END, 0.0, offset)
    model.relearn()
    after = Snapshot.from_json(model.snapshot().to_json())
    for snapshot, due in ((before, True), (after, False)):
        restored = Learner.restore(snapshot, params(challenges_on_drift=False))
        for sample in day_of_samples(AT, kinds=LATER):
            restored.remember(sample)
        restored.end_backfill(0, END, 0.0, offset)
        assert (restored.relearn() is not None) is due
        assert restored.snapshot().backfills == {"0": END}


@pytest.mark.parametrize(("days", "placed"), [(20, True), (5, False)])
def test_the_first_model_waits_as_long_as_in_a_slow_replay(days: int, placed: bool) -> None:
    """All samples of a history that was taken at once are of its end; few events suffice after 14 days of it."""
    model = learner(warm_up_per_cluster=40)
    offset = learn(model, day_of_samples(AT, events=2), 0)
    assert not model.snapshot().warm
    model.end_backfill(0, END, END - days * DAY_SECONDS, offset)
    assert (model.relearn() is not None) is placed
    assert model.snapshot().warm is placed


@pytest.mark.parametrize(
    ("customers", "is_all", "placed"),
    [
        pytest.param(25, True, True, id="all that there is, five customers per cluster"),
        pytest.param(24, True, False, id="too few customers"),
        pytest.param(25, False, False, id="there may be more to come: the wait is kept"),
    ],
)
def test_a_history_of_one_day_that_is_all_gets_its_first_model_at_its_end(
    customers: int, is_all: bool, placed: bool
) -> None:
    model = learner(k=5, warm_up_per_cluster=20)
    offset = learn(model, day_of_samples(AT, customers, events=2), 0)
    model.end_backfill(0, END, END - DAY_SECONDS, offset, is_all=is_all)
    assert (model.relearn() is not None) is placed
    assert model.snapshot().warm is placed


def test_an_end_of_all_lets_no_later_end_go_without_its_wait() -> None:
    model = learner(k=5, warm_up_per_cluster=20)
    offset = learn(model, day_of_samples(AT, 24, events=2), 0)
    model.end_backfill(0, END, END - DAY_SECONDS, offset, is_all=True)
    assert model.relearn() is None
    offset = learn(model, day_of_samples(AT, 30, events=2), offset + 1)
    model.end_backfill(1, END, END - DAY_SECONDS, offset)
    assert model.relearn() is None
