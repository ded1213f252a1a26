"""River's DBSTREAM: its dense micro-clusters are the points that challengers are fitted on."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from river import cluster
from river.cluster.dbstream import DBSTREAMMicroCluster
from typing_extensions import override

from streamseg.clustering.encode import Floats
from streamseg.clustering.learning.clusterers.fixed_centres import FixedCentres
from streamseg.clustering.learning.clusterers.interface import Weighted

RADIUS_PER_ROOT_DIMENSION: Final = 0.6
FADING: Final = 0.001
"""Per sample: a micro-cluster that wins no sample loses half its weight in 1,000."""
CLEANUP_EVERY: Final = 500


class DBStream(FixedCentres):
    """Micro-clusters of one radius (Hahsler and Bolanos, TKDE 2016); a weighted k-means over them gives the centres.

    River numbers its density-connected clusters differently on each call, and their number changes: they are not used.

    Known limits: one radius for all; hundreds of micro-clusters in ten or more dimensions (0.1-0.3 ms per sample);
    segments move only at challenges. Its own clusters reached an ARI of 0.26-0.43 where KMeans reached 0.78. River
    never deletes the weak edges between micro-clusters; here they are deleted at every change of scale.
    """

    def __init__(self, features: Sequence[str], k: int) -> None:
        self._k = k
        model = cluster.DBSTREAM(
            clustering_threshold=RADIUS_PER_ROOT_DIMENSION * len(features) ** 0.5,
            fading_factor=FADING,
            cleanup_interval=CLEANUP_EVERY,
        )
        super().__init__(features, k, model)

    @override
    def _rescale_micro(self, factor: Floats, shift: Floats) -> None:
        state = self.state()
        for micro in state["micro"]:
            micro[3] = (np.array(micro[3]) * factor + shift).tolist()
        state["edges"] = [edge for edge in state["edges"] if edge[2] > 0]
        self.restore(state)

    @override
    def summary(self) -> Weighted | None:
        now, micro = self._model._time_stamp, self._model.micro_clusters.values()  # noqa: SLF001
        if len(micro) < 2 * self._k:
            return None
        centres = np.array([[each.center[name] for name in self._features] for each in micro])
        return centres, np.array([each.weight * 2 ** (-FADING * (now - each.last_update)) for each in micro])

    @override
    def state(self) -> dict[str, Any]:
        model = self._model
        return {
            "time": model._time_stamp,  # noqa: SLF001 - River has no public way to read its state
            "micro": [
                [index, each.last_update, each.weight, [each.center[name] for name in self._features]]
                for index, each in model.micro_clusters.items()
            ],
            "edges": [[i, j, density, model.s_t[i][j]] for i, row in model.s.items() for j, density in row.items()],
        }

    @override
    def restore(self, state: Mapping[str, Any]) -> None:
        model = self._model
        model._time_stamp = state["time"]  # noqa: SLF001
        model._micro_clusters = {  # noqa: SLF001
            index: DBSTREAMMicroCluster(dict(zip(self._features, centre, strict=True)), last_update, weight)
            for index, last_update, weight, centre in state["micro"]
        }
        model.s, model.s_t = {}, {}
        for i, j, density, at in state["edges"]:
            model.s.setdefault(i, {})[j] = density
            model.s_t.setdefault(i, {})[j] = at
