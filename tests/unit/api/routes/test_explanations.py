"""Explanations name the features behind the published segment."""

import random

import numpy as np
import pytest

from streamseg.clustering.assign import Assigner
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
from streamseg.ports import Flush
from streamseg.time_units import DAY_SECONDS
from streamseg.topics import CLICKS
from tests.support.rows import Slab, click, purchase
from tests.support.served_api import AS_OF, LAYOUT, PK, Served

pytestmark = pytest.mark.asyncio

FEATURES = ("views", "spend", "weekend_share")


def learned() -> bytes:
    """Return a warm snapshot of two segments: customers who view, and customers who buy."""
    params = LearnerParams(
        segmentation="behaviour",
        features=FEATURES,
        skewed=(True, True, False),
        k=2,
        warm_up_per_cluster=5,
        warm_up_events=5,
    )
    learner, rng = Learner(params, draw=random.Random(5)), np.random.default_rng(3)
    for n in range(60):
        kind = [(20.0, 10.0, 0.3), (5.0, 900.0, 0.3)][n % 2]
        vector = tuple((np.array(kind) * rng.lognormal(0, 0.1, 3)).tolist())
        learner.learn(Sample(f"c-{n}", DAY_SECONDS + n, vector, 9), n)
        if learner.challenge_due():
            learner.challenge()
    return learner.snapshot().to_json()


async def test_the_strongest_pull_to_the_segment_comes_first() -> None:
    served = Served()
    snapshot = learned()
    await served.models.publish("behaviour", 1, 0, snapshot)
    slab = Slab(LAYOUT, ("c-81",))
    slab.feed([purchase(AS_OF - 100.0, 450.0), purchase(AS_OF - 50.0, 450.0)])
    slab.feed([click(AS_OF - 60.0) for _ in range(20)])
    read = Snapshot.from_json(snapshot)
    buyers = read.segments[int(Assigner(read).assign([[5.0, 900.0, 0.3]]).nearest[0])]
    published: dict[str, SegmentMembership | None] = {"behaviour": SegmentMembership(buyers, AS_OF, 0.9)}
    membership = Membership("c-81", 7, 1, AS_OF, {"behaviour": 1}, published, Consent(ads=True, personalisation=True))
    head = await served.state.claim(0, "w", "layout", 5)
    await served.state.set_topics(0, "w", {CLICKS: ("id", 1)})
    await served.state.flush(0, Flush("w", head.flush_number, rows=[("c-81", slab.stored()[0])]))
    await served.memberships.write([OutboxEntry("c-81", 7, 1, encode(membership))])
    async with served.client() as client:
        answer = await client.get("/v1/customers/c-81/why")
        unknown = await client.get("/v1/customers/c-82/why")
    explained = answer.json()["segmentations"]["behaviour"]
    assert (explained["segment"], explained["version"]) == (buyers, read.version)
    assert explained["pulls"][0]["feature"] == "spend"
    assert explained["pulls"][0]["value"] == pytest.approx(900, rel=0.01)
    assert next(pull["pull"] for pull in explained["pulls"] if pull["feature"] == "views") < 0
    assert {pull["feature"] for pull in explained["pulls"]} == set(FEATURES)
    assert unknown.json() == {"customer_id": "c-82", "known": False, "segmentations": {}, "audiences": {}}


async def test_explanations_need_a_secret_key() -> None:
    async with Served().client(PK) as client:
        assert (await client.get("/v1/customers/c-81/why")).status_code == 403
