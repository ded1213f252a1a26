"""River's KMeans with explicit centres: the base of the clusterers that are built from it."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np
from river import cluster
from typing_extensions import override

from streamseg.clustering.encode import Floats
from streamseg.clustering.learning.clusterers.interface import Clusterer, Weighted


class RiverKMeans(Clusterer):
    """Reads and writes the centres of a River KMeans; a subclass decides how it learns."""

    def __init__(self, features: Sequence[str], model: cluster.KMeans) -> None:
        self._features = tuple(features)
        self._model = model

    @override
    def place(self, centres: Floats) -> None:
        place(self._model, self._features, centres)

    @override
    def predict_one(self, scaled: Mapping[str, float]) -> int:
        return int(cluster.KMeans.predict_one(self._model, scaled))  # River's own: `Assigner` is tested against it

    @override
    def centres(self) -> Floats:
        return np.array([[centre[name] for name in self._features] for centre in self._model.centers.values()])

    @override
    def summary(self) -> Weighted | None:
        return None


def place(model: cluster.KMeans, features: Sequence[str], centres: Floats) -> None:
    """Set the centres (k, d). River would draw them at random in the order of a set, which differs by process."""
    model.n_clusters = len(centres)
    model.centers = {
        index: defaultdict(float, zip(features, centre, strict=True)) for index, centre in enumerate(centres.tolist())
    }


def distance(centre: Mapping[str, float], scaled: Mapping[str, float]) -> float:
    """Return the Euclidean distance of two points with the same features in the same order.

    For one point this is faster than NumPy.
    """
    return math.dist(tuple(centre.values()), tuple(scaled.values()))
