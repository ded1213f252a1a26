"""Snapshots: restored bit for bit, the same in every process, and refused when they must not be used."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.snapshot import Snapshot, SnapshotRefusedError
from tests.support.shoppers import KINDS, NEWBORN, day_of_samples, learner, params, run

ROOT = Path(__file__).parents[3]


def test_json_keeps_every_bit() -> None:
    model = learner()
    run(model, range(5))
    snapshot = model.snapshot()
    assert Snapshot.from_json(snapshot.to_json()) == snapshot


@pytest.mark.parametrize("days", [0, 1, 5])
def test_a_restored_learner_continues_exactly(days: int) -> None:
    """Also during warm-up, and through the adoption of a fresh model."""
    unbroken = learner()
    run(unbroken, range(days))
    taken = unbroken.snapshot()
    draw = random.Random()
    draw.setstate(unbroken._draw.getstate())
    restored = Learner.restore(Snapshot.from_json(taken.to_json()), params(), draw=draw)
    assert restored.snapshot() == taken
    for day in range(days):
        for n, sample in enumerate(day_of_samples(day)):
            restored.learn(sample, day * 1000 + n)
    kinds = np.vstack([KINDS[:2], NEWBORN])
    assert run(unbroken, range(days, 12), kinds) == run(restored, range(days, 12), kinds)
    assert unbroken.snapshot().to_json() == restored.snapshot().to_json()


@pytest.mark.slow
def test_every_process_learns_the_same_bits_with_any_hash_seed() -> None:
    code = (
        "import hashlib; from tests.support.shoppers import *; m = learner(); run(m, range(4));"
        "run(m, range(4, 8), np.vstack([KINDS[:2], NEWBORN]));"
        "print(hashlib.sha256(m.snapshot().to_json()).hexdigest())"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("0", "1", "42", "1234567")
    ]
    digests = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert len(digests[0].strip()) == 64
    assert len(set(digests)) == 1


def test_a_newer_format_is_refused_with_a_message_of_one_line() -> None:
    written = json.loads(learner().snapshot().to_json())
    with pytest.raises(SnapshotRefusedError, match="format 99") as refused:
        Snapshot.from_json(json.dumps(written | {"format": 99}).encode())
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("data", [b"", b"[]", b'{"format":1}', b'{"format":1,"segmentation":"behaviour","features":3}'])
def test_damaged_snapshots_are_refused(data: bytes) -> None:
    with pytest.raises(SnapshotRefusedError):
        Snapshot.from_json(data)


def test_unknown_fields_are_ignored() -> None:
    snapshot = learner().snapshot()
    written = json.loads(snapshot.to_json()) | {"colour": "green"}
    assert Snapshot.from_json(json.dumps(written).encode()) == snapshot


@pytest.mark.parametrize(
    "changed", [{"features": ("a", "b", "c", "d")}, {"clusterer": "dbstream"}, {"skewed": (False,) * 4}]
)
def test_a_snapshot_of_other_settings_is_refused(changed: dict[str, object]) -> None:
    model = learner()
    run(model, range(2))
    with pytest.raises(SnapshotRefusedError, match="behaviour"):
        Learner.restore(model.snapshot(), params(**changed))
