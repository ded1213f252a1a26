"""River's CluStream: its micro-clusters are the points that challengers are fitted on."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from river import cluster, stats
from river.cluster.clustream import CluStreamMicroCluster
from typing_extensions import override

from streamseg.clustering.encode import Floats
from streamseg.clustering.learning.clusterers.fixed_centres import FixedCentres
from streamseg.clustering.learning.clusterers.interface import Weighted

MICRO_CLUSTERS: Final = 100
WINDOW: Final = 5000
"""Samples after which a micro-cluster may be replaced by a newer one."""


class CluStream(FixedCentres):
    """Micro-clusters (Aggarwal et al., VLDB 2003); at each challenge a weighted k-means over them gives the centres.

    River compares a mean deviation per feature with a Euclidean distance, so its radius factor must grow with the
    square root of the dimension.

    Known limits: 5-100 times the cost of KMeans; micro-clusters do not decay, so old behaviour stays in the summary
    until it is replaced; segments move only at challenges. It matched known archetypes about as well as KMeans.
    """

    def __init__(self, features: Sequence[str], k: int) -> None:
        model = cluster.CluStream(
            n_macro_clusters=k,
            max_micro_clusters=MICRO_CLUSTERS,
            micro_cluster_r_factor=1.5 * len(features) ** 0.5,
            time_window=WINDOW,
            time_gap=sys.maxsize,
        )
        super().__init__(features, k, model)

    @override
    def _rescale_micro(self, factor: Floats, shift: Floats) -> None:
        state = self.state()
        for micro in state["micro"]:
            micro["mean"] = (np.array(micro["mean"]) * factor + shift).tolist()
            micro["squares"] = (np.array(micro["squares"]) * factor**2).tolist()
        self.restore(state)

    @override
    def summary(self) -> Weighted | None:
        state = self.state()["micro"]
        if len(state) < MICRO_CLUSTERS:
            return None
        return np.array([micro["mean"] for micro in state]), np.array([micro["time"][0] for micro in state])

    @override
    def state(self) -> dict[str, Any]:
        return {
            "time": self._model._timestamp,  # noqa: SLF001 - River has no public way to read its state
            "micro": [
                {
                    "time": [micro.var_time.mean.n, micro.var_time.mean.get(), micro.var_time._S],  # noqa: SLF001
                    "mean": [micro.var_x[name].mean.get() for name in self._features],
                    "squares": [micro.var_x[name]._S for name in self._features],  # noqa: SLF001
                }
                for micro in self._model.micro_clusters.values()
            ],
        }

    @override
    def restore(self, state: Mapping[str, Any]) -> None:
        self._model._timestamp = state["time"]  # noqa: SLF001
        self._model._initialized = len(state["micro"]) == MICRO_CLUSTERS  # noqa: SLF001
        self._model.micro_clusters = {index: self._micro(written) for index, written in enumerate(state["micro"])}

    def _micro(self, written: Mapping[str, Any]) -> CluStreamMicroCluster:
        micro = CluStreamMicroCluster(x={}, w=1.0, timestamp=0)
        count, mean, squares = written["time"]
        micro.var_time = _variance(count, mean, squares)
        for name, centre, spread in zip(self._features, written["mean"], written["squares"], strict=True):
            micro.var_x[name] = _variance(count, centre, spread)
        return micro


def _variance(count: float, mean: float, squares: float) -> stats.Var:
    """Set the fields directly: River's own constructor divides and multiplies by the count, which loses bits."""
    variance = stats.Var()
    variance.mean.n, variance.mean._mean, variance._S = count, mean, squares  # noqa: SLF001
    return variance
