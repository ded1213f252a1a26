"""Learns one look-alike: River's logistic regression, on the samples of members of the seed and of others.

Each sample is learned as it comes. Once a day, and when the seed has grown by half, the scale is measured anew and the
remembered samples are learned anew, in several passes. Both groups weigh the same, so a small seed counts as much as
everybody else, and sampling it on purpose moves nothing.
"""

import math
import random
from typing import Final

import numpy as np
from river import linear_model, optim, utils

from streamseg.clustering.encode import Floats, Scale
from streamseg.clustering.likeness import judging
from streamseg.clustering.likeness.models import Lookalike, encoded, likeness_of
from streamseg.clustering.likeness.seed_samples import SeedSamples, Split, is_held_out
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample

NEEDED: Final = 20
"""Members of the seed, and others, that are needed."""
STEP: Final = 0.005
"""River's learning rate. With 0.02 precision was 0.02 lower where a seed has 20 members, else the same (four shops,
1,000 customers; measured once, 2026-11-29)."""
PENALTY: Final = 0.01
"""On the squares of the weights."""
PASSES: Final = 6
"""Passes over the samples; more of them where there are few."""
LEAST_STEPS: Final = 6_000


class LookalikeLearner:
    """The look-alike of one seed.

    Args:
        seed: id of the audience or segment.
        params: of the segmentation by whose features customers are compared.
    """

    def __init__(self, seed: str, params: LearnerParams) -> None:
        self.seed = seed
        self._params = params
        self.samples = SeedSamples(params.sample_size)
        self._sampled_share = 1.0
        self._scale: Scale | None = None
        self._river = _fresh()
        self._judged: Lookalike | None = None
        self._fitted_members = 0
        self._fitted_at = -math.inf
        self._latest = -math.inf

    def keep(self, sample: Sample, logged: tuple[float, ...], *, member: bool, uniform: bool) -> None:
        """Keep a sample for the next time that all are learned anew."""
        self.samples.keep(sample, logged, member=member, uniform=uniform)
        self._latest = max(self._latest, sample.at)

    def learn(self, sample: Sample, logged: tuple[float, ...], *, member: bool, uniform: bool) -> None:
        """Keep a sample, and learn it at once if there are weights and the customer is not held out."""
        self.keep(sample, logged, member=member, uniform=uniform)
        if self._scale is None or not (member or uniform) or is_held_out(sample.customer_id):
            return
        (row,) = encoded(self._scale.apply(np.array([logged]))).tolist()
        counts = {True: len(self.samples.members), False: len(self.samples.others)}
        self._river.learn_one(dict(enumerate(row)), member, w=sum(counts.values()) / (2.0 * max(counts[member], 1)))

    def forget(self, customer_id: str) -> None:
        """Remove a customer. The weights hold no personal data."""
        self.samples.forget(customer_id)

    @property
    def is_due(self) -> bool:
        """Whether all samples are to be learned anew."""
        members = len(self.samples.members)
        if min(members, len(self.samples.others)) < NEEDED:
            return False
        return self._latest >= self._fitted_at + self._params.challenge_interval or 2 * members >= (
            3 * self._fitted_members
        )

    def refit(self, scale: Scale, sampled_share: float) -> bool:
        """Learn all samples anew; return whether there were enough. Without enough, likeness is unknown again.

        Args:
            scale: of the features.
            sampled_share: share of all customers, by rank from the lowest, of which the uniform sample is.
        """
        members, others = self.samples.members, self.samples.others
        self.samples.drop_before(self._latest - self._params.active)
        self._judged = self._scale = None
        if min(len(members), len(others)) < NEEDED:
            return False
        seed, rest = (Split(one, encoded(scale.apply(one.logged()))) for one in (members, others))
        if not all(len(part) for one in (seed, rest) for part in (one.learned, one.held_out)):
            return False
        size, elsewhere = (
            len(members) / members.covered(self._sampled_share),
            len(others) / others.covered(sampled_share),
        )
        self._sampled_share = members.wanted_share(self._sampled_share)
        self._fitted_members, self._fitted_at, self._scale = len(members), self._latest, scale
        weights, intercept = self._passes(seed.learned, rest.learned)
        centre = seed.learned.mean(axis=0)[: len(self._params.features)]
        likeness = [likeness_of(part @ weights + intercept) for part in (rest.held_out, seed.held_out, rest.all)]
        far = (_distances(rest.held_out, centre), _distances(seed.held_out, centre))
        self._judged = Lookalike(
            seed=self.seed,
            sampled=len(members),
            needed=NEEDED,
            at=self._latest,
            held_out=len(seed.held_out),
            size=size,
            others=elsewhere,
            curve=tuple(judging.curve(likeness[0], likeness[1], far, likeness[2])),
            carriers=tuple(
                judging.carriers(self._params.features, weights, (seed.all, rest.all), (seed.raw, rest.raw))
            ),
            bands=tuple(judging.bands(likeness[0], likeness[1])),
        )
        return True

    def _passes(self, members: Floats, others: Floats) -> tuple[Floats, float]:
        """Learn encoded rows from nothing; return weights (2d,) and intercept: means of the later passes."""
        self._river = _fresh()
        rows = [dict(enumerate(row)) for group in (members, others) for row in group.tolist()]
        labels = [True] * len(members) + [False] * len(others)
        weight = {True: len(rows) / (2.0 * len(members)), False: len(rows) / (2.0 * len(others))}
        passes = max(PASSES, math.ceil(LEAST_STEPS / len(rows)))
        order, draw = list(range(len(rows))), random.Random(self._params.seed)  # noqa: S311 - an order, no secret
        places = range(members.shape[1])
        total, counted = np.zeros(members.shape[1] + 1), 0
        for number in range(passes):
            draw.shuffle(order)
            for index in order:
                self._river.learn_one(rows[index], labels[index], w=weight[labels[index]])
            if number >= passes // 2:
                now = self._river.weights
                total += [*(now.get(place, 0.0) for place in places), self._river.intercept]
                counted += 1
        mean: list[float] = (total / counted).tolist()
        self._river = _fresh(mean[:-1], mean[-1])
        return np.array(mean[:-1]), mean[-1]

    def published(self) -> Lookalike:
        """Return the look-alike as it is now."""
        members = len(self.samples.members)
        if self._judged is None:
            return Lookalike(seed=self.seed, sampled=members, needed=NEEDED, sampled_share=self._sampled_share)
        now = self._river.weights
        weights = tuple(float(now.get(place, 0.0)) for place in range(2 * len(self._params.features)))
        judged = self._judged
        return Lookalike(
            seed=self.seed,
            sampled=members,
            needed=NEEDED,
            sampled_share=self._sampled_share,
            weights=weights,
            intercept=float(self._river.intercept),
            **{name: getattr(judged, name) for name in _REPORT},
        )


_REPORT: Final = ("at", "held_out", "size", "others", "curve", "carriers", "bands")


def _fresh(weights: list[float] | None = None, intercept: float = 0.0) -> linear_model.LogisticRegression:
    model = linear_model.LogisticRegression(optim.SGD(STEP), l2=PENALTY, intercept_init=intercept, intercept_lr=STEP)
    if weights is not None:
        model._weights = utils.VectorDict(dict(enumerate(weights)))  # noqa: SLF001 - River can only begin at one value
    return model


def _distances(encoded_rows: Floats, centre: Floats) -> Floats:
    distances: Floats = np.linalg.norm(encoded_rows[:, : len(centre)] - centre, axis=1)
    return distances
