"""Learns the look-alikes that audiences ask for, beside the segments and from the same samples.

A new trainer has nothing but the samples topic, which it reads again: the published look-alikes stay until it has
learned them anew.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from streamseg.clustering.encode import Scale
from streamseg.clustering.likeness.models import Lookalike, LookalikeOf, Lookalikes, Space
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.errors import StreamsegError
from streamseg.ports import ModelStore

if TYPE_CHECKING:
    from streamseg.clustering.learning.learner import Learner
    from streamseg.clustering.likeness.lookalike_learner import LookalikeLearner


class LookalikeTraining:
    """The learners of all look-alikes. `learn` and what follows it run in the trainer's thread.

    Args:
        params: how each segmentation is learned.
        models: where look-alikes are published.
        wanted: returns those that the declared audiences ask for.
    """

    def __init__(
        self,
        params: Sequence[LearnerParams],
        models: ModelStore,
        wanted: Callable[[], Sequence[LookalikeOf]] = lambda: (),
    ) -> None:
        self._params = {one.segmentation: one for one in params}
        self._models = models
        self._wanted = wanted
        self._learners: dict[LookalikeOf, LookalikeLearner] = {}
        self._published = Lookalikes()
        self._scales: dict[str, Scale] = {}
        self._refitted = False

    async def load(self) -> None:
        """Begin anew from what is published. Raises `StoreUnavailableError`."""
        self._published = Lookalikes.decode(await self._models.lookalikes())
        self._learners.clear()
        self._scales.clear()

    def follow(self, segments: "Mapping[str, Learner]") -> None:
        """Begin the look-alikes that are asked for since, with the samples of the segments, and end the others."""
        wanted = [one for one in self._wanted() if one.by in segments]
        self._learners = {one: learner for one, learner in self._learners.items() if one in wanted}
        for one in wanted:
            if one not in self._learners:
                learner = self._learners[one] = _learner_class()(one.seed, self._params[one.by])
                known = segments[one.by]
                for sample in known.samples():
                    if (logged := known.logged(sample)) is not None:
                        learner.keep(sample, logged, member=False, uniform=True)

    def learn(
        self, segmentation: str, sample: Sample, logged: tuple[float, ...], seeds: Sequence[str], *, uniform: bool
    ) -> None:
        """Learn a sample: of a member of these seeds, and of no others."""
        for one, learner in self._learners.items():
            if one.by == segmentation:
                learner.learn(sample, logged, member=one.seed in seeds, uniform=uniform)

    def forget(self, segmentation: str, customer_id: str) -> None:
        """Remove a customer from the samples of a segmentation."""
        for one, learner in self._learners.items():
            if one.by == segmentation:
                learner.forget(customer_id)

    def refit(self, segments: "Mapping[str, Learner]", *, anew: bool = False) -> bool:
        """Learn all samples anew where that is due, or `anew` everywhere; return whether any was.

        All look-alikes of a segmentation have one scale, so they are learned anew together.
        """
        done = False
        for by in sorted({one.by for one in self._learners}):
            learners = [learner for one, learner in self._learners.items() if one.by == by]
            if anew or any(one.is_due for one in learners):
                scale = segments[by].measured_scale()
                fitted = [one.refit(scale, segments[by].sampled_share) for one in learners] if scale else []
                if scale is not None and any(fitted):
                    self._scales[by], done = scale, True
        self._refitted = self._refitted or done
        return done

    async def publish(self) -> None:
        """Publish the look-alikes if they changed.

        Raises `StoreUnavailableError`, and `StreamsegError` if another trainer has published them.
        """
        spaces = tuple(self._space(by) for by in sorted({one.by for one in self._learners}))
        before = self._published
        if spaces == before.spaces:
            return
        generation = before.generation + self._refitted
        made = Lookalikes(before.version + 1, generation, spaces)
        if not await self._models.publish_lookalikes(made.version, before.version, made.encode()):
            raise StreamsegError("look-alikes were published by another trainer")
        self._published, self._refitted = made, False

    def _space(self, by: str) -> Space:
        params, scale = self._params[by], self._scales.get(by)
        empty = Space(segmentation=by, features=params.features, skewed=params.skewed)
        learners = {one.seed: learner for one, learner in sorted(self._learners.items()) if one.by == by}
        if scale is None:
            kept = self._published.space(by)
            empty = (
                kept if kept is not None and (kept.features, kept.skewed) == (params.features, params.skewed) else empty
            )
            before = {one.seed: one for one in empty.lookalikes}
            found = [_waiting(learner, before.get(seed)) for seed, learner in learners.items()]
            return msgspec.structs.replace(empty, lookalikes=tuple(found))
        return Space(
            segmentation=by,
            features=params.features,
            skewed=params.skewed,
            mean=scale.mean,
            variance=scale.variance,
            bound=scale.bound,
            lookalikes=tuple(learner.published() for learner in learners.values()),
        )


def _waiting(learner: "LookalikeLearner", before: Lookalike | None) -> Lookalike:
    """Return what is published of a look-alike that was not learned since the trainer started."""
    now = learner.published()
    return now if before is None or not before.is_learned else before


def _learner_class() -> "type[LookalikeLearner]":
    """Import the learner: River takes long to load, and most shops have no look-alike."""
    from streamseg.clustering.likeness.lookalike_learner import LookalikeLearner  # noqa: PLC0415

    return LookalikeLearner
