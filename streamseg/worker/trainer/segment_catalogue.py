"""Writes the public catalogue of segments: description, size and origin of each."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import msgspec
import numpy as np

from streamseg.clustering.description.describe import describe
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.catalogue import Feature
from streamseg.features.vector import names_hash
from streamseg.ports import ModelStore, StateStore
from streamseg.worker.pace import PRODUCTION, Pace

DIFFERENCES = 6
"""Features in an entry that set a segment apart, at most."""


class SegmentationStatus(Protocol):
    """Which segmentations are public."""

    def in_shadow(self, segmentation: str) -> bool:
        """Return whether the segmentation is not public at this moment."""
        ...

    def is_dropped(self, segmentation: str) -> bool:
        """Return whether the segmentation was dropped."""
        ...


class SegmentCatalogue:
    """Writes the catalogue for the trainer.

    Args:
        models: where the catalogue is kept.
        state: where sizes are counted, by partition.
        partitions: number of partitions.
        features: every feature, by name.
        minor_units: decimal places of the currency.
        status: which segmentations are public.
        pace: waits and intervals.
    """

    def __init__(
        self,
        models: ModelStore,
        state: StateStore,
        *,
        partitions: int,
        features: Mapping[str, Feature],
        minor_units: int,
        status: SegmentationStatus,
        pace: Pace = PRODUCTION,
    ) -> None:
        self._models = models
        self._state = state
        self._partitions = partitions
        self._features = features
        self._minor = 10**minor_units
        self._status = status
        self._pace = pace
        self.observed_names = names_hash(features)
        """Stands for the features that samples must have observed to be described by them."""
        self._written: dict[str, dict[str, Any]] = {}
        self._refreshed_at = 0.0

    async def write(self, snapshot: Snapshot, samples: Sequence[Sample]) -> None:
        """Describe the segments of a newly published model, and mark those that it retired.

        Args:
            snapshot: the model.
            samples: the customers that its challenges are fitted on: a uniform choice, so that descriptions do not
                speak of the latest visitors only. Values in minor units.

        Raises:
            StoreUnavailableError: Redis is away.
        """
        if not samples or not snapshot.warm or self._status.is_dropped(snapshot.segmentation):
            return
        stored = {segment: msgspec.json.decode(value) for segment, value in (await self._models.catalogue()).items()}
        names = await self._models.names()
        created = {entry.segment: int(entry.at) for entry in snapshot.lineage if entry.transition == "emerge"}
        parents = {entry.segment: entry.related for entry in snapshot.lineage if entry.transition == "emerge"}
        entries: dict[str, dict[str, Any]] = {}
        for one in describe(
            snapshot,
            [one.customer_id for one in samples],
            np.array([one.vector for one in samples]),
            np.array([one.value / self._minor for one in samples]),
            [self._features[name] for name in snapshot.features],
            sizes=await self._sizes(),
            labels={segment: _generated(entry) for segment, entry in stored.items()},
        ):
            before = stored.get(one.segment, {})
            entries[one.segment] = {
                "segmentation": snapshot.segmentation,
                "label": names.get(one.segment, one.label),
                "generated_label": one.label,
                "description": one.persona,
                "size": one.size,
                "share": round(one.share, 4),
                "value_share": None if one.value_share is None else round(one.value_share, 4),
                "created": before.get("created", created.get(one.segment, int(snapshot.last_challenge_at or 0))),
                "parents": before.get("parents", [segment for segment, _ in parents.get(one.segment, ())]),
                "retired": None,
                "shadow": self._status.in_shadow(snapshot.segmentation),
                "differences": [asdict(difference) for difference in one.differences[:DIFFERENCES]],
                "representatives": list(one.representatives),
                "rfm": None if one.rfm is None else asdict(one.rfm),
                "usual": one.usual,
            }
        for segment, entry in stored.items():
            if segment not in entries and entry["segmentation"] == snapshot.segmentation and entry["retired"] is None:
                entries[segment] = entry | {"size": 0, "share": 0.0, "retired": int(snapshot.last_challenge_at or 0)}
        self._written |= entries
        await self._models.write_catalogue({segment: msgspec.json.encode(entry) for segment, entry in entries.items()})

    async def load(self) -> None:
        """Load the stored catalogue: its models may not be published again for a long time.

        Raises `StoreUnavailableError`.
        """
        stored = await self._models.catalogue()
        self._written = {segment: msgspec.json.decode(value) for segment, value in stored.items()}

    async def refresh(self) -> None:
        """Update sizes, given names and shadow flags, at most every `Pace.catalogue_refresh` seconds.

        Raises `StoreUnavailableError`.
        """
        if not self._written or time.monotonic() - self._refreshed_at < self._pace.catalogue_refresh:
            return
        self._refreshed_at = time.monotonic()
        sizes, names = await self._sizes(), await self._models.names()
        totals: Counter[str] = Counter()
        for segment, entry in self._written.items():
            totals[entry["segmentation"]] += sizes[segment]
        changed = {}
        for segment, entry in self._written.items():
            size, total = sizes[segment], totals[entry["segmentation"]]
            updated = entry | {
                "label": names.get(segment, _generated(entry)),
                "shadow": self._status.in_shadow(entry["segmentation"]),
            }
            if entry["retired"] is None:
                updated |= {"size": size, "share": round(size / max(total, 1), 4)}
                if self._status.is_dropped(entry["segmentation"]):
                    updated |= {"retired": int(time.time())}
            if updated != entry:
                changed[segment] = updated
        self._written |= changed
        await self._models.write_catalogue({segment: msgspec.json.encode(entry) for segment, entry in changed.items()})

    async def _sizes(self) -> Counter[str]:
        sizes: Counter[str] = Counter()
        for partition in range(self._partitions):
            metadata = await self._state.metadata(partition)
            if metadata is not None:
                sizes.update(metadata.sizes)
        return sizes


def _generated(entry: Mapping[str, Any]) -> str:
    """Return the generated label of an entry; entries of older versions have no other."""
    return str(entry.get("generated_label", entry["label"]))
