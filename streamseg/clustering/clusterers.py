"""The clusterers to choose from, behind one interface. They work in scaled space and know nothing of scales or ids."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from river import cluster
from typing_extensions import override

from streamseg.clustering.encode import Floats

Weighted = tuple[Floats, Floats]
"""Points (m, d) and their weights (m,)."""


class Clusterer(Protocol):
    """An online clusterer that is always given explicit centres, and whose whole state can be written as numbers.

    None of them draws at random after `place`, so the same samples give the same centres in every process.
    """

    def place(self, centres: Floats) -> None:
        """Take these centres (k, d) in place of the present ones."""
        ...

    def learn_one(self, scaled: Mapping[str, float]) -> int:
        """Learn one customer. Returns the index of the centre that was nearest before."""
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
        """Take back what `state` gave."""
        ...


class KMeans(Clusterer):
    """River's sequential k-means with a constant step (clustering.md, sections 1 and 7).

    Known limits: it stays in the local optimum of its centres (the challenger gets it out), the step is a memory of
    about 1 / step samples per centre, and the number of clusters is fixed.
    """

    def __init__(self, features: Sequence[str], k: int, step: float) -> None:
        self._features = tuple(features)
        self._model = cluster.KMeans(n_clusters=k, halflife=step, p=2)

    @override
    def place(self, centres: Floats) -> None:
        # River's own centres are random draws in the order of a set of strings: other ones in every process.
        self._model.centers = {
            index: defaultdict(float, zip(self._features, centre, strict=True))
            for index, centre in enumerate(centres.tolist())
        }

    @override
    def learn_one(self, scaled: Mapping[str, float]) -> int:
        return int(self._model.learn_predict_one(scaled))

    @override
    def predict_one(self, scaled: Mapping[str, float]) -> int:
        return int(self._model.predict_one(scaled))

    @override
    def centres(self) -> Floats:
        return np.array([[centre[name] for name in self._features] for centre in self._model.centers.values()])

    @override
    def rescale(self, factor: Floats, shift: Floats) -> None:
        self.place(self.centres() * factor + shift)

    @override
    def summary(self) -> Weighted | None:
        return None

    @override
    def state(self) -> dict[str, Any]:
        return {}

    @override
    def restore(self, state: Mapping[str, Any]) -> None:
        """Nothing but the centres is needed."""


def make(name: str, features: Sequence[str], k: int, step: float) -> Clusterer:
    """The clusterer of that name. Raises `ValueError` with one line for a name that is unknown or refused."""
    if name == "kmeans":
        return KMeans(features, k, step)
    if name == "denstream":
        raise ValueError(
            "clusterer denstream is refused: in river 0.26.1 its radius depends on where the data lie,"
            " and predicting changes the model"
        )
    raise ValueError(f"no clusterer {name}")
