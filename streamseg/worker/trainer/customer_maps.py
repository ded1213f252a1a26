"""Publishes the map of the sampled customers beside each model, no more often than people look."""

import time
from collections.abc import Sequence

from streamseg.clustering.customer_map import CustomerMap, draw_map
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.ports import ModelStore


class CustomerMaps:
    """The maps of all segmentations.

    Args:
        models: where they are published.
        interval: seconds between two maps of a segmentation.
    """

    def __init__(self, models: ModelStore, interval: float) -> None:
        self._models, self._interval = models, interval
        self._drawn_at: dict[str, float] = {}

    async def write(self, snapshot: Snapshot, samples: Sequence[Sample]) -> None:
        """Publish the map of a model that was published, if one is due. Raises `StoreUnavailableError`."""
        name, now = snapshot.segmentation, time.monotonic()
        if not snapshot.warm or now < self._drawn_at.get(name, -self._interval) + self._interval:
            return
        drawn = draw_map(snapshot, samples, CustomerMap.from_json(await self._models.customer_map(name)))
        if drawn is not None:
            await self._models.write_customer_map(name, drawn.to_json())
        self._drawn_at[name] = now
