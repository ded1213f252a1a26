"""The contract of every clusterer: all pass the same checks."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.learning.clusterers import CLUSTERERS, Clusterer, make
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import SettingsError
from streamseg.time_units import DAY_SECONDS
from tests.support.shoppers import KINDS, NEWBORN, day_of_samples, learner, params, run

ROOT = Path(__file__).parents[2]
FEATURES = tuple(f"f{i}" for i in range(6))
CENTRES = np.random.default_rng(1).normal(0.0, 2.0, (4, len(FEATURES)))

pytestmark = pytest.mark.parametrize("name", list(CLUSTERERS))


def points(count: int, seed: int = 0) -> list[dict[str, float]]:
    rng = np.random.default_rng([9, seed])
    rows = CENTRES[rng.integers(0, 4, count)] + rng.normal(0.0, 0.7, (count, len(FEATURES)))
    return [dict(zip(FEATURES, row, strict=True)) for row in rows.tolist()]


def made(name: str, learned: int = 0) -> Clusterer:
    clusterer = make(name, FEATURES, 4)
    clusterer.place(CENTRES)
    clusterer.use_steps((0.01,) * 4)
    for point in points(learned):
        clusterer.learn_one(point)
    return clusterer


def test_placed_centres_are_returned_bit_for_bit(name: str) -> None:
    assert np.array_equal(made(name).centres(), CENTRES)


def test_predict_one_returns_the_nearest_centre(name: str) -> None:
    clusterer = made(name, learned=300)
    for point in points(200, seed=1):
        distances = np.linalg.norm(clusterer.centres() - np.array(list(point.values())), axis=1)
        assert clusterer.predict_one(point) == int(np.argmin(distances))


def test_learn_one_returns_the_nearest_centre_and_does_not_keep_its_input(name: str) -> None:
    clusterer = made(name, learned=50)
    for point in points(300, seed=2):
        expected, before = clusterer.predict_one(point), dict(point)
        distance = float(np.linalg.norm(clusterer.centres()[expected] - np.array(list(point.values()))))
        nearest, returned = clusterer.learn_one(point)
        assert nearest == expected
        assert returned == pytest.approx(distance)
        assert point == before
        point["f0"] = 1e9  # changing the input afterwards must not change the model
    assert np.abs(clusterer.centres()).max() < 100
    assert "1000000000" not in json.dumps(clusterer.state())


def test_predicting_changes_nothing(name: str) -> None:
    clusterer = made(name, learned=300)
    before = json.dumps(clusterer.state()), clusterer.centres()
    for point in points(100, seed=3):
        clusterer.predict_one(point)
    assert json.dumps(clusterer.state()) == before[0]
    assert np.array_equal(clusterer.centres(), before[1])


@pytest.mark.parametrize("learned", [0, 60, 700])
def test_a_restored_clusterer_continues_exactly(name: str, learned: int) -> None:
    one = made(name, learned)
    other = make(name, FEATURES, 4)
    other.place(np.array(json.loads(json.dumps(one.centres().tolist()))))
    other.use_steps((0.01,) * 4)
    other.restore(json.loads(json.dumps(one.state())))
    for point in points(700, seed=4):
        assert one.learn_one(point) == other.learn_one(point)
    assert json.dumps(one.state()) == json.dumps(other.state())
    assert np.array_equal(one.centres(), other.centres())


def test_rescaling_moves_all_state_to_the_new_scale(name: str) -> None:
    clusterer = made(name, learned=700)
    asked = points(100, seed=5)
    before = [clusterer.predict_one(point) for point in asked]
    centres, summary = clusterer.centres(), clusterer.summary()
    factor, shift = np.full(len(FEATURES), 0.5), np.linspace(-1, 1, len(FEATURES))
    clusterer.rescale(factor, shift)
    np.testing.assert_allclose(clusterer.centres(), centres * factor + shift)
    moved = [{f: v * 0.5 + s for (f, v), s in zip(point.items(), shift.tolist(), strict=True)} for point in asked]
    assert [clusterer.predict_one(point) for point in moved] == before
    rescaled = clusterer.summary()
    assert (summary is None) == (rescaled is None)
    if summary is not None and rescaled is not None:
        np.testing.assert_allclose(rescaled[0], summary[0] * factor + shift)
        np.testing.assert_allclose(rescaled[1], summary[1])


def test_the_summary_has_the_mean_of_the_learned_points(name: str) -> None:
    summary = made(name, learned=700).summary()
    if summary is None:
        assert name in {"kmeans", "streamkmeans"}
        return
    rows, weights = summary
    learned = np.array([list(point.values()) for point in points(700)])
    np.testing.assert_allclose(np.average(rows, axis=0, weights=weights), learned.mean(axis=0), atol=0.35)
    assert len(rows) == len(weights)
    assert (weights > 0).all()


def test_the_learner_finds_the_kinds_of_customers_and_a_new_kind(name: str) -> None:
    model = learner(clusterer=name, active=3 * DAY_SECONDS)
    run(model, range(5))
    snapshot = model.snapshot()
    assert len(set(Assigner(snapshot).assign(KINDS).nearest_code.tolist())) == 3
    run(model, range(5, 25), np.vstack([KINDS[:2], NEWBORN]))
    if name in {"kmeans", "streamkmeans"}:  # the summaries of the others still hold the old kind
        kinds = np.vstack([KINDS[:2], NEWBORN])
        assert len(set(Assigner(model.snapshot()).assign(kinds).nearest_code.tolist())) == 3


def test_a_learner_is_restored_bit_for_bit(name: str) -> None:
    unbroken = learner(clusterer=name)
    run(unbroken, range(4))
    taken = unbroken.snapshot()
    draw = random.Random()
    draw.setstate(unbroken._draw.getstate())
    restored = Learner.restore(Snapshot.from_json(taken.to_json()), params(clusterer=name), draw=draw)
    for day in range(4):
        for n, sample in enumerate(day_of_samples(day)):
            restored.learn(sample, day * 1000 + n)
    run(unbroken, range(4, 7))
    run(restored, range(4, 7))
    assert unbroken.snapshot().to_json() == restored.snapshot().to_json()


def test_another_process_learns_the_same_bits(name: str) -> None:
    code = (
        "import hashlib; from tests.support.shoppers import *;"
        f"m = learner(clusterer='{name}'); run(m, range(4)); print(hashlib.sha256(m.snapshot().to_json()).hexdigest())"
    )
    model = learner(clusterer=name)
    run(model, range(4))
    import hashlib

    environment = {**os.environ, "PYTHONHASHSEED": "77", "PYTHONPATH": str(ROOT)}
    printed = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert printed == hashlib.sha256(model.snapshot().to_json()).hexdigest()


def test_refused_and_unknown_names_are_reported(name: str) -> None:
    with pytest.raises(SettingsError, match="denstream is refused"):
        make("denstream", FEATURES, 4)
    with pytest.raises(SettingsError, match=name):
        make("nothing", FEATURES, 4)
