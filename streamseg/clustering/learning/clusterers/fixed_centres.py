"""Base of the clusterers whose centres change only at challenges; in between they only learn micro-clusters."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from typing_extensions import override

from streamseg.clustering.distances import squared_distances
from streamseg.clustering.encode import Floats
from streamseg.clustering.learning.clusterers.interface import Clusterer


class FixedCentres(Clusterer):
    """Keeps the centres and assigns to them; `model` learns micro-clusters, from which challengers are fitted.

    River's own steps from micro-clusters to clusters number the clusters differently each time, so they are not used.
    """

    def __init__(self, features: Sequence[str], k: int, model: Any) -> None:
        self._features = tuple(features)
        self._model = model
        self._placed = np.zeros((k, len(features)))

    @abstractmethod
    def _rescale_micro(self, factor: Floats, shift: Floats) -> None:
        """Convert the micro-clusters to another scale, as `rescale` does the centres."""

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
        self._model.learn_one(dict(scaled))
        return nearest, float(distances[nearest])

    @override
    def use_steps(self, steps: Sequence[float]) -> None:
        """Do nothing: the centres stand."""

    @override
    def predict_one(self, scaled: Mapping[str, float]) -> int:
        return int(np.argmin(self._distances(scaled)))

    @override
    def rescale(self, factor: Floats, shift: Floats) -> None:
        self._placed = self._placed * factor + shift
        self._rescale_micro(factor, shift)

    def _distances(self, scaled: Mapping[str, float]) -> Floats:
        distances: Floats = np.sqrt(squared_distances(np.array([list(scaled.values())]), self._placed)[0])
        return distances
