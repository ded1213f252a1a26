"""Runs a stream through the worker's path and through other methods, and measures all in the same way."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import numpy as np
from threadpoolctl import threadpool_limits

from streamseg.clustering.encode import standardised
from streamseg.clustering.identity import UNASSIGNED
from streamseg.evaluation.baselines import BASELINES, nmf_labels
from streamseg.evaluation.event_stream import EventStream
from streamseg.evaluation.in_process_worker import InProcessWorker
from streamseg.evaluation.measures import (
    DEGENERATE_SHARE,
    Labels,
    ari,
    ceiling,
    inertia,
    largest_share,
)
from streamseg.evaluation.playing import Moment, Run
from streamseg.evaluation.results import MethodResult, StreamResult
from streamseg.evaluation.self_agreement import self_agreement
from streamseg.evaluation.usefulness import explained, rfm_cells
from streamseg.evaluation.variants import VARIANTS, WITHOUT
from streamseg.settings import Settings

METHODS: Final = (
    "streamseg", "offline", "river-off", "nightly", "minibatch", "betula", "river-default", "nmf", "rfm",
)  # fmt: skip
"""In the order of the rows."""
SLOW_METHODS: Final = ("river-streamkmeans", "river-clustream", "river-dbstream")
"""Run only when they are asked for: they take up to a hundred times the CPU of all others."""
ALL_METHODS: Final = (*METHODS, *SLOW_METHODS, *WITHOUT)
"""What is taken away (`WITHOUT`) is run only when it is asked for, too."""
OWN_NUMBER: Final = frozenset({"rfm", "river-dbstream"})
"""Methods that choose the number of groups themselves. Inertia is not comparable then."""


def evaluate_stream(
    stream: EventStream,
    settings: Settings,
    seed: int,
    progress: Callable[[float], None],
    methods: Collection[str] = METHODS,
) -> StreamResult:
    """Run methods on a stream, in one thread: threads that wait for each other would count as CPU of a method.

    Args:
        stream: the events.
        settings: of the worker, with exactly one segmentation. Learning and challenge intervals longer than the
            stream's day are shortened to it.
        seed: of all methods.
        progress: called with the share of the work that is done, in [0, 1].
        methods: of `ALL_METHODS`; `streamseg` and `offline` always run.
    """
    paced = _within_a_day(settings, stream.day)
    chosen = {"streamseg", "offline", *methods}
    runs: list[Run] = []
    for name, variant in {**VARIANTS, **WITHOUT}.items():
        if name in chosen:
            worker = InProcessWorker(paced, seed, variant)
            beside = [one for one in BASELINES if one in chosen and not runs]
            params = worker.learner.params
            runs.append(Run(name, stream, worker, [BASELINES[one](params, seed) for one in beside]))

    def report(done: int, share: float) -> None:
        progress((done + share) / len(runs))

    with threadpool_limits(1):
        for number, run in enumerate(runs):
            run.play(partial(report, number))
        return _judged(stream, runs, [name for name in ALL_METHODS if name in chosen])


def _judged(stream: EventStream, runs: list[Run], methods: list[str]) -> StreamResult:
    first = runs[0]
    k = first.worker.segmentation.k
    rows = {name: MethodResult(name, k) for name in methods}
    moments = {when: _with_all_labels(runs, first.moments[when], methods) for when in first.moments}
    end, before, useful = moments["end"], moments.get("before"), moments.get("useful")
    degenerate, itself = False, None
    if "offline" in end.labels:
        degenerate = largest_share(end.labels["offline"]) >= DEGENERATE_SHARE
        itself = None if degenerate else self_agreement(end.vectors, end.labels["offline"])
        for name, labels in end.labels.items():
            _measure_end(rows[name], stream, end, labels, comparable=not degenerate)
    if before is not None:
        for name, labels in before.labels.items():
            if largest_share(labels) < DEGENERATE_SHARE:
                rows[name].ari_before = _ari_to_truth(stream, before, labels)
    if useful is not None:
        position = np.searchsorted(end.slots, useful.slots)
        there = np.isin(useful.slots, end.slots)
        bought = end.bought[position[there]] - useful.bought[there]
        for name, labels in useful.labels.items():
            rows[name].next_30_days_explained = explained(labels[there], bought)
    for run in runs:
        _add_run(rows[run.method], run)
    for one in first.baselines:
        row = rows[one.baseline.name]
        row.flap_per_event = one.moves / first.steady.events if first.steady.events else None
        row.cpu_us_per_sample = 1e6 * one.learn_seconds / one.learned if one.learned else None
    segments = first.worker.segments(end.slots)
    return StreamResult(
        name=stream.name,
        k=k,
        rows=list(rows.values()),
        customers=len(segments),
        events=first.events,
        rejected=first.worker.rejected,
        degenerate=degenerate,
        renamed_mean_day=float(np.mean(first.renamed)) if first.renamed else 0.0,
        silent_moves_per_customer_day=rows["streamseg"].moves_without_event_per_day,
        unassigned_share=float(np.mean(segments == UNASSIGNED)) if len(segments) else 0.0,
        offline_self_ari=None if itself is None else itself.resampled,
        offline_near_ari=None if itself is None else itself.near,
        first_rejection=first.worker.first_rejection,
        births=first.births.births(k) if first.births is not None else None,
        true_groups=_groups(stream.labels(end.at), end.customer_ids),
    )


def _with_all_labels(runs: list[Run], moment: Moment, methods: list[str]) -> Moment:
    """Add the labels of the other runs and of offline methods; none while there are fewer customers than clusters.

    All runs see the same events, so their rows are the same in the same order.
    """
    params = runs[0].worker.learner.params
    if len(moment.slots) < params.k:
        return replace(moment, labels={})
    labels = dict(moment.labels)
    when = next(name for name, one in runs[0].moments.items() if one is moment)
    for run in runs[1:]:
        labels[run.method] = run.moments[when].labels[run.method]
    deciding = np.where(moment.decides, moment.vectors, np.nan)
    scaled = standardised(deciding, params.skewed, params.blocks, params.floors)
    labels["offline"] = ceiling(scaled, params.k, list(labels.values()))
    if "nmf" in methods:
        labels["nmf"] = nmf_labels(moment.vectors, params.skewed, params.k)
    if "rfm" in methods:
        labels["rfm"] = rfm_cells(moment.rfm)
    return replace(moment, labels=labels, vectors=scaled)


def _measure_end(row: MethodResult, stream: EventStream, end: Moment, labels: Labels, *, comparable: bool) -> None:
    offline = end.labels["offline"]
    best, groups = inertia(end.vectors, offline), len(np.unique(labels))
    row.largest_share = largest_share(labels)
    row.degenerate = row.largest_share >= DEGENERATE_SHARE
    if row.method in OWN_NUMBER:
        row.k = groups
    elif groups <= row.k and best > 0:  # the unassigned are a group too: more groups than k are no answer to k
        row.inertia_ratio = inertia(end.vectors, labels) / best
    if not row.degenerate:
        row.ari_after = _ari_to_truth(stream, end, labels)
        row.ari_to_offline = ari(offline, labels) if comparable else None


def _add_run(row: MethodResult, run: Run) -> None:
    steady, adopted = run.steady, [one for one in run.worker.transitions if one.outcome == "adopted"]
    row.renamed_worst_day = max(run.renamed, default=0.0)
    row.flap_per_event = steady.moves / steady.events if steady.events else None
    if steady.silent_days:
        row.moves_without_event_per_day = steady.silent_moves / steady.silent_days
        row.moves_by_decay_per_day = steady.decayed / steady.silent_days
    row.adopted = len(adopted)
    gained = 100.0 * sum(1.0 - one.fresh_inertia / one.running_inertia for one in adopted if one.running_inertia > 0)
    row.recourse = sum(one.moved for one in adopted) / gained if gained > 0 else None
    row.cpu_us_per_sample = 1e6 * run.worker.learn_seconds / run.worker.samples if run.worker.samples else None
    if run.lag is not None:
        row.lag_hours, row.group_lag_hours = run.lag.hours, run.lag.group_hours


def _ari_to_truth(stream: EventStream, moment: Moment, labels: Labels) -> float | None:
    """Return the agreement with the truth over the customers in it; None without truth."""
    truth = stream.labels(moment.at)
    if truth is None:
        return None
    named = [index for index, customer in enumerate(moment.customer_ids) if customer in truth]
    return ari([truth[moment.customer_ids[index]] for index in named], labels[named]) if named else None


def _groups(truth: Mapping[str, str] | None, customer_ids: Sequence[str]) -> int | None:
    """Return the number of true groups among the customers; None without truth."""
    return None if truth is None else len({truth[customer] for customer in customer_ids if customer in truth})


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
