"""Baseline clusterers, written as their users would write them, without streamseg's learning recipe."""

from typing import Protocol

import numpy as np
from river import cluster, preprocessing
from sklearn.cluster import MiniBatchKMeans
from typing_extensions import override

from streamseg.clustering.encode import Floats, to_log
from streamseg.evaluation.measures import Labels


class Baseline(Protocol):
    """A clusterer that learns the vectors of customers as their events arrive."""

    name: str

    def learn(self, vectors: Floats) -> None:
        """Learn raw vectors (n, d)."""
        ...

    def labels(self, vectors: Floats) -> Labels | None:
        """Return the labels (n,) of raw vectors (n, d); None while nothing is learned."""
        ...


class MiniBatch(Baseline):
    """scikit-learn's MiniBatchKMeans.partial_fit on log vectors, standardised by all rows seen so far."""

    name = "minibatch"
    rows = 256

    def __init__(self, k: int, skewed: tuple[bool, ...], seed: int) -> None:
        self._model = MiniBatchKMeans(n_clusters=k, random_state=seed, n_init=1)
        self._skewed = skewed
        self._waiting: list[Floats] = []
        self._count = 0
        self._mean = np.zeros(len(skewed))
        self._squares = np.zeros(len(skewed))
        self._fitted = False

    @override
    def learn(self, vectors: Floats) -> None:
        logged = to_log(vectors, self._skewed)
        self._waiting.append(logged)
        if sum(map(len, self._waiting)) < self.rows:
            return
        batch = np.vstack(self._waiting)
        self._waiting = []
        # Merge means and sums of squares (Chan, Golub and LeVeque, 1983).
        gap, total = batch.mean(axis=0) - self._mean, self._count + len(batch)
        self._squares += batch.var(axis=0) * len(batch) + gap**2 * self._count * len(batch) / total
        self._mean += gap * len(batch) / total
        self._count = total
        self._model.partial_fit(self._scaled(batch))
        self._fitted = True

    @override
    def labels(self, vectors: Floats) -> Labels | None:
        if not self._fitted:
            return None
        found: Labels = self._model.predict(self._scaled(to_log(vectors, self._skewed)))
        return found

    def _scaled(self, logged: Floats) -> Floats:
        deviation = np.sqrt(self._squares / self._count)
        scaled: Floats = (logged - self._mean) / np.where(deviation > 0, deviation, np.inf)
        return scaled


class RiverDefault(Baseline):
    """River's StandardScaler | KMeans as in its documentation: raw features, defaults, one event at a time."""

    name = "river-default"

    def __init__(self, features: tuple[str, ...], k: int, seed: int) -> None:
        self._features = features
        self._scaler = preprocessing.StandardScaler()
        self._model = cluster.KMeans(n_clusters=k, seed=seed)
        self._learned = False

    @override
    def learn(self, vectors: Floats) -> None:
        for row in vectors.tolist():
            named = dict(zip(self._features, row, strict=True))
            self._scaler.learn_one(named)
            self._model.learn_one(self._scaler.transform_one(named))
            self._learned = True

    @override
    def labels(self, vectors: Floats) -> Labels | None:
        if not self._learned:
            return None
        named = (dict(zip(self._features, row, strict=True)) for row in vectors.tolist())
        return np.array([self._model.predict_one(self._scaler.transform_one(one)) for one in named], dtype=np.intp)
