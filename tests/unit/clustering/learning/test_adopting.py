"""How an adopted model takes over: announced, in days, one at a time."""

import json
from dataclasses import replace
from typing import Any

import numpy as np

from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.snapshot import Snapshot
from streamseg.time_units import DAY_SECONDS
from tests.support.shoppers import KINDS, NEWBORN, day_of_samples, learner

OTHERS = np.vstack([KINDS[:2], NEWBORN])


def days(model: Learner, number: range, kinds: np.ndarray) -> list[Snapshot]:
    """Learn days of samples; return the snapshot after each."""
    after = []
    for day in number:
        for n, sample in enumerate(day_of_samples(day, kinds=kinds)):
            model.learn(sample, day * 1000 + n)
            if model.challenge_due():
                model.challenge()
        after.append(model.snapshot())
    return after


def of_a_new_kind(**given: Any) -> list[Snapshot]:
    """Three days with three kinds of customers; then one of them behaves like a new one."""
    model = learner(**given)
    return [*days(model, range(3), KINDS), *days(model, range(3, 20), OTHERS)]


def test_a_segment_that_ends_is_announced_a_day_ahead_and_retired_days_later() -> None:
    snapshots = of_a_new_kind()
    before = snapshots[2]
    closing = next(one for one in snapshots if one.closing)
    (ended,) = closing.closing
    assert ended in before.segments
    assert ended not in closing.segments
    assert ended not in closing.retired
    assert closing.handover is not None
    assert closing.last_challenge_at is not None
    assert closing.handover.begins == closing.last_challenge_at + DAY_SECONDS
    assert closing.handover.ends == closing.handover.begins + 7 * DAY_SECONDS
    announced = [one for one in closing.lineage if one.segment == ended and one.transition != "emerge"][-1]
    assert announced.transition in {"absorbed", "disappear"}
    assert announced.closes == closing.handover.ends
    assert Snapshot.from_json(closing.to_json()) == closing

    first = next(one for one in snapshots if ended in one.retired)
    assert first.last_challenge_at is not None
    assert closing.handover.ends <= first.last_challenge_at < closing.handover.ends + 1.1 * DAY_SECONDS
    assert first.handover is None
    assert first.generation > closing.generation, "who is still in it is looked at again"


def test_no_other_model_is_adopted_while_customers_move() -> None:
    moving = [one for one in of_a_new_kind() if one.handover is not None]
    assert len({(one.handover.begins, one.segments) for one in moving if one.handover is not None}) == 1


def test_without_days_for_it_a_model_takes_over_at_once() -> None:
    snapshots = of_a_new_kind(handover=0.0)
    assert all(one.handover is None for one in snapshots)
    adopted = next(one for one in snapshots if one.retired)
    assert {*adopted.retired} == {*snapshots[2].segments} - {*adopted.segments}


def test_another_k_takes_over_at_once_and_ends_a_handover() -> None:
    closing = next(one for one in of_a_new_kind() if one.closing)
    wanted = learner().params
    model = Learner.restore(closing, replace(wanted, k=2))
    (after,) = days(model, range(30, 31), OTHERS)
    assert after.handover is None
    assert len(after.segments) == 2
    assert {*closing.closing} <= {*after.retired}


def test_snapshots_of_earlier_releases_are_read() -> None:
    snapshot = of_a_new_kind()[2]
    written = json.loads(snapshot.to_json())
    del written["handover"]
    assert Snapshot.from_json(json.dumps(written).encode()) == snapshot
