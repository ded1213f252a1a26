"""Baseline clusterers that learn as events arrive, and NMF, which is fitted when it is measured."""

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from river import base, cluster, preprocessing
from sklearn.decomposition import NMF
from typing_extensions import override

from streamseg.clustering.encode import Floats, to_log
from streamseg.clustering.params import LearnerParams
from streamseg.evaluation.batch_baselines import Baseline, BetulaTree, MiniBatch
from streamseg.evaluation.measures import Labels


def without_missing(vectors: Floats) -> Floats:
    """Return vectors (n, d) in which the mean of the column replaces missing numbers (NaN); 0 where all are missing."""
    known = ~np.isnan(vectors)
    mean = np.where(known, vectors, 0.0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    filled: Floats = np.where(known, vectors, mean)
    return filled


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
DENSE_RADIUS: Final = 0.8
"""Of DBSTREAM's micro-clusters, relative to the root of the number of features. In its favour: at 0.6 it finds 33
groups in FitGear with 100 customers, at 0.8 14, which explain most of the next 30 days, and at 1 two thirds of the
customers are in one (seeds 0 and 1; measured once, 2026-11-28)."""


def _river_default(params: LearnerParams, seed: int) -> Baseline:
    raw = (False,) * len(params.skewed)
    model = cluster.KMeans(n_clusters=params.k, seed=seed)
    return RiverOwn("river-default", model, params.features, raw, daily=False)


def _river_streamkmeans(params: LearnerParams, seed: int) -> Baseline:
    model = cluster.STREAMKMeans(chunk_size=LEAST_LEARNED, n_clusters=params.k, halflife=0.05, sigma=0.1, seed=seed)
    return RiverOwn("river-streamkmeans", model, params.features, params.skewed, daily=True)


def _river_clustream(params: LearnerParams, seed: int) -> Baseline:
    model = cluster.CluStream(
        n_macro_clusters=params.k,
        max_micro_clusters=100,
        micro_cluster_r_factor=2 * len(params.features) ** 0.5,
        time_gap=LEAST_LEARNED,
        seed=seed,
    )
    return RiverOwn("river-clustream", model, params.features, params.skewed, daily=True)


def _river_dbstream(params: LearnerParams, _: int) -> Baseline:
    model = cluster.DBSTREAM(
        clustering_threshold=DENSE_RADIUS * len(params.features) ** 0.5, fading_factor=0.001, cleanup_interval=500
    )
    return RiverOwn("river-dbstream", model, params.features, params.skewed, daily=True)


BASELINES: Final[Mapping[str, Callable[[LearnerParams, int], Baseline]]] = {
    "minibatch": MiniBatch,
    "betula": BetulaTree,
    "river-default": _river_default,
    "river-streamkmeans": _river_streamkmeans,
    "river-clustream": _river_clustream,
    "river-dbstream": _river_dbstream,
}
"""By name; each is made of the learning settings and a seed. `river-default` is as in River's documentation: raw
features, each event. The others learn the samples that streamseg learns, log1p and standardised. A distance between
two customers is about the root of twice the number of features; radii are in proportion to it."""


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
