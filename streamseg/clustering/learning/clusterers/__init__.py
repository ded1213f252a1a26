"""The clusterers that settings can choose, behind one interface."""

from collections.abc import Callable, Sequence
from typing import Final

from streamseg.clustering.learning.clusterers.clustream import CluStream
from streamseg.clustering.learning.clusterers.dbstream import DBStream
from streamseg.clustering.learning.clusterers.interface import Clusterer
from streamseg.clustering.learning.clusterers.kmeans import KMeans
from streamseg.clustering.learning.clusterers.stream_kmeans import StreamKMeans
from streamseg.clustering.params import REFUSED
from streamseg.errors import SettingsError

CLUSTERERS: Final[dict[str, Callable[[Sequence[str], int], Clusterer]]] = {
    "kmeans": KMeans,
    "streamkmeans": StreamKMeans,
    "clustream": CluStream,
    "dbstream": DBStream,
}
"""By their name in the settings. Each takes the features and k."""

__all__ = ["CLUSTERERS", "Clusterer", "make"]


def make(name: str, features: Sequence[str], k: int) -> Clusterer:
    """Return a clusterer without centres and steps. Raises `SettingsError` for a name that is refused or unknown."""
    if name in REFUSED:
        raise SettingsError(f"clusterer {name} is refused: {REFUSED[name]}")
    if name not in CLUSTERERS:
        raise SettingsError(f"unknown clusterer {name}: choose one of {', '.join(CLUSTERERS)}")
    return CLUSTERERS[name](features, k)
