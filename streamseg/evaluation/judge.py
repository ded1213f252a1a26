"""Runs a stream through the worker's path and through its rivals, and judges all by the same figures."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.evaluation.births import Births, BirthWatch
from streamseg.evaluation.event_stream import EventStream, flushes
from streamseg.evaluation.figures import Labels, ari, inertia, offline_kmeans, renamed_share, standardised
from streamseg.evaluation.memory_worker import MemoryWorker
from streamseg.evaluation.rivals import MiniBatch, Rival, RiverDefault
from streamseg.settings import Settings
from streamseg.sources.event import SourceEvent

LOOKS_A_DAY: Final = 144
"""A look every ten minutes at those who did something."""
STEADY_SHARE: Final = 0.25
"""Of the time before the change, at its end, in which moves count as flapping: by then the model has settled."""


@dataclass(slots=True)
class Row:
    """One method on one stream; None where a figure has no meaning."""

    method: str
    ari_before: float | None = None
    ari_after: float | None = None
    inertia_ratio: float | None = None
    """Squared distances to the groups' own means at the end, as a multiple of offline k-means'."""
    ari_to_offline: float | None = None
    renamed_worst_day: float | None = None
    flap_per_event: float | None = None
    """Share of events at whose look the customer moves to another segment, while nothing changes."""


@dataclass(slots=True)
class Judgement:
    """All methods on one stream, and what only ours has."""

    name: str
    rows: list[Row]
    customers: int
    events: int
    rejected: int
    renamed_mean_day: float
    silent_moves_per_customer_day: float | None
    """Moves at sweeps in the same time, of customers who had no event: by decay alone."""
    unassigned_share: float
    first_rejection: str | None = None
    births: Births | None = None
    """Where the truth and the moment of a change are known."""


@dataclass(slots=True)
class _Follow:
    """A rival, what it last said of each customer, and how often that changed in the steady time."""

    rival: Rival
    row: Row
    last: dict[int, int] = field(default_factory=dict)
    moves: int = 0

    def see(self, slots: NDArray[np.intp], vectors: NDArray[np.float64], *, steady: bool) -> None:
        self.rival.learn(vectors)
        labels = self.rival.labels(vectors)
        if labels is None:
            return
        for slot, label in zip(slots.tolist(), labels.tolist(), strict=True):
            if steady and self.last.get(slot, label) != label:
                self.moves += 1
            self.last[slot] = label


def judge(stream: EventStream, settings: Settings, seed: int, progress: Callable[[float], None]) -> Judgement:
    """Run a stream through all methods.

    Args:
        stream: what happens.
        settings: of the worker, with one segmentation. Where the stream's day is shorter than its intervals, they are
            a day of the stream.
        seed: of all methods.
        progress: told the share of the stream that has passed.
    """
    trial = _Trial(stream, settings, seed)
    ((name, one),) = settings.segmentations.items()
    room = max(one.k, len({row.label for row in stream.truth or ()}))
    runs = 1 if room == one.k or trial.births() is None else 2
    trial.run(lambda share: progress(share / runs))
    verdict = trial.verdict()
    if runs > 1:
        # Where every segment is needed for a group that is there, none can be born: births are judged where k has room.
        roomy = settings.model_copy(update={"segmentations": {name: one.model_copy(update={"k": room})}})
        trial = _Trial(stream, roomy, seed, rivals=False)
        trial.run(lambda share: progress((1.0 + share) / runs))
    verdict.births = trial.births()
    return verdict


class _Trial:
    """One stream under way."""

    def __init__(self, stream: EventStream, settings: Settings, seed: int, *, rivals: bool = True) -> None:
        self._stream = stream
        self._worker = MemoryWorker(_paced(settings, stream.day), seed)
        k, params = self._worker.segmentation.k, self._worker.learner.params
        beside: tuple[Rival, ...] = (MiniBatch(k, params.skewed, seed), RiverDefault(params.features, k, seed))
        self._ours, self._offline = Row("streamseg"), Row("offline")
        self._follows = [_Follow(rival, Row(rival.name)) for rival in beside if rivals]
        self._rows = [self._ours, self._offline, *(follow.row for follow in self._follows)]
        self._steady_from = stream.before_at - STEADY_SHARE * (stream.before_at - stream.starts_at)
        self._events = self._steady_events = self._steady_moves = 0
        self._silent_moves = self._steady_customer_days = 0
        self._standing: dict[int, int] = {}
        self._renamed: list[float] = []
        self._now = stream.starts_at
        known = stream.changes_at is not None and stream.truth is not None
        self._births = BirthWatch(stream.changes_at or 0.0, stream.day) if known else None

    def run(self, progress: Callable[[float], None]) -> None:
        """See the whole stream; `progress` is told the share that has passed."""
        stream = self._stream
        for end, events in stream.days():
            self.day(end, events)
            progress((end - stream.starts_at) / (stream.ends_at - stream.starts_at))

    def day(self, end: float, events: Sequence[SourceEvent]) -> None:
        worker, stream = self._worker, self._stream
        self._now = end
        steady = self._steady_from < end <= stream.before_at + stream.day / 2
        moves = count = 0
        for flush in flushes(events, stream.day / LOOKS_A_DAY):
            now = flush[-1].occurred_at
            touched = worker.flush(flush, now)
            count += touched.events
            moves += touched.moved
            if len(touched.slots):
                vectors = worker.vectors(touched.slots, now)
                for follow in self._follows:
                    follow.see(touched.slots, vectors, steady=steady)
        silent_moves = worker.sweep(end)
        self._events += count
        if steady:
            self._steady_events += count
            self._steady_moves += moves
            self._silent_moves += silent_moves
            self._steady_customer_days += len(worker.everybody())
        slots = worker.everybody()
        after = dict(zip(slots.tolist(), worker.segments(slots).tolist(), strict=True))
        self._renamed.append(renamed_share(self._standing, after))
        self._standing = after
        if self._births is not None:
            self._births.look(end, worker.learner.snapshot().lineage, self._members())
        if abs(end - stream.before_at) < stream.day / 2:
            for row, labels in self._all_labels():
                row.ari_before = self._ari(labels)

    def verdict(self) -> Judgement:
        worker, stream = self._worker, self._stream
        found = self._all_labels()
        for row, labels in found:
            row.ari_after = self._ari(labels)
        if found:
            scaled, offline = self._scaled(), {row.method: labels for row, labels in found}["offline"]
            assert offline is not None
            best = inertia(scaled, offline)
            for row, labels in found:
                if labels is not None:
                    row.inertia_ratio = inertia(scaled, labels) / best if best > 0 else None
                    row.ari_to_offline = ari(offline, labels)
        self._ours.renamed_worst_day = max(self._renamed, default=0.0)
        if self._steady_events:
            self._ours.flap_per_event = self._steady_moves / self._steady_events
            for follow in self._follows:
                follow.row.flap_per_event = follow.moves / self._steady_events
        segments = worker.segments(worker.everybody())
        return Judgement(
            name=stream.name,
            rows=self._rows,
            customers=len(segments),
            events=self._events,
            rejected=worker.rejected,
            first_rejection=worker.first_rejection,
            renamed_mean_day=float(np.mean(self._renamed)) if self._renamed else 0.0,
            silent_moves_per_customer_day=(
                self._silent_moves / self._steady_customer_days if self._steady_customer_days else None
            ),
            unassigned_share=float(np.mean(segments == UNASSIGNED)) if len(segments) else 0.0,
        )

    def births(self) -> Births | None:
        """None where the truth or the moment of the change is not known."""
        return self._births.births(self._worker.segmentation.k) if self._births is not None else None

    def _members(self) -> dict[str, list[str]]:
        """The true groups of each segment's customers."""
        truth, members = self._stream.labels(self._now) or {}, dict[str, list[str]]()
        for slot, code in self._standing.items():
            group = truth.get(self._worker.rows.customer_ids[slot])
            if code != UNASSIGNED and group is not None:
                members.setdefault(id_of(self._worker.learner.params.segmentation, code), []).append(group)
        return members

    def _scaled(self) -> NDArray[np.float64]:
        slots, params = self._worker.everybody(), self._worker.learner.params
        return standardised(self._worker.vectors(slots, self._now), params.skewed, params.blocks)

    def _all_labels(self) -> list[tuple[Row, Labels | None]]:
        """What each method says of all customers now; nothing while there are fewer than clusters."""
        worker, slots = self._worker, self._worker.everybody()
        if len(slots) < worker.segmentation.k:
            return []
        vectors = worker.vectors(slots, self._now)
        said: list[Labels | None] = [worker.segments(slots).astype(np.intp)]
        said.append(offline_kmeans(self._scaled(), worker.segmentation.k))
        said += [follow.rival.labels(vectors) for follow in self._follows]
        return list(zip(self._rows, said, strict=True))

    def _ari(self, labels: Labels | None) -> float | None:
        """Agreement with the truth, over the customers that it names."""
        truth = self._stream.labels(self._now)
        if truth is None or labels is None:
            return None
        ids = [self._worker.rows.customer_ids[slot] for slot in self._worker.everybody().tolist()]
        named = [index for index, customer in enumerate(ids) if customer in truth]
        return ari([truth[ids[index]] for index in named], labels[named]) if named else None


def _paced(settings: Settings, day: float) -> Settings:
    ((name, one),) = settings.segmentations.items()
    paced = one.model_copy(
        update={
            "learn_interval_seconds": min(one.learn_interval_seconds, day),
            "challenge_interval_seconds": min(one.challenge_interval_seconds, day),
        }
    )
    return settings.model_copy(update={"segmentations": {name: paced}})
