"""Plays a stream once through the worker's path, and keeps what the methods answer at the measured moments."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.evaluation.baselines import without_missing
from streamseg.evaluation.batch_baselines import Baseline
from streamseg.evaluation.event_stream import EventStream, flushes
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.evaluation.lag import LagWatch
from streamseg.evaluation.measures import Labels, renamed_share
from streamseg.evaluation.segment_births import BirthWatch
from streamseg.evaluation.usefulness import DAYS, RFM_FEATURES
from streamseg.features.rows import Slots
from streamseg.features.vector import vectors
from streamseg.sources.event import SourceEvent
from streamseg.time_units import DAY_SECONDS

LOOKS_PER_DAY: Final = 144
"""Active customers are looked at every ten minutes."""
SWEEPS_PER_DAY: Final = 4
"""Everybody is looked at as often as a worker does by default: at one sweep a day, who decays moves a day too late."""
STEADY_SHARE: Final = 0.25
"""The steady time is this share of the time before the change, at its end: by then the model has settled, so that moves
count as flapping."""

When: TypeAlias = Literal["before", "useful", "end"]
"""Before the change; 30 days before the end; at the end."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What is known of all assignable customers at a time."""

    at: float
    slots: Slots
    customer_ids: list[str]
    vectors: Floats
    """Raw features of the segmentation, (n, d)."""
    decides: NDArray[np.bool_]
    """For each of these features whether enough customers differ in it to count in a model, (d,)."""
    rfm: Floats
    """Raw values of `RFM_FEATURES`, (n, 3)."""
    bought: Floats
    """Undecayed spend (minor units) and purchases so far, (n, 2)."""
    labels: dict[str, Labels]
    """By method."""


@dataclass(slots=True)
class BaselineRun:
    """A baseline, each customer's latest label, and the label changes in the steady time."""

    baseline: Baseline
    moves: int = 0
    learned: int = 0
    learn_seconds: float = 0.0
    _latest: dict[int, int] = field(default_factory=dict)

    def learn(self, rows: Floats) -> None:
        """Learn raw vectors (n, d), and count them and the CPU time."""
        started = time.process_time()
        self.baseline.learn(rows)
        self.learn_seconds += time.process_time() - started
        self.learned += len(rows)

    def look(self, slots: Slots, rows: Floats, *, steady: bool) -> None:
        """Compare the labels of the rows with their latest ones."""
        if not steady or (labels := self.baseline.labels(rows)) is None:
            return
        for slot, label in zip(slots.tolist(), labels.tolist(), strict=True):
            self.moves += self._latest.get(slot, label) != label
            self._latest[slot] = label


@dataclass(slots=True)
class SteadyCounts:
    """What the worker did in the steady time."""

    events: int = 0
    moves: int = 0
    silent_moves: int = 0
    decayed: int = 0
    """Those of them that decay made: the present model would have had the customer in the segment before, at the latest
    event."""
    silent_days: int = 0
    """Customers without an event on a day, added up over the days."""


