"""Baselines that learn batches of log vectors, standardised by all rows seen so far: scikit-learn's and BETULA's."""

import warnings
from abc import abstractmethod
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from sklearn.cluster import MiniBatchKMeans
from typing_extensions import override

from streamseg.clustering.encode import Floats, Scale, to_log
from streamseg.clustering.params import LearnerParams
from streamseg.errors import SettingsError
from streamseg.evaluation.measures import Labels

if TYPE_CHECKING:
    from betula_cluster import Betula

BATCH_ROWS: Final = 256
GLOBAL_STARTS: Final = 10
KEPT_PER_BATCH: Final = 0.8
"""Weight of what BETULA has learned, with each further batch: it remembers about 1,300 samples. In its favour: of
1 (never forget), 0.95, 0.87 and 0.7, the lower two gave 0.65 on FitGear after its change, the upper two 0.52 (ARI, 100
customers, seeds 0 and 1; measured once, 2026-11-28)."""


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


class Batches(Baseline):
    """Collects rows to batches of 256 or more, and scales them as streamseg does."""

    daily = True

    def __init__(self, params: LearnerParams) -> None:
        self._skewed, self._blocks = params.skewed, params.blocks
        self._waiting: list[Floats] = []
        self._count = 0
        self._mean = np.zeros(len(params.skewed))
        self._squares = np.zeros(len(params.skewed))

    @override
    def learn(self, vectors: Floats) -> None:
        self._waiting.append(to_log(vectors, self._skewed))
        if sum(map(len, self._waiting)) < BATCH_ROWS:
            return
        batch = np.vstack(self._waiting)
        self._waiting = []
        # Merge means and sums of squares (Chan, Golub and LeVeque, 1983).
        gap, total = batch.mean(axis=0) - self._mean, self._count + len(batch)
        self._squares += batch.var(axis=0) * len(batch) + gap**2 * self._count * len(batch) / total
        self._mean += gap * len(batch) / total
        self._count = total
        self._learn_scaled(self._scaled(batch))

    @override
    def labels(self, vectors: Floats) -> Labels | None:
        if not self._count:
            return None
        return self._labels_of_scaled(self._scaled(to_log(vectors, self._skewed)))

    def _scaled(self, logged: Floats) -> Floats:
        variance = self._squares / self._count
        return Scale.of(self._mean.tolist(), variance.tolist(), self._blocks).apply(logged)

    @abstractmethod
    def _learn_scaled(self, rows: Floats) -> None:
        """Learn a batch of scaled vectors (n, d)."""

    @abstractmethod
    def _labels_of_scaled(self, rows: Floats) -> Labels:
        """Return the labels (n,) of scaled vectors (n, d)."""


class MiniBatch(Batches):
    """scikit-learn's MiniBatchKMeans.partial_fit."""

    name = "minibatch"

    def __init__(self, params: LearnerParams, seed: int) -> None:
        super().__init__(params)
        self._model = MiniBatchKMeans(n_clusters=params.k, random_state=seed, n_init=1)

    @override
    def _learn_scaled(self, rows: Floats) -> None:
        self._model.partial_fit(rows)

    @override
    def _labels_of_scaled(self, rows: Floats) -> Labels:
        found: Labels = self._model.predict(rows)
        return found


class BetulaTree(Batches):
    """BETULA: a tree of micro-clusters, of which a global phase makes k clusters by k-means after each batch.

    The tree forgets by `KEPT_PER_BATCH`. The global phase renumbers the clusters; their ids are taken as they come.

    Lang and Schubert, "BETULA: Numerically Stable CF-Trees for BIRCH Clustering", SISAP 2020.
    """

    name = "betula"

    def __init__(self, params: LearnerParams, seed: int) -> None:
        super().__init__(params)
        self._model = _betula(params, seed)

    @override
    def _learn_scaled(self, rows: Floats) -> None:
        with warnings.catch_warnings():  # of fewer different customers than clusters, as before the first purchases
            warnings.simplefilter("ignore", UserWarning)
            self._model.partial_fit(rows)
            self._model.partial_fit()  # without rows: the global phase

    @override
    def _labels_of_scaled(self, rows: Floats) -> Labels:
        return self._model.predict(rows).astype(np.intp)


def _betula(params: LearnerParams, seed: int) -> "Betula":
    """Return the estimator. Raises `SettingsError` if it is not installed."""
    try:
        from betula_cluster import Betula  # noqa: PLC0415 - only the row `betula` needs it
    except ModuleNotFoundError:
        raise SettingsError(
            "betula-cluster is not installed: pip install 'streamseg[analysis]', or name other methods with --only"
        ) from None
    return Betula(
        n_clusters=params.k,
        method="kmeans",
        feature="spherical",
        n_init=GLOBAL_STARTS,
        decay=KEPT_PER_BATCH,
        seed=seed,
    )
