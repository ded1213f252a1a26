"""The nearest segment of whole batches: a snapshot compiled to one matrix product, equal to River's `predict_one`."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from streamseg.clustering.encode import Floats, to_log
from streamseg.clustering.identity import UNASSIGNED, code_of
from streamseg.clustering.lloyd import squared_distances
from streamseg.clustering.snapshot import Snapshot, SnapshotRefusedError

Codes = NDArray[np.uint32]

PIECE_ROWS = 1024
"""As many as stay in a core's cache: pieces of 8,192 take five times as long per row."""


@dataclass(frozen=True)
class Assignment:
    """Distances (n, k) of n customers to all centres, Euclidean in scaled space, and what follows from them."""

    codes: Codes
    """Of the segments, (k,), in the order of the centres. Without any, everybody is unassigned."""
    distances: Floats

    @cached_property
    def nearest(self) -> NDArray[np.intp]:
        """Index of the nearest centre (n,); the first among equals. Raises `ValueError` without centres."""
        nearest: NDArray[np.intp] = np.argmin(self.distances, axis=1)
        return nearest

    @cached_property
    def nearest_code(self) -> Codes:
        """Code of the nearest segment (n,); 0 without centres."""
        if not len(self.codes):
            return np.full(len(self.distances), UNASSIGNED, dtype=np.uint32)
        return self.codes[self.nearest]

    @cached_property
    def nearest_distance(self) -> Floats:
        """To the nearest centre (n,); infinite without centres."""
        distance: Floats = np.min(self.distances, axis=1, initial=np.inf)
        return distance

    @cached_property
    def _second(self) -> NDArray[np.intp]:
        others = self.distances.copy()
        others[np.arange(len(others)), self.nearest] = np.inf
        second: NDArray[np.intp] = np.argmin(others, axis=1)
        return second

    @cached_property
    def runner_up_code(self) -> Codes:
        """Code of the second nearest segment (n,); 0 where there is none."""
        if len(self.codes) < 2:  # noqa: PLR2004 - a second one
            return np.full(len(self.distances), UNASSIGNED, dtype=np.uint32)
        return self.codes[self._second]

    @cached_property
    def runner_up_distance(self) -> Floats:
        """To the second nearest centre (n,); infinite where there is none."""
        if len(self.codes) < 2:  # noqa: PLR2004 - a second one
            return np.full(len(self.distances), np.inf)
        return self.distances[np.arange(len(self.distances)), self._second]

    def distance_to(self, segment: Codes) -> Floats:
        """To the centre of each customer's given segment (n,); infinite for the unassigned and for retired segments."""
        found = np.full(len(segment), np.inf)
        if len(self.codes):
            order = np.argsort(self.codes)
            place = order[np.minimum(np.searchsorted(self.codes, segment, sorter=order), len(order) - 1)]
            standing = np.flatnonzero(self.codes[place] == segment)
            found[standing] = self.distances[standing, place[standing]]
        return found

    def score(self, segment: Codes) -> Floats:
        """Confidence in [0, 1] of standing in the given segments (n,): 1 - own distance / distance to the best other.

        0 on the border and beyond it, so also while a candidate is nearer than the own segment, and for the unassigned.
        """
        own = self.distance_to(segment)
        other = np.where(segment == self.nearest_code, self.runner_up_distance, self.nearest_distance)
        with np.errstate(invalid="ignore", divide="ignore"):
            nearer: Floats = 1.0 - own / other
        return np.fmax(nearer, 0.0)  # also where it is not a number: on top of both, or infinitely far from both


class Assigner:
    """A snapshot made ready for batches. Has no state: swapped in between two batches."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.codes: Codes = np.array([code_of(segment) for segment in snapshot.segments], dtype=np.uint32)
        self._centres = np.array(snapshot.centres).reshape(len(snapshot.centres), len(snapshot.features))

    def scaled(self, vectors: ArrayLike) -> Floats:
        """Raw feature values (n, d) as the model sees them. What is not finite counts as the mean."""
        return self.snapshot.scale.apply(to_log(vectors, self.snapshot.skewed))

    def assign(self, vectors: ArrayLike) -> Assignment:
        """Distances of raw feature vectors (n, d) to all segments, columns in the snapshot's order of features.

        Raises `SnapshotRefusedError` when the columns are not as many as the features.
        """
        values = np.asarray(vectors, dtype=np.float64)
        if values.ndim != 2 or values.shape[1] != len(self.snapshot.features):  # noqa: PLR2004 - a matrix
            raise SnapshotRefusedError(
                f"vectors of shape {values.shape} do not fit the {len(self.snapshot.features)} features of snapshot"
                f" {self.snapshot.segmentation} {self.snapshot.version}"
            )
        distances = np.empty((len(values), len(self.codes)))
        for start in range(0, len(values), PIECE_ROWS):
            piece = slice(start, start + PIECE_ROWS)
            np.sqrt(squared_distances(self.scaled(values[piece]), self._centres), out=distances[piece])
        return Assignment(self.codes, distances)
