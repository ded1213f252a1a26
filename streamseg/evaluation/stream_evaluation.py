"""Runs a stream through the worker's path and through baselines, and measures all in the same way."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from streamseg.clustering.encode import Floats
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.evaluation.baselines import Baseline, MiniBatch, RiverDefault
from streamseg.evaluation.event_stream import EventStream, flushes
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.evaluation.measures import Labels, ari, inertia, offline_kmeans, renamed_share, standardised
from streamseg.evaluation.results import MethodResult, StreamResult
from streamseg.evaluation.segment_births import Births, BirthWatch
from streamseg.features.rows import Slots
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent

LOOKS_PER_DAY: Final = 144
"""Active customers are looked at every ten minutes."""
STEADY_SHARE: Final = 0.25
"""The steady time is this share of the time before the change, at its end: by then the model has settled, so that moves
count as flapping."""


def evaluate_stream(
    stream: EventStream, settings: Settings, seed: int, progress: Callable[[float], None]
) -> StreamResult:
    """Run all methods on a stream.

    Args:
        stream: the events.
        settings: of the worker, with exactly one segmentation. Learning and challenge intervals longer than the
            stream's day are shortened to it.
        seed: of all methods.
        progress: called with the share of the work that is done, in [0, 1].
    """
    run = _Run(stream, settings, seed)
    ((name, one),) = settings.segmentations.items()
    room = max(one.k, len({row.label for row in stream.truth or ()}))
    runs = 1 if room == one.k or run.births() is None else 2
    run.play(lambda share: progress(share / runs))
    result = run.result()
    if runs > 1:
        # With a segment for each present group, none is free for a new one: measure births with room for all groups.
        roomy = settings.model_copy(update={"segmentations": {name: one.model_copy(update={"k": room})}})
        run = _Run(stream, roomy, seed, baselines=False)
        run.play(lambda share: progress((1.0 + share) / runs))
    result.births = run.births()
    return result


@dataclass(slots=True)
class _BaselineRun:
    """A baseline, each customer's latest label, and the label changes in the steady time."""

    baseline: Baseline
    result: MethodResult
    latest: dict[int, int] = field(default_factory=dict)
    moves: int = 0

    def learn(self, slots: Slots, vectors: Floats, *, steady: bool) -> None:
        self.baseline.learn(vectors)
        labels = self.baseline.labels(vectors)
        if labels is None:
            return
        for slot, label in zip(slots.tolist(), labels.tolist(), strict=True):
            if steady and self.latest.get(slot, label) != label:
                self.moves += 1
            self.latest[slot] = label


@dataclass(slots=True)
class _SteadyCounts:
    """What streamseg did in the steady time."""

    events: int = 0
    moves: int = 0
    silent_moves: int = 0
    silent_days: int = 0
    """Customers without an event on a day, added up over the days."""


