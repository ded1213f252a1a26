"""When a look-alike is learned, and what its likeness says."""

import numpy as np

from streamseg.clustering.encode import Scale
from streamseg.clustering.likeness.lookalike_learner import NEEDED, LookalikeLearner
from streamseg.clustering.likeness.models import Space, likenesses
from streamseg.clustering.likeness.seed_samples import is_held_out
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample

DAY = 86_400.0
PARAMS = LearnerParams("behaviour", ("views", "spend"), (False, False), 3)
SCALE = Scale((0.0, 0.0), (1.0, 1.0), 4.0)
RNG = np.random.default_rng(3)


def keep(learner: LookalikeLearner, count: int, *, member: bool, first: int = 0, at: float = 0.0) -> None:
    for number in range(first, first + count):
        x, y = RNG.normal(1.5 if member else 0.0), RNG.normal()
        sample = Sample(f"{'m' if member else 'o'}-{number}", at, (float(x), float(y)), 1)
        learner.keep(sample, sample.vector, member=member, uniform=True)


def learner_of(members: int, others: int = 400) -> LookalikeLearner:
    learner = LookalikeLearner("seed", PARAMS)
    keep(learner, members, member=True)
    keep(learner, others, member=False)
    return learner


def test_it_takes_twenty_members_and_is_learned_anew_daily_and_when_the_seed_grows() -> None:
    learner = learner_of(NEEDED - 1)
    assert not learner.is_due
    assert not learner.refit(SCALE, 1.0)
    assert (learner.published().sampled, learner.published().is_learned) == (NEEDED - 1, False)
    keep(learner, 1, member=True, first=NEEDED)
    assert learner.is_due
    assert learner.refit(SCALE, 1.0)
    assert learner.published().is_learned
    assert not learner.is_due
    keep(learner, NEEDED // 2, member=True, first=2 * NEEDED)
    assert learner.is_due, "the seed has grown by half"
    assert learner.refit(SCALE, 1.0)
    keep(learner, 1, member=False, at=DAY)
    assert learner.is_due, "a day has passed"


def test_each_sample_is_learned_at_once_unless_it_is_held_out() -> None:
    learner = learner_of(100)
    assert learner.refit(SCALE, 1.0)
    for held_out in (True, False):
        before = learner.published().weights
        name = next(name for name in map("new-{}".format, range(99)) if is_held_out(name) is held_out)
        sample = Sample(name, 1.0, (3.0, 0.0), 1)
        learner.learn(sample, sample.vector, member=True, uniform=True)
        assert (learner.published().weights == before) is held_out


def test_likeness_does_not_depend_on_the_size_of_the_seed() -> None:
    found = []
    for members in (40, 400):
        learner = learner_of(members)
        assert learner.refit(SCALE, 1.0)
        space = Space(
            segmentation="behaviour", features=PARAMS.features, skewed=PARAMS.skewed, mean=SCALE.mean,
            variance=SCALE.variance, bound=SCALE.bound,
        )  # fmt: skip
        found.append(likenesses(space, [[-1.0, 0.0], [0.75, 0.0], [2.5, 0.0]], [learner.published()])[:, 0])
    assert np.abs(found[0] - found[1]).max() < 0.15
    assert found[0][0] < 0.2
    assert abs(found[0][1] - 0.5) < 0.15
    assert found[0][2] > 0.8
