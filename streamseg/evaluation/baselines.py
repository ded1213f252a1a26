"""Baseline clusterers that learn as events arrive, and NMF, which is fitted when it is measured."""

from typing import Final, Protocol

import numpy as np
from river import base, cluster, preprocessing
from sklearn.cluster import MiniBatchKMeans
from sklearn.decomposition import NMF
from typing_extensions import override

from streamseg.clustering.encode import Floats, to_log
from streamseg.evaluation.measures import Labels


def without_missing(vectors: Floats) -> Floats:
    """Return vectors (n, d) in which the mean of the column replaces missing numbers (NaN); 0 where all are missing."""
    known = ~np.isnan(vectors)
    mean = np.where(known, vectors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    filled: Floats = np.where(known, vectors, mean)
    return filled


class Baseline(Protocol):
    """A clusterer that learns the vectors of customers as their events arrive."""

    name: str
    daily: bool
    """Whether it learns the samples that streamseg learns, each customer once a day, and not each look."""

    def learn(self, vectors: Floats) -> None:
        """Learn raw vectors (n, d)."""
        ...

    def labels(self, vectors: Floats) -> Labels | None:
        """Return the labels (n,) of raw vectors (n, d); None while nothing is learned."""
        ...


class MiniBatch(Baseline):
    """scikit-learn's MiniBatchKMeans.partial_fit on log vectors, standardised by all rows seen so far."""

    name = "minibatch"
    daily = True
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


class RiverOwn(Baseline):
    """A clusterer of River's behind its StandardScaler, one vector at a time.

    Args:
        name: of the method.
        model: the clusterer.
        features: names of the columns.
        skewed: columns to take as log1p; none for raw values.
        daily: see `Baseline`.
    """

    def __init__(
        self, name: str, model: base.Clusterer, features: tuple[str, ...], skewed: tuple[bool, ...], *, daily: bool
    ) -> None:
        self.name, self.daily = name, daily
        self._features, self._skewed = features, skewed
        self._scaler = preprocessing.StandardScaler()
        self._model = model
        self._learned = 0

    @override
    def learn(self, vectors: Floats) -> None:
        for row in to_log(vectors, self._skewed).tolist():
            named = dict(zip(self._features, row, strict=True))
            self._scaler.learn_one(named)
            self._model.learn_one(self._scaler.transform_one(named))
            self._learned += 1

    @override
    def labels(self, vectors: Floats) -> Labels | None:
        if self._learned < LEAST_LEARNED:
            return None
        rows = to_log(vectors, self._skewed).tolist()
        named = (dict(zip(self._features, row, strict=True)) for row in rows)
        return np.array([self._model.predict_one(self._scaler.transform_one(one)) for one in named], dtype=np.intp)


LEAST_LEARNED: Final = 200
"""STREAMKMeans and CluStream cannot predict before their first clusters."""


def baselines(features: tuple[str, ...], skewed: tuple[bool, ...], k: int, seed: int) -> dict[str, Baseline]:
    """Return the baselines by name. `river-default` is as in River's documentation: raw features, each event."""
    raw = (False,) * len(skewed)
    root = len(features) ** 0.5
    stream = cluster.STREAMKMeans(chunk_size=LEAST_LEARNED, n_clusters=k, halflife=0.05, sigma=0.1, seed=seed)
    micro = cluster.CluStream(
        n_macro_clusters=k, max_micro_clusters=100, micro_cluster_r_factor=2 * root, time_gap=LEAST_LEARNED, seed=seed
    )
    dense = cluster.DBSTREAM(clustering_threshold=0.6 * root, fading_factor=0.001, cleanup_interval=500)
    made: tuple[Baseline, ...] = (
        MiniBatch(k, skewed, seed),
        RiverOwn("river-default", cluster.KMeans(n_clusters=k, seed=seed), features, raw, daily=False),
        RiverOwn("river-streamkmeans", stream, features, skewed, daily=True),
        RiverOwn("river-clustream", micro, features, skewed, daily=True),
        RiverOwn("river-dbstream", dense, features, skewed, daily=True),
    )
    return {one.name: one for one in made}


def nmf_labels(vectors: Floats, skewed: tuple[bool, ...], k: int) -> Labels:
    """Return the strongest of k non-negative factors per customer (n,), of log vectors scaled to [0, 1]."""
    logged = to_log(without_missing(vectors), skewed)
    spread = np.ptp(logged, axis=0)
    scaled = (logged - logged.min(axis=0)) / np.where(spread > 0, spread, np.inf)
    # The factors' lengths are arbitrary: compare them at equal mean strength.
    start = "nndsvda" if k <= min(scaled.shape) else "random"
    strengths = NMF(n_components=k, init=start, random_state=0, max_iter=500, tol=1e-3).fit_transform(scaled)
    found: Labels = (strengths / np.maximum(strengths.mean(axis=0), 1e-12)).argmax(axis=1)
    return found
