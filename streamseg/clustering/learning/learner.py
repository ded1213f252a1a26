"""Learns one segmentation from samples, in their order. The recipe of reading/clustering.md, section 7, around River.

Who is sampled is decided elsewhere (at most once per customer and learning interval): scaler and model see the same.
"""

import math
import random
from collections.abc import Sequence
from typing import Final

import numpy as np

from streamseg.clustering import identity, lloyd
from streamseg.clustering.description.rfm import Borders, quintiles
from streamseg.clustering.encode import Floats, Scale
from streamseg.clustering.identity import Lineage
from streamseg.clustering.learning import clusterers, scaler
from streamseg.clustering.learning.challenge import Transition, challenge
from streamseg.clustering.learning.drift import DriftWatch
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import RecentCustomers, Sample
from streamseg.clustering.snapshot import Snapshot, SnapshotRefusedError, WarmUp

FIRST_RESTARTS: Final = 4
LINEAGE_KEPT: Final = 256
RETIRED_KEPT: Final = 4096
DRIFT_VALUES_PER_CHALLENGE: Final = 24
WARM_UP_CHECK_EVERY: Final = 20
"""Samples between two looks at whether the warm-up is over: its median is not worth taking for each."""


class Learner:
    """The running model of one segmentation. Not thread-safe: one caller at a time, on whichever thread."""

    def __init__(self, params: LearnerParams, *, draw: random.Random | None = None) -> None:
        """Start without a model.

        Args:
            params: what to learn.
            draw: where segment ids come from; the operating system's randomness by default, so that an owner which has
                forgotten everything does not make the same ids again.
        """
        self.params = params
        self.refused = 0
        """Samples that did not fit or held a value that is not finite; they are not learned."""
        self._draw = draw or random.SystemRandom()
        self._clusterer = clusterers.make(params.clusterer, params.features, params.k, params.step)
        self._use_scale(Scale((0.0,) * len(params.features), (0.0,) * len(params.features)))
        self._segments: tuple[str, ...] = ()
        self._counts: list[int] = []
        self._customers = RecentCustomers(params.sample_size)
        self._drift = self._new_drift()
        self._sampled_share = 1.0
        self._learned = 0
        self._warm_up_checked = 0
        self._samples_offset = -1
        self._first_sample_at: float | None = None
        self._learned_until: float | None = None
        self._last_challenge_at: float | None = None
        self._generation = 0
        self._retired: tuple[str, ...] = ()
        self._lineage: tuple[Lineage, ...] = ()
        self._quintiles: Borders = ()
        self._latest: Snapshot | None = None

    # -- learning ------------------------------------------------------------------------------------------------------

    def learn(self, sample: Sample, offset: int) -> bool:
        """Learn one sample of the samples topic; False when it was refused or had been learned already.

        Offsets at or below the last one learned are only remembered: so a new owner reads the topic from its beginning.
        """
        logged = self._logged(sample)
        if logged is None:
            self.refused += 1
            self._samples_offset = max(self._samples_offset, offset)
            return False
        self._customers.keep(sample, logged)
        if offset <= self._samples_offset:
            return False
        self._samples_offset = offset
        self._learned += 1
        if self._first_sample_at is None or self._learned_until is None:
            self._first_sample_at = self._learned_until = sample.at
        self._learned_until = max(self._learned_until, sample.at)

        if self._segments:
            named = dict(zip(self.params.features, logged, strict=True))
            nearest, distance = self._clusterer.learn_one(self._scaler.transform_one(named))
            self._counts[nearest] += 1
            self._drift.update(sample.at, distance)
        return True

    def remember(self, sample: Sample) -> None:
        """Put a sample back among the customers that challengers are fitted on, without learning it."""
        logged = self._logged(sample)
        if logged is not None:
            self._customers.keep(sample, logged)

    def forget(self, customer_id: str, offset: int = -1) -> None:
        """Remove an erased customer (a tombstone of the samples topic). What the sums have learned holds no person."""
        self._customers.forget(customer_id)
        self._samples_offset = max(self._samples_offset, offset)

    def samples(self) -> list[Sample]:
        """The latest sample of each remembered customer: what `describe` can be given."""
        return self._customers.samples()

    def _logged(self, sample: Sample) -> tuple[float, ...] | None:
        """The sample's vector in log space, as Python floats: River is slower on NumPy's, and is poisoned by a NaN."""
        if len(sample.vector) != len(self.params.features) or not all(map(math.isfinite, sample.vector)):
            return None
        return tuple(
            math.log1p(max(value, 0.0)) if skewed else float(value)
            for value, skewed in zip(sample.vector, self.params.skewed, strict=True)
        )

    # -- challenges ----------------------------------------------------------------------------------------------------

    def warm_up(self) -> WarmUp:
        """How far the first model is."""
        return WarmUp(
            customers=len(self._customers),
            customers_needed=min(self.params.warm_up_per_cluster * self.params.k, self.params.sample_size),
            median_events=self._customers.median_events(),
            events_needed=self.params.warm_up_events,
        )

    def challenge_due(self) -> bool:
        """Whether `challenge` would place the first centres, or the interval has passed, or drift was noticed.

        Also when the settings have another k than the restored model.
        """
        if self._learned_until is None or self._first_sample_at is None:
            return False
        if self._last_challenge_at is not None:
            due = self._learned_until - self._last_challenge_at >= self.params.challenge_interval
            resized = bool(self._segments) and len(self._segments) != self.params.k and self._can_challenge()
            return due or resized or self._drift.alarm
        if self._learned // WARM_UP_CHECK_EVERY == self._warm_up_checked:
            return False
        self._warm_up_checked = self._learned // WARM_UP_CHECK_EVERY
        progress = self.warm_up()
        patient = self._learned_until - self._first_sample_at < self.params.warm_up_patience
        if progress.customers < progress.customers_needed:
            return False
        return progress.median_events >= progress.events_needed or not patient

    def challenge(self) -> Transition | None:
        """Place the first centres, or let a fresh fit challenge the running model. Takes 50 ms and more.

        Returns None when there are too few recent customers for it; the next one is due an interval later.
        """
        if self._learned_until is None:
            return None
        at = self._learned_until
        self._customers.drop_before(at - self.params.active)
        self._sampled_share = self._customers.wanted_share(self._sampled_share)
        if self._segments:
            self._last_challenge_at = at
            self._drift.alarm = False
        if not self._can_challenge():
            return None
        rng = np.random.default_rng([self.params.seed, self._learned])
        transition = self._challenge_running(at, rng) if self._segments else self._place_first(at, rng)
        self._last_challenge_at = at
        self._quintiles = quintiles(
            self.params.features, np.array([sample.vector for sample in self._customers.samples()])
        )
        self._lineage = (*self._lineage, *transition.lineage)[-LINEAGE_KEPT:]
        return transition

    def _can_challenge(self) -> bool:
        return len(self._customers) >= max(2 * self.params.k, self.params.warm_up_per_cluster)

    def _place_first(self, at: float, rng: np.random.Generator) -> Transition:
        self._use_scale(self._scale_of_customers())
        first = lloyd.fits(self._scale.apply(self._customers.logged()), self.params.k, rng, FIRST_RESTARTS)[0]
        names: list[str] = []
        for _ in range(self.params.k):
            names.append(identity.new_id(self.params.segmentation, {*self._retired, *names}, self._draw))
        self._adopt(first.centres, tuple(names))
        return Transition(at, "first", first.inertia, first.inertia, identity.emerged(names, at))

    def _challenge_running(self, at: float, rng: np.random.Generator) -> Transition:
        scale = self._scale_of_customers()
        factor, shift = self._scale.change_to(scale)
        self._clusterer.rescale(factor, shift)
        self._use_scale(scale)
        customers = scale.apply(self._customers.logged())
        rows, weights = self._clusterer.summary() or (customers, None)
        outcome = challenge(
            rows,
            weights,
            customers,
            self._clusterer.centres(),
            clusters=self.params.k,
            adoption_gain=self.params.adoption_gain,
            rng=rng,
        )
        if outcome.fresh is None:
            self._clusterer.place(outcome.running.centres)
            return Transition(at, "kept", outcome.running.inertia, outcome.best_inertia, ())
        matched = identity.match(
            outcome.before,
            lloyd.nearest(customers, outcome.fresh.centres),
            self._segments,
            self.params.k,
            segmentation=self.params.segmentation,
            taken={*self._segments, *self._retired},
            draw=self._draw,
            at=at,
        )
        self._retired = (*self._retired, *matched.retired)[-RETIRED_KEPT:]
        self._adopt(outcome.fresh.centres, matched.segments)
        return Transition(at, "adopted", outcome.running.inertia, outcome.fresh.inertia, matched.lineage)

    def _adopt(self, centres: Floats, segments: tuple[str, ...]) -> None:
        self._clusterer.place(centres)
        self._segments = segments
        self._counts = [0] * len(segments)
        self._drift = self._new_drift()
        self._generation += 1

    def _use_scale(self, scale: Scale) -> None:
        """Between challenges the scale stands still, so that centres keep their meaning."""
        self._scale = scale
        self._scaler = scaler.standing(scale, self.params.features)

    def _scale_of_customers(self) -> Scale:
        """What River's scaler learns from the sampled customers, each once.

        One that has learned everything since the first day would weigh features by how customers were then.
        """
        return scaler.measure(self._customers.logged(), self.params.features, self.params.blocks)

    def _new_drift(self, fed: Sequence[float] = (), filling: Sequence[float] = ()) -> DriftWatch:
        return DriftWatch(self.params.challenge_interval / DRIFT_VALUES_PER_CHALLENGE, fed, filling)

    # -- snapshots -----------------------------------------------------------------------------------------------------

    def snapshot(self) -> Snapshot:
        """The model as it stands, as the next version; the same version again when nothing was learned in between."""
        parent = self._latest.version if self._latest else 0
        made = Snapshot(
            segmentation=self.params.segmentation,
            version=parent + 1,
            parent=parent,
            generation=self._generation,
            clusterer=self.params.clusterer,
            features=self.params.features,
            skewed=self.params.skewed,
            scale=self._scale,
            centres=tuple(map(tuple, self._clusterer.centres().tolist())) if self._segments else (),
            segments=self._segments,
            counts=tuple(self._counts),
            learned=self._learned,
            samples_offset=self._samples_offset,
            first_sample_at=self._first_sample_at,
            learned_until=self._learned_until,
            last_challenge_at=self._last_challenge_at,
            warm_up=self.warm_up(),
            sampled_share=self._sampled_share,
            drift=self._drift.fed,
            drift_open=self._drift.filling,
            retired=self._retired,
            lineage=self._lineage,
            quintiles=self._quintiles,
            summary=self._clusterer.state(),
        )
        if self._latest is None or not _same_model(made, self._latest):
            self._latest = made
        return self._latest

    @classmethod
    def restore(cls, snapshot: Snapshot, params: LearnerParams, *, draw: random.Random | None = None) -> "Learner":
        """Go on exactly where the snapshot was taken, once the customers' samples are read back (`learn`, `remember`).

        A model with another k runs on until the next challenge, which is due at once; ids go on by overlap of members.
        Raises `SnapshotRefusedError` when it was made under other features or another clusterer.
        """
        if (snapshot.segmentation, snapshot.features, snapshot.skewed, snapshot.clusterer) != (
            params.segmentation,
            params.features,
            params.skewed,
            params.clusterer,
        ):
            raise SnapshotRefusedError(
                f"snapshot {snapshot.version} of {snapshot.segmentation} was learned with other features or another"
                " clusterer than the settings name"
            )
        self = cls(params, draw=draw)
        self._latest = snapshot
        self._use_scale(snapshot.scale)
        self._segments = snapshot.segments
        self._counts = list(snapshot.counts)
        if snapshot.warm:
            self._clusterer.place(np.array(snapshot.centres))
        self._clusterer.restore(snapshot.summary)
        self._drift = self._new_drift(snapshot.drift, snapshot.drift_open)
        self._sampled_share = snapshot.sampled_share
        self._learned = snapshot.learned
        self._warm_up_checked = snapshot.learned // WARM_UP_CHECK_EVERY
        self._samples_offset = snapshot.samples_offset
        self._first_sample_at = snapshot.first_sample_at
        self._learned_until = snapshot.learned_until
        self._last_challenge_at = snapshot.last_challenge_at
        self._generation = snapshot.generation
        self._retired = snapshot.retired
        self._lineage = snapshot.lineage
        self._quintiles = snapshot.quintiles
        return self


def _same_model(one: Snapshot, other: Snapshot) -> bool:
    return (one.samples_offset, one.generation, one.last_challenge_at) == (
        other.samples_offset,
        other.generation,
        other.last_challenge_at,
    )
