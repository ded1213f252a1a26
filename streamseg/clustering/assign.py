"""Assigns batches of customers to their nearest segments.

A snapshot is compiled to one matrix product; the nearest segment equals River's `predict_one` on every row
(DESIGN.md, Learning and assigning).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamseg.clustering.distances import squared_distances
from streamseg.clustering.encode import Floats, to_log
from streamseg.clustering.identity import UNASSIGNED, code_of
from streamseg.clustering.snapshot import Snapshot, SnapshotRefusedError

Codes = NDArray[np.uint32]
"""Segment codes, see `identity.code_of`."""

CHUNK_ROWS: Final = 1024
"""Rows that fit in a core's cache: chunks of 8,192 take five times as long per row."""


@dataclass(frozen=True)
class Assignment:
    """Euclidean distances of n customers to all k centres in scaled space, and what follows from them."""

    codes: Codes
    """Codes of the segments (k,), in the order of the centres. Empty: everybody is unassigned."""
    distances: Floats
    """(n, k)."""

    @cached_property
    def nearest(self) -> NDArray[np.intp]:
        """Index of the nearest centre (n,); the first of equally near ones. Raises `ValueError` without centres."""
        nearest: NDArray[np.intp] = np.argmin(self.distances, axis=1)
        return nearest

    @cached_property
    def nearest_code(self) -> Codes:
        """Code of the nearest segment (n,); `UNASSIGNED` without centres."""
        if not len(self.codes):
            return np.full(len(self.distances), UNASSIGNED, dtype=np.uint32)
        return self.codes[self.nearest]

    @cached_property
    def nearest_distance(self) -> Floats:
        """Distance to the nearest centre (n,); infinite without centres."""
        distance: Floats = np.min(self.distances, axis=1, initial=np.inf)
        return distance

    @cached_property
    def _second(self) -> NDArray[np.intp]:
        others = self.distances.copy()
        others[np.arange(len(others)), self.nearest] = np.inf
        second: NDArray[np.intp] = np.argmin(others, axis=1)
        return second

    @property
    def _has_runner_up(self) -> bool:
        return len(self.codes) > 1

    @cached_property
    def runner_up_code(self) -> Codes:
        """Code of the second nearest segment (n,); `UNASSIGNED` with fewer than two centres."""
        if not self._has_runner_up:
            return np.full(len(self.distances), UNASSIGNED, dtype=np.uint32)
        return self.codes[self._second]

    @cached_property
    def runner_up_distance(self) -> Floats:
        """Distance to the second nearest centre (n,); infinite with fewer than two centres."""
        if not self._has_runner_up:
            return np.full(len(self.distances), np.inf)
        return self.distances[np.arange(len(self.distances)), self._second]

    def distance_to(self, segment: Codes) -> Floats:
        """Return each customer's distance to the centre of the given segment (n,).

        Infinite for `UNASSIGNED` and for segments that the snapshot does not have.
        """
        found = np.full(len(segment), np.inf)
        if len(self.codes):
            order = np.argsort(self.codes)
            place = order[np.minimum(np.searchsorted(self.codes, segment, sorter=order), len(order) - 1)]
            present = np.flatnonzero(self.codes[place] == segment)
            found[present] = self.distances[present, place[present]]
        return found

    def score(self, segment: Codes) -> Floats:
        """Return the separation of the given segments (n,), in [0, 1]: 1 - own distance / distance to the best other.

        It says how clearly the segment is nearest, and is not a probability. 0 on the border and beyond it (while a
        candidate is nearer than the own segment), and for the unassigned.
        """
        own = self.distance_to(segment)
        other = np.where(segment == self.nearest_code, self.runner_up_distance, self.nearest_distance)
        with np.errstate(invalid="ignore", divide="ignore"):
            nearer: Floats = 1.0 - own / other
        return np.fmax(nearer, 0.0)  # also replaces NaN: both distances 0, or both infinite


class Assigner:
    """A snapshot compiled for batches. Stateless, so it can be replaced between two batches."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.codes: Codes = _codes(snapshot.segments)
        self._centres = np.array(snapshot.centres).reshape(len(snapshot.centres), len(snapshot.features))
        handover = snapshot.handover
        self._codes_before = _codes(handover.segments if handover else ())
        self._centres_before = np.array(handover.centres if handover else ()).reshape(-1, len(snapshot.features))
        self._closing: Codes = self._codes_before[~np.isin(self._codes_before, self.codes)]

    def scaled(self, vectors: ArrayLike) -> Floats:
        """Transform raw feature values (n, d) to scaled space. Values that are not finite count as the mean."""
        return self.snapshot.scale.apply(to_log(vectors, self.snapshot.skewed))

    def assign(self, vectors: ArrayLike) -> Assignment:
        """Measure the distances of raw feature vectors (n, d) to all segments.

        Columns are in the snapshot's order of features. Raises `SnapshotRefusedError` when their number differs.
        """
        return Assignment(self.codes, self._distances(vectors, self._centres))

    def assign_members(self, vectors: ArrayLike, segment: Codes, moved: NDArray[np.bool_]) -> Assignment:
        """Measure like `assign` while customers move from the model before to this one.

        Args:
            vectors: raw features (n, d).
            segment: code of the segment that each customer is in (n,); who is in none of the model before is assigned
                by this one.
            moved: for whom this model counts already (n,), see `Handover.has_moved`.

        Returns:
            Distances to all segments of both models: infinite to those of the model that does not count for the
            customer, and to a closing segment of which the customer is no member.
        """
        stays = ~moved & np.isin(segment, self._codes_before)
        codes = np.concatenate([self.codes, self._closing])
        distances = np.full((len(segment), len(codes)), np.inf)
        rows = np.asarray(vectors, dtype=np.float64)
        distances[~stays, : len(self.codes)] = self._distances(rows[~stays], self._centres)
        column = np.array([np.flatnonzero(codes == code)[0] for code in self._codes_before.tolist()], dtype=np.intp)
        distances[np.ix_(stays, column)] = self._distances(rows[stays], self._centres_before)
        closed = np.isin(codes, self._closing)[None, :] & (codes[None, :] != segment[:, None])
        distances[closed] = np.inf
        return Assignment(codes, distances)

    def _distances(self, vectors: ArrayLike, centres: Floats) -> Floats:
        values = np.asarray(vectors, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.snapshot.features):  # noqa: PLR2004 - a matrix
            raise SnapshotRefusedError(
                f"vectors of shape {values.shape} do not fit the {len(self.snapshot.features)} features of snapshot"
                f" {self.snapshot.segmentation} {self.snapshot.version}"
            )
        distances = np.empty((len(values), len(centres)))
        for start in range(0, len(values), CHUNK_ROWS):
            chunk = slice(start, start + CHUNK_ROWS)
            np.sqrt(squared_distances(self.scaled(values[chunk]), centres), out=distances[chunk])
        return distances


def _codes(segments: Sequence[str]) -> Codes:
    return np.array([code_of(segment) for segment in segments], dtype=np.uint32)
