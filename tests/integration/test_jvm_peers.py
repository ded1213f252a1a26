"""The peers on the JVM do the same work per event as the peers in Python, which are compared with the worker."""

import json
import subprocess
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import pytest

from streamseg.events.structs import struct_of
from streamseg.events.types import Click
from streamseg.time_units import DAY_SECONDS
from tests.bench.click_load import Load
from tests.bench.peers import jvm_build
from tests.bench.peers.customer import SUMS, Customer, Model, fresh, take, vector
from tests.bench.testbed import learned
from tests.support.kafka.server import path_of
from tests.support.processes import settings_of

pytestmark = pytest.mark.integration

NOW: Final = 1_780_488_000.0
"""A Wednesday at noon. In the first hour of a Monday the customers met two segments only."""


def replay(snapshot: Path, now: float, clicks: list[bytes]) -> dict[str, dict[str, Any]]:
    """What the JVM's work keeps of each customer."""
    main = ["-cp", jvm_build.class_path("work", print), "streamseg.peer.Replay", str(snapshot), str(now)]
    done = subprocess.run(
        [path_of("java", "default-jre-headless"), *main], input=b"\n".join(clicks), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return {one["customer"]: one for one in map(json.loads, done.stdout.splitlines())}


def test_the_work_in_java_keeps_and_assigns_as_the_work_in_python(tmp_path: Path) -> None:
    now = NOW
    saved = tmp_path / "snapshot.json"
    saved.write_bytes(learned(settings_of({}), NOW).to_json())
    sent = [value for _, value in Load("some", 3_000, 100, skewed=True).records(now - DAY_SECONDS)]
    older = [value for _, value in Load("late", 300, 100, skewed=True, seed=2).records(now - 40 * DAY_SECONDS)]
    clicks = [*sent, *older, sent[-1]]

    theirs = replay(saved, now, clicks)

    model = Model(saved.read_bytes())
    ours: dict[str, Customer] = {}
    published: dict[str, Any] = {}
    decode = msgspec.json.Decoder(struct_of(Click)).decode
    for value in clicks:
        click: Any = decode(value)
        customer = ours.setdefault(click.customer_id, fresh())
        outcome = take(customer, click, model, now)
        if outcome is not None and outcome.membership is not None:
            published[click.customer_id] = json.loads(outcome.membership)
    assert theirs.keys() == ours.keys()
    for customer_id, customer in ours.items():
        java = theirs[customer_id]
        assert java["events"] == customer["events"]
        np.testing.assert_allclose(
            java["sums"], [customer["sums"].get(name, 0.0) for name in SUMS], rtol=1e-9, atol=1e-9
        )
        np.testing.assert_allclose(java["features"], vector(customer, now), rtol=1e-9)
        assert json.loads(java["membership"]) == published[customer_id]
    assert len({one["segments"]["behaviour"]["id"] for one in published.values()}) > 2
