"""The worker's path in one process without servers: the same decoder, rows, looks, samples and learner."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline
from streamseg.clustering.assign import Assigner, Codes
from streamseg.clustering.encode import Floats
from streamseg.clustering.identity import UNASSIGNED
from streamseg.clustering.learning.challenge import Transition
from streamseg.clustering.learning.differing import enough_differ
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.evaluation.variants import Variant
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.rows import Rows, Slots
from streamseg.features.vector import observed, vectors
from streamseg.pipeline import SampleValue
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent
from streamseg.time_units import DAY_SECONDS
from streamseg.topics import INPUT_TOPICS
from streamseg.wiring.derived import derive


@dataclass(frozen=True, slots=True)
class Flushed:
    """The result of a flush."""

    slots: Slots
    """Rows that absorbed events."""
    events: int
    """Events absorbed."""
    moved: int
    """Customers who moved from one segment to another at the look of their own events."""
    moved_by_model: Slots
    """Rows that moved because a new model was adopted, with or without own events; a row may occur twice."""


class InProcessWorker:
    """A worker and a trainer for the only segmentation of the settings, driven by its caller.

    Args:
        settings: with exactly one segmentation.
        seed: of the learner and of segment ids.
        variant: the way of learning; streamseg's by default.
    """

    def __init__(self, settings: Settings, seed: int, variant: Variant | None = None) -> None:
        (self.segmentation,) = settings.segmentations.values()
        derived = derive(settings)
        self.rows = Rows(derived.layout)
        self._decoder = derived.decoder
        self._money = derived.money
        (self._assigning,) = derived.segmentations
        (params,) = derived.learner_params
        # The defaults are in days. Convert them to learning intervals, since a stream may be shorter than the defaults.
        interval = self.segmentation.learn_interval_seconds
        params = replace(
            params,
            seed=seed,
            warm_up_patience=params.warm_up_patience / DAY_SECONDS * interval,
            active=params.active / DAY_SECONDS * interval,
        )
        variant = variant or Variant()
        self._assigning = variant.settled(self._assigning)
        params = variant.of(params)
        self.learner = Learner(params, draw=random.Random(seed))  # noqa: S311 - ids, not secrets
        self._offsets = dict.fromkeys(INPUT_TOPICS, 0)
        self._samples = 0
        self._generation = 0
        self.rejected = 0
        """Records that were rejected."""
        self.first_rejection: str | None = None
        self.transitions: list[Transition] = []
        """Results of all challenges."""
        self.taken: list[tuple[float, ...]] = []
        """Vectors that were sampled; the caller may take them out."""
        self.learn_seconds = 0.0
        """CPU time of learning, challenges and snapshots."""

    def flush(self, events: Sequence[SourceEvent], now: float) -> Flushed:
        """Absorb events, look at the rows that they changed, and sample these at `now` (epoch seconds)."""
        runs = []
        for source, topic in enumerate(INPUT_TOPICS):
            records = [self._record(event) for event in events if event.topic == topic]
            if not records:
                continue
            taken = pipeline.take(
                self._decoder, source, RecordBatch.of(topic, 0, 0, 0, records), self.rows, lambda _: ()
            )
            self.rejected += len(taken.rejected)
            if taken.rejected and self.first_rejection is None:
                first = taken.rejected[0]
                self.first_rejection = f"{first.reason.value}: {first.detail}"
            self.rows.load(taken.missing, [None] * len(taken.missing))
            runs.append(pipeline.TakenRun(source, taken))
        absorbed = pipeline.absorb_runs(self.rows, runs, self._money, [self._assigning], 0.0)
        changed = absorbed.slots
        self._forget_erased(changed)
        moved, moved_by_model = self._look(changed, now, absorbed)
        count = sum(int(part.mask.sum()) for _, part in absorbed.parts)
        return Flushed(changed, count, len(moved), moved_by_model)

    def sweep(self, now: float) -> Slots:
        """Look at all customers; return the rows that moved from one segment to another. A row may occur twice."""
        everybody = np.arange(len(self.rows), dtype=np.intp)
        return np.concatenate(self._look(everybody[pipeline.is_assignable(self.rows, everybody, self._assigning)], now))

    def assignable(self) -> Slots:
        """Return the rows of customers who have what the segmentation needs to assign them."""
        return self.those_assignable(np.arange(len(self.rows), dtype=np.intp))

    def those_assignable(self, slots: Slots) -> Slots:
        """Return those of the rows that `assignable` returns: of customers who belong to the segmentation."""
        slots = slots[pipeline.is_assignable(self.rows, slots, self._assigning)]
        return slots[~pipeline.is_outside(self.rows, slots, self._assigning, self.rows.last_seen[slots])]

    def vectors(self, slots: Slots, now: float) -> Floats:
        """Return the raw feature vectors (n, d) of the segmentation."""
        return vectors(self.rows, slots, now, self._assigning.features)

    def decides(self, slots: Slots, now: float) -> NDArray[np.bool_]:
        """Return for each feature (d,) of the segmentation whether enough of these customers differ in it."""
        return enough_differ(observed(self.rows, slots, now, self._assigning.features))

    @property
    def samples(self) -> int:
        """Samples learned so far."""
        return self._samples

    def segments(self, slots: Slots) -> Codes:
        """Return the codes of the settled segments (n,)."""
        codes: NDArray[np.uint32] = self.rows.segment[slots, 0]
        return codes

    def nearest_at_last_event(self, slots: Slots) -> Codes:
        """Return the codes of the segments (n,) to which the present model would have assigned them then."""
        assigner = self._assigning.assigner
        if assigner is None or not len(slots):
            return np.full(len(slots), UNASSIGNED, dtype=np.uint32)
        return assigner.assign(
            vectors(self.rows, slots, self.rows.last_seen[slots], self._assigning.features)
        ).nearest_code

    def _record(self, event: SourceEvent) -> MemoryRecord:
        offset = self._offsets[event.topic]
        self._offsets[event.topic] += 1
        appended_at_ms = int(event.occurred_at * 1000) + 1
        return MemoryRecord(event.topic, 0, offset, appended_at_ms, event.customer_id.encode(), event.value)

    def _forget_erased(self, changed: Slots) -> None:
        """Remove erased customers from the sample, as tombstones do in a worker."""
        for slot in changed[~pipeline.is_known(self.rows, changed)].tolist():
            self.learner.forget(self.rows.customer_ids[slot])

    def _look(self, slots: Slots, now: float, absorbed: pipeline.AbsorbedRuns | None = None) -> tuple[Slots, Slots]:
        """Return the rows that moved at this look, and those that moved because it led to a new model.

        A look after events holds for the time of each row's latest one; a sweep, without `absorbed`, for `now`.
        """
        by_model = np.array([], dtype=np.intp)
        if not len(slots):
            return by_model, by_model
        looked = pipeline.look(self.rows, slots, now if absorbed is None else 0.0, [self._assigning])
        if absorbed is not None:
            looked.compare_with(absorbed.flushed)
        before, after = looked.before[:, 0], looked.after[:, 0]
        moved = slots[(before != after) & (before != UNASSIGNED) & (after != UNASSIGNED)]
        samples = pipeline.sample(self.rows, slots, now, [self._assigning])
        for one in samples:
            if one.value is None:
                self.learner.forget(one.customer_id)
        if samples and self._learn([one.value for one in samples if one.value is not None]):
            by_model = self.sweep(now)
        return moved, by_model

    def _learn(self, values: Sequence[bytes]) -> bool:
        """Learn samples and use the new model; return whether everybody must be assigned again."""
        started = time.process_time()
        for value in values:
            read = msgspec.json.decode(value, type=SampleValue)
            self.taken.append(read.vector)
            seen = Sample(read.customer_id, read.at, read.vector, read.events, observed=read.observed)
            self.learner.learn(seen, self._samples)
            self._samples += 1
            if self.learner.challenge_due() and (transition := self.learner.challenge()) is not None:
                self.transitions.append(transition)
        snapshot = self.learner.snapshot()
        self._assigning = replace(
            self._assigning,
            assigner=Assigner(snapshot),
            version=snapshot.version,
            sampled_share=snapshot.sampled_share,
        )
        self.learn_seconds += time.process_time() - started
        adopted = snapshot.generation != self._generation
        self._generation = snapshot.generation
        return adopted
