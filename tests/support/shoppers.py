"""Samples of customers of three kinds, shared by tests of the learner."""

import random
from collections.abc import Iterator

import numpy as np

from streamseg.clustering.learning.challenge import Transition
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.time_units import DAY_SECONDS

FEATURES = ("visits", "spend", "price", "weekend")
KINDS = np.array([[3.0, 20.0, 10.0, 0.2], [30.0, 900.0, 60.0, 0.5], [12.0, 150.0, 25.0, 0.9]])
NEWBORN = np.array([90.0, 15.0, 4.0, 0.1])


def params(**given: object) -> LearnerParams:
    base: dict[str, object] = {
        "segmentation": "behaviour",
        "features": FEATURES,
        "skewed": (True, True, True, False),
        "k": 3,
        "warm_up_per_cluster": 10,
        "warm_up_events": 5,
    }
    return LearnerParams(**(base | given))  # type: ignore[arg-type]  # each test chooses its fields


def day_of_samples(day: int, customers: int = 90, kinds: np.ndarray | None = None, events: int = 9) -> Iterator[Sample]:
    """Yield one sample per customer; customer n is of kind n modulo the number of kinds."""
    centres = KINDS if kinds is None else kinds
    rng = np.random.default_rng([7, day])
    for n in range(customers):
        vector = centres[n % len(centres)] * rng.lognormal(0.0, 0.2, 4)
        yield Sample(f"c-{n}", float(day * DAY_SECONDS + n), tuple(vector.tolist()), events)


def learner(**given: object) -> Learner:
    return Learner(params(**given), draw=random.Random(5))


def run(model: Learner, days: range, kinds: np.ndarray | None = None, customers: int = 90) -> list[Transition]:
    """Learn whole days; challenge whenever it is due."""
    outcomes: list[Transition] = []
    for day in days:
        for n, sample in enumerate(day_of_samples(day, customers, kinds)):
            model.learn(sample, day * 1000 + n)
            if model.challenge_due():
                outcome = model.challenge()
                assert outcome is not None
                outcomes.append(outcome)
    return outcomes
