"""Gives the clusters of a new model their segment ids, and records what became of each old segment.

Transitions are those of MONIC (Spiliopoulou et al., KDD 2006): survive, split, absorbed, disappear, emerge. Clusters
are matched by their members and not by their centres, because centres move with every change of scale.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.encode import Floats
from streamseg.clustering.identity import new_id

SURVIVAL: Final = 0.3
"""Jaccard overlap of members from which a cluster keeps the segment's id (DESIGN.md, Segments keep their ids)."""
PART: Final = 0.3
"""Share of a segment's members from which a cluster counts as a part of it (clusTransition's default for splits)."""
ABSORBED: Final = 0.5
"""Share of a segment's members that must be in one other segment for it to be absorbed there."""

TransitionName = Literal["survive", "split", "absorbed", "disappear", "emerge"]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What became of `segment` at a time (epoch seconds of event time), with the evidence.

    `related` pairs segment ids with an overlap in [0, 1], by transition:

    - survive: the segment itself, with the Jaccard overlap of its members before and after.
    - split: its parts, with the share of its members in each.
    - absorbed: the segment that took it over, with the share of its members there.
    - emerge: its parents, with the share of its members that came from each.
    - disappear: empty.
    """

    at: float
    transition: TransitionName
    segment: str
    related: tuple[tuple[str, float], ...] = ()
    closes: float | None = None
    """When the last member of an absorbed or disappearing segment leaves it, epoch seconds; None for at once."""


@dataclass(frozen=True, slots=True)
class Matched:
    """The ids of the new clusters in their order, the retired ids, and the lineage of all."""

    segments: tuple[str, ...]
    retired: tuple[str, ...]
    lineage: tuple[Lineage, ...]


def emerged(segments: Sequence[str], at: float) -> tuple[Lineage, ...]:
    """Return the lineage of a first model, in which every segment is new."""
    return tuple(Lineage(at, "emerge", segment) for segment in segments)


def match(
    before: NDArray[np.intp],
    after: NDArray[np.intp],
    segments: Sequence[str],
    clusters: int,
    *,
    segmentation: str,
    taken: Collection[str],
    draw: random.Random,
    at: float,
) -> Matched:
    """Give the clusters of a new model their ids.

    Args:
        before: nearest old cluster of each sampled customer (n,), an index into `segments`.
        after: nearest new cluster of the same customers (n,), an index below `clusters`.
        segments: ids of the old clusters.
        clusters: number of new clusters.
        segmentation: prefix of new ids.
        taken: every id ever used, retired ones included.
        draw: random source of new ids.
        at: event time of the change, epoch seconds.
    """
    shared = _shared_members(before, after, len(segments), clusters)
    old_size, new_size = shared.sum(axis=1), shared.sum(axis=0)
    jaccard = _jaccard(shared)
    survivor = {j: i for i, j in _survivors(jaccard)}
    names: list[str] = []
    for j in range(clusters):
        names.append(segments[survivor[j]] if j in survivor else new_id(segmentation, {*taken, *names}, draw))

    lineage: list[Lineage] = []
    successor = {i: j for j, i in survivor.items()}
    of_old = shared / np.maximum(old_size[:, None], 1.0)
    of_new = shared / np.maximum(new_size[None, :], 1.0)
    for i, segment in enumerate(segments):
        if i in successor:
            lineage.append(Lineage(at, "survive", segment, ((segment, float(jaccard[i, successor[i]])),)))
        parts = [j for j in range(clusters) if of_old[i, j] >= PART and (j not in survivor or j == successor.get(i))]
        if len(parts) > 1:
            lineage.append(Lineage(at, "split", segment, tuple((names[j], float(of_old[i, j])) for j in parts)))
        elif i not in successor:
            most = int(np.argmax(of_old[i]))
            if of_old[i, most] >= ABSORBED:
                lineage.append(Lineage(at, "absorbed", segment, ((names[most], float(of_old[i, most])),)))
            else:
                lineage.append(Lineage(at, "disappear", segment))
    for j, name in enumerate(names):
        if j not in survivor:
            parents = tuple((s, float(of_new[i, j])) for i, s in enumerate(segments) if of_new[i, j] >= PART)
            lineage.append(Lineage(at, "emerge", name, parents))
    retired = tuple(segment for i, segment in enumerate(segments) if i not in successor)
    return Matched(tuple(names), retired, tuple(lineage))


def closing_at(lineage: Sequence[Lineage], closes: float) -> tuple[Lineage, ...]:
    """Return the lineage with the time (epoch seconds) until which its ending segments keep members."""
    ending = ("absorbed", "disappear")
    return tuple(replace(one, closes=closes) if one.transition in ending else one for one in lineage)


def kept_share(before: NDArray[np.intp], after: NDArray[np.intp]) -> float:
    """Return the share of customers (n,) in a new cluster that would keep the id of their old one."""
    shared = _shared_members(before, after, int(before.max()) + 1, int(after.max()) + 1)
    jaccard = _jaccard(shared)
    return float(sum(shared[i, j] for i, j in _survivors(jaccard))) / len(before)


def best_pairs(shared: Floats) -> list[tuple[int, int]]:
    """Match old and new clusters one to one so that the sum of their Jaccard overlaps is greatest.

    `shared` (old, new) counts the members that an old and a new cluster have in common.
    """
    return _pairs(_jaccard(shared))


def _shared_members(before: NDArray[np.intp], after: NDArray[np.intp], old: int, new: int) -> Floats:
    """Count the members that an old and a new cluster have in common, (old, new)."""
    shared = np.zeros((old, new))
    np.add.at(shared, (before, after), 1.0)
    return shared


def _jaccard(shared: Floats) -> Floats:
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None, :] - shared
    overlap: Floats = shared / np.maximum(union, 1.0)
    return overlap


def _survivors(jaccard: Floats) -> list[tuple[int, int]]:
    """Match old and new clusters one to one among the overlaps of at least `SURVIVAL`, with the greatest sum.

    Lower overlaps must not take part in the matching: two of them can outweigh one that is enough to keep an id.
    """
    enough = np.where(jaccard >= SURVIVAL, jaccard, 0.0)
    return [(i, j) for i, j in _pairs(enough) if enough[i, j] > 0.0]


def _pairs(overlap: Floats) -> list[tuple[int, int]]:
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - takes a second to load, and most never match

    rows, columns = linear_sum_assignment(-overlap)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