class _Run:
    """One stream played once."""

    def __init__(self, stream: EventStream, settings: Settings, seed: int, *, baselines: bool = True) -> None:
        self._stream = stream
        self._worker = InProcessWorker(_within_a_day(settings, stream.day), seed)
        k, params = self._worker.segmentation.k, self._worker.learner.params
        both: tuple[Baseline, ...] = (MiniBatch(k, params.skewed, seed), RiverDefault(params.features, k, seed))
        self._ours, self._offline = MethodResult("streamseg"), MethodResult("offline")
        self._baselines = [_BaselineRun(one, MethodResult(one.name)) for one in both if baselines]
        self._results = [self._ours, self._offline, *(one.result for one in self._baselines)]
        self._steady_from = stream.before_at - STEADY_SHARE * (stream.before_at - stream.starts_at)
        self._steady = _SteadyCounts()
        self._events = 0
        self._segments: dict[int, int] = {}
        """Segment code of every assignable customer at the end of the last day, by slot."""
        self._renamed: list[float] = []
        self._now = stream.starts_at
        known = stream.changes_at is not None and stream.truth is not None
        self._births = BirthWatch(stream.changes_at or 0.0, stream.day) if known else None

    def play(self, progress: Callable[[float], None]) -> None:
        """Play the whole stream; `progress` is called with the share that is done."""
        stream = self._stream
        for end, events in stream.days():
            self._play_day(end, events)
            progress((end - stream.starts_at) / (stream.ends_at - stream.starts_at))

    def _play_day(self, end: float, events: Sequence[SourceEvent]) -> None:
        worker, stream = self._worker, self._stream
        self._now = end
        steady = self._steady_from < end <= stream.before_at + stream.day / 2
        moves = count = 0
        active, moved_otherwise = set[int](), Counter[int]()
        for flush in flushes(events, stream.day / LOOKS_PER_DAY):
            now = flush[-1].occurred_at
            flushed = worker.flush(flush, now)
            count += flushed.events
            moves += flushed.moved
            active.update(flushed.slots.tolist())
            moved_otherwise.update(flushed.moved_by_model.tolist())
            assignable = worker.those_assignable(flushed.slots)
            if len(assignable):
                vectors = worker.vectors(assignable, now)
                for one in self._baselines:
                    one.learn(assignable, vectors, steady=steady)
        moved_otherwise.update(worker.sweep(end).tolist())
        slots = worker.assignable()
        self._events += count
        if steady:
            silent = set(slots.tolist()) - active
            self._steady.events += count
            self._steady.moves += moves
            self._steady.silent_moves += sum(moved_otherwise[slot] for slot in silent)
            self._steady.silent_days += len(silent)
        after = dict(zip(slots.tolist(), worker.segments(slots).tolist(), strict=True))
        self._renamed.append(renamed_share(self._segments, after))
        self._segments = after
        if self._births is not None:
            self._births.end_day(end, worker.learner.snapshot().lineage, self._true_groups())
        if abs(end - stream.before_at) < stream.day / 2:
            for result, labels in self._labels_by_method():
                result.ari_before = self._ari_to_truth(labels)

    def result(self) -> StreamResult:
        """Measure all methods at the end of the stream."""
        worker = self._worker
        found = self._labels_by_method()
        for result, labels in found:
            result.ari_after = self._ari_to_truth(labels)
        if found:
            scaled, offline = self._scaled(), {result.method: labels for result, labels in found}["offline"]
            assert offline is not None
            best = inertia(scaled, offline)
            for result, labels in found:
                if labels is not None:
                    result.inertia_ratio = inertia(scaled, labels) / best if best > 0 else None
                    result.ari_to_offline = ari(offline, labels)
        self._ours.renamed_worst_day = max(self._renamed, default=0.0)
        steady = self._steady
        if steady.events:
            self._ours.flap_per_event = steady.moves / steady.events
            for one in self._baselines:
                one.result.flap_per_event = one.moves / steady.events
        segments = worker.segments(worker.assignable())
        return StreamResult(
            name=self._stream.name,
            rows=self._results,
            customers=len(segments),
            events=self._events,
            rejected=worker.rejected,
            first_rejection=worker.first_rejection,
            renamed_mean_day=float(np.mean(self._renamed)) if self._renamed else 0.0,
            silent_moves_per_customer_day=steady.silent_moves / steady.silent_days if steady.silent_days else None,
            unassigned_share=float(np.mean(segments == UNASSIGNED)) if len(segments) else 0.0,
        )

    def births(self) -> Births | None:
        """Return the births so far; None unless the truth and the time of the change are known."""
        return self._births.births(self._worker.segmentation.k) if self._births is not None else None

    def _true_groups(self) -> dict[str, list[str]]:
        """Return the true group of each member, by segment id."""
        truth, groups = self._stream.labels(self._now) or {}, dict[str, list[str]]()
        for slot, code in self._segments.items():
            group = truth.get(self._worker.rows.customer_ids[slot])
            if code != UNASSIGNED and group is not None:
                groups.setdefault(id_of(self._worker.learner.params.segmentation, code), []).append(group)
        return groups

    def _scaled(self) -> Floats:
        slots, params = self._worker.assignable(), self._worker.learner.params
        return standardised(self._worker.vectors(slots, self._now), params.skewed, params.blocks)

    def _labels_by_method(self) -> list[tuple[MethodResult, Labels | None]]:
        """Return each method's labels of all customers now; empty while there are fewer customers than clusters."""
        worker, slots = self._worker, self._worker.assignable()
        if len(slots) < worker.segmentation.k:
            return []
        vectors = worker.vectors(slots, self._now)
        labels: list[Labels | None] = [worker.segments(slots).astype(np.intp)]
        labels.append(offline_kmeans(self._scaled(), worker.segmentation.k))
        labels += [one.baseline.labels(vectors) for one in self._baselines]
        return list(zip(self._results, labels, strict=True))

    def _ari_to_truth(self, labels: Labels | None) -> float | None:
        """Return the agreement with the truth over the customers in it; None without labels or truth."""
        truth = self._stream.labels(self._now)
        if truth is None or labels is None:
            return None
        ids = [self._worker.rows.customer_ids[slot] for slot in self._worker.assignable().tolist()]
        named = [index for index, customer in enumerate(ids) if customer in truth]
        return ari([truth[ids[index]] for index in named], labels[named]) if named else None


def _within_a_day(settings: Settings, day: float) -> Settings:
    """Return the settings with learning and challenge intervals of at most `day` seconds."""
    ((name, one),) = settings.segmentations.items()
    paced = one.model_copy(
        update={
            "learn_interval_seconds": min(one.learn_interval_seconds, day),
            "challenge_interval_seconds": min(one.challenge_interval_seconds, day),
        }
    )
    return settings.model_copy(update={"segmentations": {name: paced}})