class Run:
    """One stream played once by one worker, with baselines beside it.

    Args:
        method: name of the worker's way of learning.
        stream: the events.
        worker: with a model yet to learn.
        baselines: fed with the same vectors.
    """

    def __init__(
        self, method: str, stream: EventStream, worker: InProcessWorker, baselines: Sequence[Baseline] = ()
    ) -> None:
        self.method, self.worker = method, worker
        self.baselines = [BaselineRun(one) for one in baselines]
        self.steady = SteadyCounts()
        self.events = 0
        self.renamed: list[float] = []
        """Share of customers renamed on each day."""
        self.moments: dict[When, Moment] = {}
        self._stream = stream
        self._steady_from = stream.before_at - STEADY_SHARE * (stream.before_at - stream.starts_at)
        self._useful_at = stream.ends_at - DAYS * DAY_SECONDS
        self._segments: dict[int, int] = {}
        """Segment code of every assignable customer at the end of the last day, by slot."""
        known = stream.changes_at is not None and stream.truth is not None
        self.births = BirthWatch(stream.changes_at or 0.0, stream.day) if known else None
        moving = any(row.since is not None for row in stream.truth or ())
        self.lag = LagWatch(stream.truth or (), stream.starts_at, stream.ends_at) if moving else None

    def play(self, progress: Callable[[float], None]) -> None:
        """Play the whole stream; `progress` is called with the share that is done."""
        stream, end = self._stream, self._stream.starts_at
        for end, events in stream.days():
            self._play_day(end, events)
            if abs(end - stream.before_at) < stream.day / 2:
                self.moments["before"] = self._moment(end)
            if abs(end - self._useful_at) < stream.day / 2:
                self.moments["useful"] = self._moment(end)
            progress((end - stream.starts_at) / (stream.ends_at - stream.starts_at))
        self.moments["end"] = self._moment(end)

    def _play_day(self, end: float, events: Sequence[SourceEvent]) -> None:
        worker, stream = self.worker, self._stream
        steady = self._steady_from < end <= stream.before_at + stream.day / 2
        moves = count = 0
        active, moved_otherwise = set[int](), Counter[int]()
        sweeps = [end - stream.day * later / SWEEPS_PER_DAY for later in reversed(range(SWEEPS_PER_DAY))]
        for flush in flushes(events, stream.day / LOOKS_PER_DAY):
            while len(sweeps) > 1 and sweeps[0] <= flush[0].occurred_at:
                moved_otherwise.update(self._sweep(sweeps.pop(0)))
            now = flush[-1].occurred_at
            flushed = worker.flush(flush, now)
            count += flushed.events
            moves += flushed.moved
            active.update(flushed.slots.tolist())
            moved_otherwise.update(flushed.moved_by_model.tolist())
            assignable = worker.those_assignable(flushed.slots)
            if len(assignable) and self.baselines:
                rows = without_missing(worker.vectors(assignable, now))
                for one in self.baselines:
                    if not one.baseline.daily:
                        one.learn(rows)
                    one.look(assignable, rows, steady=steady)
            self._learn_samples()
            self._look(now)
        for at in sweeps:
            moved_otherwise.update(self._sweep(at))
        slots = worker.assignable()
        self.events += count
        if steady:
            silent = set(slots.tolist()) - active
            self.steady.events += count
            self.steady.moves += moves
            self.steady.silent_moves += sum(moved_otherwise[slot] for slot in silent)
            self.steady.silent_days += len(silent)
            movers = np.array(sorted(silent & {*moved_otherwise} & {*self._segments}), dtype=np.intp)
            before = np.array([self._segments[slot] for slot in movers.tolist()], dtype=np.uint32)
            self.steady.decayed += int((worker.nearest_at_last_event(movers) == before).sum())
        after = dict(zip(slots.tolist(), worker.segments(slots).tolist(), strict=True))
        self.renamed.append(renamed_share(self._segments, after))
        self._segments = after
        if self.births is not None:
            self.births.end_day(end, worker.learner.snapshot().lineage, self._true_groups(end))

    def _sweep(self, at: float) -> list[int]:
        """Look at everybody; return the rows that moved."""
        moved: list[int] = self.worker.sweep(at).tolist()
        self._learn_samples()
        self._look(at)
        return moved

    def _learn_samples(self) -> None:
        """Give the samples that streamseg has learned to the baselines with the same recipe."""
        taken, self.worker.taken = self.worker.taken, []
        if taken:
            for one in self.baselines:
                if one.baseline.daily:
                    one.learn(without_missing(np.array(taken)))

    def _look(self, now: float) -> None:
        if self.lag is not None:
            rows = self.worker.rows
            self.lag.look(rows.customer_ids, self.worker.segments(np.arange(len(rows), dtype=np.intp)), now)

    def _moment(self, at: float) -> Moment:
        worker = self.worker
        slots, rows = worker.assignable(), worker.rows
        raw = worker.vectors(slots, at)
        labels = {self.method: worker.segments(slots).astype(np.intp)}
        for one in self.baselines:
            if len(slots) and (found := one.baseline.labels(without_missing(raw))) is not None:
                labels[one.baseline.name] = found
        return Moment(
            at,
            slots,
            [rows.customer_ids[slot] for slot in slots.tolist()],
            raw,
            worker.decides(slots, at),
            vectors(rows, slots, at, RFM_FEATURES),
            np.column_stack([rows.spend_minor[slots], rows.transactions[slots]]).astype(np.float64),
            labels,
        )

    def _true_groups(self, at: float) -> Mapping[str, list[str]]:
        """Return the true group of each member, by segment id."""
        truth, groups = self._stream.labels(at) or {}, dict[str, list[str]]()
        for slot, code in self._segments.items():
            group = truth.get(self.worker.rows.customer_ids[slot])
            if code != UNASSIGNED and group is not None:
                groups.setdefault(id_of(self.worker.learner.params.segmentation, code), []).append(group)
        return groups
