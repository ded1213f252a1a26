"""The model while it learns: a clusterer with a fixed scale, and the segments of its centres."""

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.distances import different, nearest
from streamseg.clustering.encode import Floats, Scale
from streamseg.clustering.handover import Handover
from streamseg.clustering.identity import new_id
from streamseg.clustering.learning import clusterers, following, lloyd, scaler
from streamseg.clustering.learning.challenge import Transition, challenge
from streamseg.clustering.learning.drift import DriftWatch
from streamseg.clustering.lineage import Lineage, Matched, closing_at, emerged, match
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.snapshot import Snapshot

FIRST_RESTARTS: Final = 10
LINEAGE_KEPT: Final = 256
RETIRED_KEPT: Final = 4096
LEAST_CLUSTERS: Final = 2
"""One segment of everybody says nothing."""
DRIFT_VALUES_PER_CHALLENGE: Final = 24
OLDER_STEP: Final = 0.003
"""Step until the next challenge of a model whose snapshot has none."""
NOTICE: Final = 1.0
"""Challenge intervals between the announcement that segments end and the first customer who leaves them."""
MOVED_BY_A_SWEEP: Final = 0.02
"""Share of customers that an adopted model must move for a sweep to follow at once; the regular ones move fewer."""


class RunningModel:
    """Learns single samples, and is placed or replaced at challenges (DESIGN.md, Learning and assigning).

    Has no centres until the first challenge. Attributes without an underscore are what a snapshot holds.
    """

    def __init__(self, params: LearnerParams) -> None:
        self._params = params
        self.clusterer = clusterers.make(params.clusterer, params.features, params.k)
        self._use_scale(Scale((0.0,) * len(params.features), (0.0,) * len(params.features)))
        self.segments: tuple[str, ...] = ()
        """Ids in the order of the centres."""
        self.counts: list[int] = []
        """Samples that each centre has won since it was placed."""
        self.steps: tuple[float, ...] = ()
        """Of the centres, see `following`."""
        self.drift_per_round: float | None = None
        self.drift = self._new_drift()
        self.generation = 0
        self.retired: tuple[str, ...] = ()
        self.lineage: tuple[Lineage, ...] = ()
        self.regret = 0.0
        """See `challenge`."""
        self.handover: Handover | None = None
        """The model before, while customers move to this one."""

    @classmethod
    def restore(cls, snapshot: Snapshot, params: LearnerParams) -> "RunningModel":
        """Return the model exactly as it was when the snapshot was taken."""
        self = cls(params)
        self._use_scale(snapshot.scale)
        self.segments = snapshot.segments
        self.counts = list(snapshot.counts)
        self.drift_per_round = snapshot.drift_per_round
        if snapshot.warm:
            self.clusterer.place(np.array(snapshot.centres))
            self._use_steps(snapshot.steps or (OLDER_STEP,) * len(snapshot.segments))
        self.clusterer.restore(snapshot.summary)
        self.drift = self._new_drift(snapshot.drift, snapshot.drift_open)
        self.generation = snapshot.generation
        self.retired = snapshot.retired
        self.lineage = snapshot.lineage
        self.regret = snapshot.regret
        self.handover = snapshot.handover
        return self

    def learn(self, logged: Sequence[float], at: float) -> None:
        """Learn one customer's log-space vector (d,), NaN if missing, looked at `at` (epoch seconds). Needs centres."""
        winner, distance = self.clusterer.learn_one(self._scaler.transform_one(logged))
        self.counts[winner] += 1
        self.drift.update(at, distance)

    def challenge(
        self, logged: Floats, at: float, rng: np.random.Generator, draw: random.Random, *, alarm: bool
    ) -> Transition | None:
        """Place the first centres, or let a fresh fit challenge the present ones.

        There are never more centres than different customers, so that no segment begins empty. Returns None while there
        are no centres and all customers are alike.

        Args:
            logged: log-space vectors of the sampled customers, (n, d).
            at: event time, epoch seconds.
            rng: random source of the seedings.
            draw: random source of new segment ids.
            alarm: whether distances rose; drift that was measured before does not count then.
        """
        if alarm:
            self.drift_per_round = None
        transition = self._challenge(logged, at, rng, draw) if self.segments else self._place(logged, at, rng, draw)
        if transition is not None:
            self.lineage = (*self.lineage, *transition.lineage)[-LINEAGE_KEPT:]
        return transition

    def _place(self, logged: Floats, at: float, rng: np.random.Generator, draw: random.Random) -> Transition | None:
        scale = self._measured(logged)
        rows = scale.apply(logged)
        clusters = min(self._params.k, different(rows))
        if clusters < LEAST_CLUSTERS:
            return None
        first = lloyd.fits(rows, clusters, rng, FIRST_RESTARTS, least=self._params.least_cluster)[0]
        if len(first.centres) < LEAST_CLUSTERS:
            return None
        self._use_scale(scale)
        ids: list[str] = []
        for _ in range(len(first.centres)):
            ids.append(new_id(self._params.segmentation, {*self.retired, *ids}, draw))
        self._adopt(first.centres, tuple(ids))
        self.generation += 1
        self._choose_steps(first.nearest)
        return Transition(at, "first", first.inertia, first.inertia, emerged(ids, at))

    def _challenge(self, logged: Floats, at: float, rng: np.random.Generator, draw: random.Random) -> Transition:
        scale = self._measured(logged)
        factor, shift = self.scale.change_to(scale)
        self.clusterer.rescale(factor, shift)
        self._use_scale(scale)
        self._continue_handover(at, factor, shift)
        customers = scale.apply(logged)
        self._measure_drift(customers)
        rows, weights = self.clusterer.summary() or (customers, None)
        clusters = min(self._params.k, different(customers), different(rows))
        outcome = challenge(
            rows,
            weights,
            customers,
            self.clusterer.centres(),
            clusters=clusters if clusters >= LEAST_CLUSTERS else len(self.segments),
            adoption_gain=self._params.adoption_gain,
            regret=self.regret,
            may_leave=self.handover is None,
            adoption=self._params.adoption if self._params.handover else replace(self._params.adoption, at_once=1.0),
            least_cluster=self._params.least_cluster,
            rng=rng,
        )
        self.regret = outcome.regret
        if outcome.fresh is None:
            self._choose_steps(outcome.before)
            return Transition(at, "kept", outcome.running_inertia, outcome.best_inertia, ())
        after = nearest(customers, outcome.fresh.centres)
        matched = match(
            outcome.before,
            after,
            self.segments,
            len(outcome.fresh.centres),
            segmentation=self._params.segmentation,
            taken={*self.segments, *self.retired},
            draw=draw,
            at=at,
        )
        moved = float(np.mean(np.array(self.segments)[outcome.before] != np.array(matched.segments)[after]))
        same, resized = {*matched.segments} == {*self.segments}, len(matched.segments) != len(self.segments)
        lineage = matched.lineage
        if resized or not self._params.handover or (same and moved < self._params.adoption.at_once):
            if moved >= MOVED_BY_A_SWEEP or not same:
                self.generation += 1
            if resized:
                self.end_handover()
            self._retire(matched.retired)
        elif self.handover is not None:
            self._choose_steps(outcome.before)
            return Transition(at, "kept", outcome.running_inertia, outcome.best_inertia, ())
        else:
            self.handover = self._handover_from(matched, at)
            lineage = closing_at(lineage, self.handover.ends)
        self._adopt(outcome.fresh.centres, matched.segments)
        self._choose_steps(after)
        return Transition(at, "adopted", outcome.running_inertia, outcome.fresh.inertia, lineage, moved)

    def _handover_from(self, matched: Matched, at: float) -> Handover:
        """Return the handover from the present centres. Where segments end, it begins an interval later."""
        interval = self._params.challenge_interval
        begins = at + (NOTICE * interval if matched.retired else 0.0)
        centres = tuple(map(tuple, self.clusterer.centres().tolist()))
        return Handover(self.segments, centres, begins, begins + self._params.handover * interval)

    def _continue_handover(self, at: float, factor: Floats, shift: Floats) -> None:
        """Convert the model before to a new scale, or end the handover when its time has come."""
        if self.handover is None:
            return
        if at >= self.handover.ends:
            self.end_handover()
            return
        centres = np.array(self.handover.centres) * factor + shift
        self.handover = replace(self.handover, centres=tuple(map(tuple, centres.tolist())))

    def end_handover(self) -> None:
        """Retire the closing segments: who is still in one leaves it at the next look."""
        if self.handover is not None and (closed := self.handover.closing(self.segments)):
            self._retire(closed)
            self.generation += 1
        self.handover = None

    def _retire(self, segments: Sequence[str]) -> None:
        self.retired = (*self.retired, *segments)[-RETIRED_KEPT:]

    def _adopt(self, centres: Floats, segments: tuple[str, ...]) -> None:
        self.clusterer.place(centres)
        self.segments = segments
        self.counts = [0] * len(segments)
        self.drift = self._new_drift()

    def _measure_drift(self, customers: Floats) -> None:
        """Measure how far customers moved while River followed them; see `following`."""
        centres = self.clusterer.centres()
        newest = following.measured(customers, centres, nearest(customers, centres), self.steps, self.counts)
        self.drift_per_round = following.blended(self.drift_per_round, newest)

    def _choose_steps(self, nearest_centre: NDArray[np.intp]) -> None:
        """Choose the steps until the next challenge, for the nearest centre of each sampled customer (n,)."""
        members = following.members_of(nearest_centre, len(self.segments))
        if self._params.step is not None:
            self._use_steps((self._params.step,) * len(self.segments))
        elif self.drift_per_round is None:
            self._use_steps(following.first_steps(members))
        else:
            self._use_steps(following.steps_for(self.drift_per_round, members))

    def _use_steps(self, steps: tuple[float, ...]) -> None:
        self.steps = steps
        self.clusterer.use_steps(steps)

    def _measured(self, logged: Floats) -> Scale:
        """Measure the scale of the sampled customers, each counted once.

        A scaler that had learned every sample since the first day would weigh features by past behaviour.
        """
        params = self._params
        return scaler.measure(logged, params.features, params.blocks, params.floors, params.bound)

    def _use_scale(self, scale: Scale) -> None:
        """Fix the scale until the next challenge, so that centres keep their meaning."""
        self.scale = scale
        self._scaler = scaler.FixedScaler(scale, self._params.features)

    def _new_drift(self, fed: Sequence[float] = (), filling: Sequence[float] = ()) -> DriftWatch:
        return DriftWatch(self._params.challenge_interval / DRIFT_VALUES_PER_CHALLENGE, fed, filling)
