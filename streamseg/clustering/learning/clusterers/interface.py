"""What a clusterer must be able to do. All work in scaled space and know nothing of scales, segments or time."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeAlias

import numpy as np
from typing_extensions import override

from streamseg.clustering.encode import Floats
from streamseg.clustering.lloyd import squared_distances

Weighted: TypeAlias = tuple[Floats, Floats]
"""Points (m, d) and their weights (m,)."""


class Clusterer(Protocol):
    """An online clusterer that is always given explicit centres, and whose whole state can be written as numbers.

    None of them draws at random after `place`, so the same samples give the same centres in every process.
    """

    def place(self, centres: Floats) -> None:
        """Take these centres (k, d) in place of the present ones."""
        ...

    def learn_one(self, scaled: Mapping[str, float]) -> tuple[int, float]:
        """Learn one customer. Returns the index of the centre that was nearest before, and the distance to it."""
        ...

    def predict_one(self, scaled: Mapping[str, float]) -> int:
        """Index of the nearest centre. Changes nothing."""
        ...

    def centres(self) -> Floats:
        """The centres (k, d)."""
        ...

    def rescale(self, factor: Floats, shift: Floats) -> None:
        """Move everything to another scale: each coordinate z becomes factor * z + shift."""
        ...

    def summary(self) -> Weighted | None:
        """What stands for all that was learned, for the challenger; None when a sample of customers must do."""
        ...

    def state(self) -> dict[str, Any]:
        """What is needed beside the centres, as JSON."""
        ...

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave, after the centres were placed."""
        ...


class StandingCentres(Clusterer, Protocol):
    """A clusterer whose centres come from challenges alone; in between it only learns its micro-clusters.

    River's own steps from micro-clusters to clusters deal the labels anew each time (clustering.md, section 1).
    """

    _placed: Floats

    def _learn_micro(self, scaled: dict[str, float]) -> None: ...

    @override
    def place(self, centres: Floats) -> None:
        self._placed = centres.copy()

    @override
    def centres(self) -> Floats:
        return self._placed.copy()

    @override
    def learn_one(self, scaled: Mapping[str, float]) -> tuple[int, float]:
        distances = self._distances(scaled)
        nearest = int(np.argmin(distances))
        self._learn_micro(dict(scaled))
        return nearest, float(distances[nearest])

    @override
    def predict_one(self, scaled: Mapping[str, float]) -> int:
        return int(np.argmin(self._distances(scaled)))

    def _distances(self, scaled: Mapping[str, float]) -> Floats:
        distances: Floats = np.sqrt(squared_distances(np.array([list(scaled.values())]), self._placed)[0])
        return distances
