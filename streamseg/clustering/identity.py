"""Names of segments that outlast the model: random ids, and who became what when a fresh model is adopted.

Transitions are those of MONIC (Spiliopoulou et al., KDD 2006): survive, split, absorbed, disappear, emerge. Clusters
are matched by their members and not by their centres, because centres move with every change of scale.
"""

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's 32 letters: none is mistaken for another."""
LETTERS: Final = 4
UNASSIGNED: Final = 0
"""The code of no segment."""

SURVIVAL: Final = 0.3
"""Jaccard overlap of members from which a cluster is the same segment as before (clustering.md, section 6)."""
PART: Final = 0.3
"""Share of a segment's members from which a cluster counts as a part of it (clusTransition's default for splits)."""
ABSORBED: Final = 0.5
"""Share of a segment's members that must be in one other segment for it to be absorbed there."""

Became = Literal["survive", "split", "absorbed", "disappear", "emerge"]


@dataclass(frozen=True, slots=True)
class Lineage:
    """What became of `segment` at a time (epoch seconds of event time), with the evidence.

    `related` pairs segment ids with an overlap in [0, 1]. survive: itself, with the Jaccard overlap of its members
    before and after. split: its parts, with the share of its members in each. absorbed: the segment it went into, with
    the share of its members there. emerge: its parents, with the share of its members from each. disappear: none.
    """

    at: float
    transition: Became
    segment: str
    related: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Matched:
    """The ids of the new clusters in their order, those that ended, and the lineage of all."""

    segments: tuple[str, ...]
    retired: tuple[str, ...]
    lineage: tuple[Lineage, ...]


def code_of(segment: str) -> int:
    """The number that stands for a segment id in arrays and rows: 1 to 2**20, never 0.

    Raises `ValueError` when it is not the id of a segment.
    """
    _, dash, letters = segment.rpartition("-")
    if not dash or len(letters) != LETTERS or any(letter not in ALPHABET for letter in letters):
        raise ValueError(f"no segment id: {segment!r}")
    number = 0
    for letter in letters:
        number = number * len(ALPHABET) + ALPHABET.index(letter)
    return number + 1


def segmentation_of(segment: str) -> str:
    """The segmentation that a segment id belongs to."""
    return segment.rpartition("-")[0]


@lru_cache(maxsize=65_536)
def id_of(segmentation: str, code: int) -> str:
    """The segment id behind a code. Raises `ValueError` for 0 and for what no id has."""
    number = int(code) - 1
    if not 0 <= number < len(ALPHABET) ** LETTERS:
        raise ValueError(f"no segment code: {code}")
    letters = ""
    for _ in range(LETTERS):
        number, letter = divmod(number, len(ALPHABET))
        letters = ALPHABET[letter] + letters
    return f"{segmentation}-{letters}"


def new_id(segmentation: str, taken: Collection[str], draw: random.Random) -> str:
    """A random id that is not among those ever used."""
    while True:
        made = id_of(segmentation, draw.randrange(len(ALPHABET) ** LETTERS) + 1)
        if made not in taken:
            return made


def emerged(segments: Sequence[str], at: float) -> tuple[Lineage, ...]:
    """The lineage of a first model: all its segments are new."""
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
        before: nearest old cluster of each customer of the sample, an index into `segments`.
        after: nearest new cluster of the same customers, an index below `clusters`.
        segments: ids of the old clusters.
        clusters: how many new clusters there are.
        segmentation: whose segments they are.
        taken: every id ever used, also by retired segments.
        draw: where new ids come from.
        at: event time of the change, epoch seconds.
    """
    shared = _shared(before, after, len(segments), clusters)
    old_size, new_size = shared.sum(axis=1), shared.sum(axis=0)
    jaccard = _jaccard(shared)
    survivor = {j: i for i, j in _pairs(jaccard) if jaccard[i, j] >= SURVIVAL}
    names: list[str] = []
    for j in range(clusters):
        names.append(segments[survivor[j]] if j in survivor else new_id(segmentation, {*taken, *names}, draw))

    lineage: list[Lineage] = []
    home = {i: j for j, i in survivor.items()}
    of_old = shared / np.maximum(old_size[:, None], 1.0)
    of_new = shared / np.maximum(new_size[None, :], 1.0)
    for i, segment in enumerate(segments):
        if i in home:
            lineage.append(Lineage(at, "survive", segment, ((segment, float(jaccard[i, home[i]])),)))
        parts = [j for j in range(clusters) if of_old[i, j] >= PART and (j not in survivor or j == home.get(i))]
        if len(parts) > 1:
            lineage.append(Lineage(at, "split", segment, tuple((names[j], float(of_old[i, j])) for j in parts)))
        elif i not in home:
            most = int(np.argmax(of_old[i]))
            if of_old[i, most] >= ABSORBED:
                lineage.append(Lineage(at, "absorbed", segment, ((names[most], float(of_old[i, most])),)))
            else:
                lineage.append(Lineage(at, "disappear", segment))
    for j, name in enumerate(names):
        if j not in survivor:
            parents = tuple((s, float(of_new[i, j])) for i, s in enumerate(segments) if of_new[i, j] >= PART)
            lineage.append(Lineage(at, "emerge", name, parents))
    retired = tuple(segment for i, segment in enumerate(segments) if i not in home)
    return Matched(tuple(names), retired, tuple(lineage))


def kept_share(before: NDArray[np.intp], after: NDArray[np.intp]) -> float:
    """Share of customers whose segment would keep its id, given the nearest old and new cluster of each."""
    shared = _shared(before, after, int(before.max()) + 1, int(after.max()) + 1)
    jaccard = _jaccard(shared)
    return float(sum(shared[i, j] for i, j in _pairs(jaccard) if jaccard[i, j] >= SURVIVAL)) / len(before)


def _shared(before: NDArray[np.intp], after: NDArray[np.intp], old: int, new: int) -> NDArray[np.float64]:
    """Members that an old and a new cluster have in common (old, new)."""
    shared = np.zeros((old, new))
    np.add.at(shared, (before, after), 1.0)
    return shared


def _jaccard(shared: NDArray[np.float64]) -> NDArray[np.float64]:
    union = shared.sum(axis=1)[:, None] + shared.sum(axis=0)[None, :] - shared
    overlap: NDArray[np.float64] = shared / np.maximum(union, 1.0)
    return overlap


def best_pairs(shared: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The one-to-one matching of old and new by which the Jaccard overlaps are greatest in sum.

    `shared` counts the members that an old and a new one have in common (old, new).
    """
    return _pairs(_jaccard(shared))


def _pairs(overlap: NDArray[np.float64]) -> list[tuple[int, int]]:
    """The matching of old and new clusters with the greatest overlap in sum."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 - takes a second to load, and most never match

    rows, columns = linear_sum_assignment(-overlap)
    return list(zip(rows.tolist(), columns.tolist(), strict=True))
