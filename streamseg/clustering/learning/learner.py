"""Learns one segmentation from its samples, in their order (DESIGN.md, Learning and assigning).

Workers decide who is sampled: a customer at most once per learning interval. So scaler and model see the same samples.
"""

import math
import random

import numpy as np

from streamseg.clustering.challenged import CHALLENGES_KEPT, Challenged
from streamseg.clustering.description.rfm import Borders, quintiles
from streamseg.clustering.encode import Floats, Scale
from streamseg.clustering.learning.challenge import Transition
from streamseg.clustering.learning.differing import decides
from streamseg.clustering.learning.recent_customers import RecentCustomers
from streamseg.clustering.learning.running_model import RunningModel
from streamseg.clustering.learning.schedule import ChallengeSchedule
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot, SnapshotRefusedError, WarmUp


class Learner:
    """Learns samples, challenges the model, and takes snapshots. Not thread-safe: one caller at a time."""

    def __init__(self, params: LearnerParams, *, draw: random.Random | None = None) -> None:
        """Start without a model.

        Args:
            params: what to learn.
            draw: random source of segment ids. Default: the operating system's, so that a trainer that has lost its
                state does not give the same ids again.

        Raises:
            SettingsError: the clusterer is unknown or refused.
        """
        self.params = params
        self.refused = 0
        """Samples not learned because their vector had another length or an infinite value."""
        self._draw = draw or random.SystemRandom()
        self._model = RunningModel(params)
        self._schedule = ChallengeSchedule(params)
        self._customers = RecentCustomers(params.sample_size)
        self._sampled_share = 1.0
        self._samples_offset = -1
        self._quintiles: Borders = ()
        self._alike = False
        self._latest: Snapshot | None = None
        self._backfills: dict[str, float] = {}
        self._relearned = 0
        self._relearn_due = False
        self._history_ended = False
        self._challenges: tuple[Challenged, ...] = ()

    def learn(self, sample: Sample, offset: int) -> bool:
        """Learn one record of the samples topic; return False if it was refused or already learned.

        Samples at or below the last learned offset only fill the sample of customers: a new owner reads the topic from
        its beginning.
        """
        logged = self.logged(sample)
        if logged is None:
            self.refused += 1
            self._samples_offset = max(self._samples_offset, offset)
            return False
        self._customers.keep(sample, logged)
        if offset <= self._samples_offset:
            return False
        self._samples_offset = offset
        self._schedule.count_sample(sample.at)
        if self._model.segments:
            self._model.learn(logged, sample.at)
        return True

    def end_backfill(self, partition: int, at: float, since: float, offset: int, *, is_all: bool = False) -> None:
        """Note that everybody of a partition was sampled after a backfill: a relearn is due.

        Args:
            partition: number of the partition.
            at: its clock then, epoch seconds.
            since: time of the earliest event of its customers.
            offset: of the record that told it; one that is already learned changes nothing.
            is_all: whether it was all of a history: the first model then waits for no more events.
        """
        if offset > self._samples_offset:
            self._samples_offset = offset
            self._backfills[str(partition)] = at
            self._schedule.known_since(since)
            self._relearn_due = True
            self._history_ended |= is_all

    def relearn(self) -> Transition | None:
        """Challenge the model with present samples if a backfill has ended, whenever the next challenge is due.

        So a model that was fitted on the few samples of a fast replay is replaced by the same comparison as on any day.
        Returns None without such an end, and as `challenge` does.
        """
        if not self._relearn_due:
            return None
        self._relearn_due = False
        ready = bool(self._model.segments) or self._schedule.warm_up_over(self._customers, is_late=self._history_ended)
        self._history_ended = False
        self._model.end_handover()  # a backfill settles everybody at once: no handover hinders it, and none follows
        transition = self.challenge() if ready else None
        self._model.end_handover()
        self._relearned = self._model.generation
        return transition

    def remember(self, sample: Sample) -> None:
        """Add a sample to the customers that challengers are fitted on, without learning it."""
        logged = self.logged(sample)
        if logged is not None:
            self._customers.keep(sample, logged)

    def forget(self, customer_id: str, offset: int = -1) -> None:
        """Remove an erased customer (a tombstone of the samples topic). The model's sums hold no personal data."""
        self._customers.forget(customer_id)
        self._samples_offset = max(self._samples_offset, offset)

    def samples(self) -> list[Sample]:
        """Return the latest sample of each remembered customer, as `describe` needs them."""
        return self._customers.samples()

    @property
    def sampled_share(self) -> float:
        """Share of all customers, by rank from the lowest, whose vectors are wanted."""
        return self._sampled_share

    def measured_scale(self) -> Scale | None:
        """Measure the scale of the remembered customers; None without any."""
        params = self.params
        if not len(self._customers):
            return None
        return Scale.measured(self._deciding(), params.blocks, params.floors, params.bound)

    def warm_up(self) -> WarmUp:
        """Return the progress towards the first model."""
        return self._schedule.warm_up(self._customers)

    def challenge_due(self) -> bool:
        """Whether to call `challenge` now; see `ChallengeSchedule.due`."""
        drift = self.params.challenges_on_drift and self._model.drift.alarm
        return self._schedule.due(self._customers, len(self._model.segments), drift=drift)

    def challenge(self) -> Transition | None:
        """Place the first centres, or let a fresh fit challenge the running model. Takes 50 ms or more.

        Returns None when there are too few recent customers, or when all are alike before the first model; then the
        next challenge is due an interval later.
        """
        at = self._schedule.learned_until
        if at is None:
            return None
        self._customers.drop_before(at - self.params.active)
        self._sampled_share = self._customers.wanted_share(self._sampled_share)
        alarm = self._model.drift.alarm
        if self._model.segments:
            self._schedule.last_challenge_at = at
            self._model.drift.alarm = False
        if not self._schedule.enough(self._customers):
            return None
        rng = np.random.default_rng([self.params.seed, self._schedule.learned])
        transition = self._model.challenge(self._deciding(), at, rng, self._draw, alarm=alarm)
        self._schedule.last_challenge_at = at
        self._schedule.fitted = True
        self._alike = transition is None
        if transition is None:
            return None
        self._challenges = (*self._challenges, _challenged(transition, alarm=alarm))[-CHALLENGES_KEPT:]
        vectors = np.array([sample.vector for sample in self._customers.samples()])
        self._quintiles = quintiles(self.params.features, vectors)
        return transition

    def snapshot(self) -> Snapshot:
        """Return the model as the next version, or the latest version again if nothing was learned since."""
        parent = self._latest.version if self._latest else 0
        model, schedule = self._model, self._schedule
        made = Snapshot(
            segmentation=self.params.segmentation,
            version=parent + 1,
            parent=parent,
            generation=model.generation,
            clusterer=self.params.clusterer,
            features=self.params.features,
            skewed=self.params.skewed,
            scale=model.scale,
            centres=tuple(map(tuple, model.clusterer.centres().tolist())) if model.segments else (),
            segments=model.segments,
            counts=tuple(model.counts),
            learned=schedule.learned,
            samples_offset=self._samples_offset,
            first_sample_at=schedule.first_sample_at,
            learned_until=schedule.learned_until,
            last_challenge_at=schedule.last_challenge_at,
            warm_up=self.warm_up(),
            warm_up_ends_at=schedule.warm_up_ends_at,
            customers_needed_late=schedule.customers_needed_late,
            customers_alike=self._alike,
            sampled_share=self._sampled_share,
            drift=model.drift.fed,
            drift_open=model.drift.filling,
            retired=model.retired,
            lineage=model.lineage,
            quintiles=self._quintiles,
            steps=model.steps,
            drift_per_round=model.drift_per_round,
            backfills=dict(self._backfills),
            relearned=self._relearned,
            regret=model.regret,
            handover=model.handover,
            challenges=self._challenges,
            summary=model.clusterer.state(),
        )
        if self._latest is None or not _same_model(made, self._latest):
            self._latest = made
        return self._latest

    @classmethod
    def restore(cls, snapshot: Snapshot, params: LearnerParams, *, draw: random.Random | None = None) -> "Learner":
        """Continue exactly where the snapshot was taken, once the samples were read again (`learn`, `remember`).

        A model with another k is used until the next challenge, which is due at once; ids are kept by overlap of
        members. Raises `SnapshotRefusedError` when the snapshot was made with other features or another clusterer.
        """
        if (snapshot.segmentation, snapshot.features, snapshot.skewed, snapshot.clusterer) != (
            params.segmentation,
            params.features,
            params.skewed,
            params.clusterer,
        ):
            raise SnapshotRefusedError(
                f"snapshot {snapshot.version} of {snapshot.segmentation} was learned with other features or another"
                " clusterer than the settings have"
            )
        self = cls(params, draw=draw)
        self._model = RunningModel.restore(snapshot, params)
        self._schedule = ChallengeSchedule.restore(snapshot, params)
        self._sampled_share = snapshot.sampled_share
        self._samples_offset = snapshot.samples_offset
        self._quintiles = snapshot.quintiles
        self._alike = snapshot.customers_alike
        self._backfills = dict(snapshot.backfills)
        self._relearned = snapshot.relearned
        self._challenges = snapshot.challenges
        self._latest = snapshot
        return self

    def _deciding(self) -> Floats:
        """Return the log-space vectors (n, d) of the remembered customers.

        A feature in which too few of them differ is NaN, which weighs nothing.
        """
        logged = self._customers.logged()
        logged[:, ~decides(self._customers.samples(), self.params.observed_places)] = math.nan
        return logged

    def logged(self, sample: Sample) -> tuple[float, ...] | None:
        """Return the vector in log space, NaN if missing; None if refused. River is slower on NumPy's floats."""
        if len(sample.vector) != len(self.params.features) or any(map(math.isinf, sample.vector)):
            return None
        return tuple(
            math.log1p(max(value, 0.0)) if skewed else float(value)
            for value, skewed in zip(sample.vector, self.params.skewed, strict=True)
        )


def _challenged(transition: Transition, *, alarm: bool) -> Challenged:
    return Challenged(
        transition.at,
        transition.outcome,
        "drift" if alarm else "time",
        transition.running_inertia,
        transition.fresh_inertia,
        transition.moved,
    )


def _same_model(one: Snapshot, other: Snapshot) -> bool:
    return (one.samples_offset, one.generation, one.last_challenge_at) == (
        other.samples_offset,
        other.generation,
        other.last_challenge_at,
    )
