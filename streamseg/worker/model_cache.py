"""The current models in this worker: swapped in between batches whenever the store has a newer one."""

import asyncio
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from streamseg.clustering.assign import Assigner
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import SettingsError, StoreUnavailableError
from streamseg.metrics import Metrics
from streamseg.pipeline import Segmentation
from streamseg.ports import ModelStore

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


class ModelCache:
    """All segmentations with their current assigner. `generation` rises when everybody must be assigned again."""

    def __init__(self, store: ModelStore, segmentations: Sequence[Segmentation], metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics
        self.segmentations = list(segmentations)
        self.generation = 0
        self._adopted = [0] * len(self.segmentations)
        self._becoming_public: list[float] = []
        self._foreign: dict[str, int] = {}
        """Versions that were learned from other features, by segmentation."""

    def in_shadow(self, segmentation: str) -> bool:
        """Whether the segmentation is not public, or not yet."""
        return any(one.name == segmentation and one.public_from > time.time() for one in self.segmentations)

    def is_dropped(self, segmentation: str) -> bool:
        """Whether the segmentation was given up."""
        return any(one.name == segmentation and one.dropped for one in self.segmentations)

    async def check(self) -> None:
        """Take over what the store has. Raises `SettingsError` when a model was learned from other features."""
        await self.refresh()
        if self._foreign:
            raise SettingsError(
                f"setting segmentations.{min(self._foreign)}.features: the published model was learned from others; "
                "give the new segmentation a name of its own, let it run in shadow, and promote it"
            )

    async def refresh(self) -> None:
        """Take over what the store has. Raises `StoreUnavailableError`."""
        names = [segmentation.name for segmentation in self.segmentations]
        for s, version in enumerate(await self._store.versions(names)):
            current = self.segmentations[s]
            if current.dropped or version in (current.version, self._foreign.get(current.name)):
                continue
            stored = await self._store.snapshot(current.name)
            if stored is None:
                continue
            snapshot = Snapshot.from_json(stored)
            if snapshot.features != current.features:
                log.warning("model %s has other features than the settings: not taken over", current.name)
                self._foreign[current.name] = version
                continue
            assigner = Assigner(snapshot) if snapshot.warm else None
            self.segmentations[s] = replace(
                current, assigner=assigner, version=snapshot.version, sampled_share=snapshot.sampled_share
            )
            self._metrics.model_version.labels(segmentation=current.name).set(snapshot.version)
            if snapshot.generation != self._adopted[s]:
                self._adopted[s] = snapshot.generation
                self.generation += 1

        await self._refresh_public()
        await self._refresh_dropped()

    async def _refresh_dropped(self) -> None:
        """Hear of what was given up; everybody is looked at again then, and leaves it."""
        dropped = await self._store.dropped()
        for s, one in enumerate(self.segmentations):
            if one.name in dropped and not one.dropped:
                log.warning("segmentation %s was dropped: take it out of the settings once it is empty", one.name)
                self.segmentations[s] = replace(one, dropped=True, assigner=None)
                self.generation += 1

    async def _refresh_public(self) -> None:
        """Hear of promotions; when the time of one has come, everybody is looked at again."""
        if any(one.public_from == math.inf for one in self.segmentations):
            promoted = await self._store.promoted()
            for s, one in enumerate(self.segmentations):
                if one.public_from == math.inf and one.name in promoted:
                    self.segmentations[s] = replace(one, public_from=float(promoted[one.name]))
                    self._becoming_public.append(self.segmentations[s].public_from)
        due = [at for at in self._becoming_public if at <= time.time()]
        if due:
            self._becoming_public = [at for at in self._becoming_public if at not in due]
            self.generation += 1

    async def watch(self, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        """Refresh for ever."""
        while True:
            try:
                await self.refresh()
            except StoreUnavailableError:
                self._metrics.store_errors.labels(operation="models").inc()
            await sleep(POLL_SECONDS)
