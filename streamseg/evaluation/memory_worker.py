"""The worker's path in one process and without servers: the same decoding, rows, looks, samples and learner."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline, wiring
from streamseg.clustering.assign import Assigner
from streamseg.clustering.identity import UNASSIGNED
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.rows import Rows, Slots
from streamseg.features.vector import vectors
from streamseg.pipeline import SampleValue
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent
from streamseg.time_units import DAY_SECONDS
from streamseg.topics import INPUT_TOPICS
from streamseg.wiring.build_worker import learner_params_of


@dataclass(frozen=True, slots=True)
class Touched:
    """What a flush was about: the rows that have absorbed something, and by how many events."""

    slots: Slots
    events: int
    moved: int
    """Customers who went from one segment to another."""


class MemoryWorker:
    """A worker and a trainer for the only segmentation of the settings, driven by hand."""

    def __init__(self, settings: Settings, seed: int) -> None:
        (self.segmentation,) = settings.segmentations.values()
        self.rows = Rows(wiring.layout_of(settings))
        self._decoder = wiring.decoder_of(settings)
        self._money = wiring.money_of(settings)
        (self._assigning,) = wiring.segmentations_of(settings)
        (params,) = learner_params_of(settings)
        # As many learning intervals as the learner's own defaults are days: a stream may be shorter than those.
        interval = self.segmentation.learn_interval_seconds
        params = replace(
            params,
            seed=seed,
            warm_up_patience=params.warm_up_patience / DAY_SECONDS * interval,
            active=params.active / DAY_SECONDS * interval,
        )
        self.learner = Learner(params, draw=random.Random(seed))  # noqa: S311 - ids, not secrets
        self._offsets = dict.fromkeys(INPUT_TOPICS, 0)
        self._samples = 0
        self._generation = 0
        self.rejected = 0
        """Records that were no events."""
        self.first_rejection: str | None = None

    def flush(self, events: Sequence[SourceEvent], now: float) -> Touched:
        """Absorb events, and take a look at the rows that they touched."""
        touched = np.array([], dtype=np.intp)
        count = 0
        for source, topic in enumerate(INPUT_TOPICS):
            records = [self._record(event) for event in events if event.topic == topic]
            if not records:
                continue
            taken = pipeline.take(self._decoder, source, RecordBatch(topic, 0, 0, 0, records), self.rows, lambda _: ())
            self.rejected += len(taken.rejected)
            if taken.rejected and self.first_rejection is None:
                first = taken.rejected[0]
                self.first_rejection = f"{first.reason.value}: {first.detail}"
            self.rows.load(taken.missing, [None] * len(taken.missing))
            slots, absorbed = pipeline.absorb(self.rows, source, taken, self._money)
            touched = np.union1d(touched, slots)
            count += int(absorbed.mask.sum())
        return Touched(touched, count, self._look(touched, now))

    def sweep(self, now: float) -> int:
        """Take a look at everybody. Returns how many went to another segment."""
        return self._look(self.everybody(), now)

    def everybody(self) -> Slots:
        """Rows of customers who have what the segmentation goes by."""
        slots = np.arange(len(self.rows), dtype=np.intp)
        return slots[pipeline.has_grounds(self.rows, slots, self._assigning)]

    def vectors(self, slots: Slots, now: float) -> NDArray[np.float64]:
        """Raw features of the segmentation (n, d)."""
        return vectors(self.rows, slots, now, self._assigning.features)

    def segments(self, slots: Slots) -> NDArray[np.uint32]:
        """Codes of the settled segments."""
        codes: NDArray[np.uint32] = self.rows.segment[slots, 0]
        return codes

    def _record(self, event: SourceEvent) -> MemoryRecord:
        offset = self._offsets[event.topic]
        self._offsets[event.topic] += 1
        appended_at_ms = int(event.occurred_at * 1000) + 1
        return MemoryRecord(event.topic, 0, offset, appended_at_ms, event.customer_id.encode(), event.value)

    def _look(self, slots: Slots, now: float) -> int:
        if not len(slots):
            return 0
        looked = pipeline.look(self.rows, slots, now, [self._assigning])
        before, after = looked.before[:, 0], looked.after[:, 0]
        moved = int(np.count_nonzero((before != after) & (before != UNASSIGNED)))
        samples = pipeline.sample(self.rows, slots, now, [self._assigning])
        if samples and self._learn([one.value for one in samples]):
            moved += self.sweep(now)
        return moved

    def _learn(self, values: Sequence[bytes]) -> bool:
        """Learn samples and take the model over; whether everybody must be assigned again."""
        for value in values:
            read = msgspec.json.decode(value, type=SampleValue)
            self.learner.learn(Sample(read.customer_id, read.at, read.x, read.events), self._samples)
            self._samples += 1
            if self.learner.challenge_due():
                self.learner.challenge()
        snapshot = self.learner.snapshot()
        self._assigning = replace(
            self._assigning,
            assigner=Assigner(snapshot),
            version=snapshot.version,
            sampled_share=snapshot.sampled_share,
        )
        adopted = snapshot.generation != self._generation
        self._generation = snapshot.generation
        return adopted
