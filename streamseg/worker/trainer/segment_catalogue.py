"""Keeps the public catalogue of segments: what each is like, how large it is, where it came from."""

import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from streamseg.clustering.description.describe import describe
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.catalogue import Feature
from streamseg.ports import ModelStore, StateStore

DESCRIBED_CUSTOMERS = 2_000
"""Of how many of the latest sampled customers the descriptions are made."""
DIFFERENCES = 6
REFRESH_INTERVAL_SECONDS = 2.0


class SegmentCatalogue:
    """Writes the catalogue for the trainer.

    `in_shadow` tells which segmentations are not public (yet), `is_dropped` which were given up.
    """

    def __init__(
        self,
        models: ModelStore,
        state: StateStore,
        *,
        partitions: int,
        features: Mapping[str, Feature],
        minor_units: int,
        in_shadow: Callable[[str], bool],
        is_dropped: Callable[[str], bool],
    ) -> None:
        self._models = models
        self._state = state
        self._partitions = partitions
        self._features = features
        self._minor = 10**minor_units
        self._in_shadow = in_shadow
        self._is_dropped = is_dropped
        self._samples: dict[str, OrderedDict[str, tuple[tuple[float, ...], int]]] = {}
        self._written: dict[str, dict[str, Any]] = {}
        self._refreshed_at = 0.0

    def remember(self, segmentation: str, customer_id: str, vector: tuple[float, ...], spend_minor: int) -> None:
        """Keep a customer's latest vector to describe segments by."""
        kept = self._samples.setdefault(segmentation, OrderedDict())
        kept[customer_id] = (vector, spend_minor)
        kept.move_to_end(customer_id)
        if len(kept) > DESCRIBED_CUSTOMERS:
            kept.popitem(last=False)

    def forget(self, segmentation: str, customer_id: str) -> None:
        """Remove an erased customer, who may be unknown."""
        self._samples.get(segmentation, OrderedDict()).pop(customer_id, None)

    async def write(self, snapshot: Snapshot) -> None:
        """Describe the segments of a newly published model, and mark those that it has retired."""
        kept = self._samples.get(snapshot.segmentation)
        if not kept or not snapshot.warm or self._is_dropped(snapshot.segmentation):
            return
        standing = {segment: msgspec.json.decode(value) for segment, value in (await self._models.catalogue()).items()}
        names = await self._models.names()
        created = {entry.segment: int(entry.at) for entry in snapshot.lineage if entry.transition == "emerge"}
        parents = {entry.segment: entry.related for entry in snapshot.lineage if entry.transition == "emerge"}
        entries: dict[str, dict[str, Any]] = {}
        for one in describe(
            snapshot,
            list(kept),
            np.array([vector for vector, _ in kept.values()]),
            np.array([spend / self._minor for _, spend in kept.values()]),
            [self._features[name] for name in snapshot.features],
            sizes=await self._sizes(),
            labels={segment: _generated(entry) for segment, entry in standing.items()},
        ):
            before = standing.get(one.segment, {})
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
                "shadow": self._in_shadow(snapshot.segmentation),
                "differences": [asdict(difference) for difference in one.differences[:DIFFERENCES]],
                "representatives": list(one.representatives),
                "rfm": None if one.rfm is None else asdict(one.rfm),
            }
        for segment, entry in standing.items():
            if segment not in entries and entry["segmentation"] == snapshot.segmentation and entry["retired"] is None:
                entries[segment] = entry | {"size": 0, "share": 0.0, "retired": int(snapshot.last_challenge_at or 0)}
        self._written |= entries
        await self._models.write_catalogue({segment: msgspec.json.encode(entry) for segment, entry in entries.items()})

    async def take_over(self) -> None:
        """Know what stands there, whoever wrote it: the models that it speaks of may not be published anew for long."""
        standing = await self._models.catalogue()
        self._written = {segment: msgspec.json.decode(value) for segment, value in standing.items()}

    async def refresh(self) -> None:
        """Bring sizes, given names and the shadow up to date, at most every few seconds."""
        if not self._written or time.monotonic() - self._refreshed_at < REFRESH_INTERVAL_SECONDS:
            return
        self._refreshed_at = time.monotonic()
        sizes, names = await self._sizes(), await self._models.names()
        changed = {}
        for segment, entry in self._written.items():
            total = sum(sizes.get(other, 0) for other, one in self._written.items() if _same(one, entry))
            size = sizes.get(segment, 0)
            told = entry | {
                "label": names.get(segment, _generated(entry)),
                "shadow": self._in_shadow(entry["segmentation"]),
            }
            if entry["retired"] is None:
                told |= {"size": size, "share": round(size / max(total, 1), 4)}
                if self._is_dropped(entry["segmentation"]):
                    told |= {"retired": int(time.time())}
            if told != entry:
                changed[segment] = told
        self._written |= changed
        await self._models.write_catalogue({segment: msgspec.json.encode(entry) for segment, entry in changed.items()})

    async def _sizes(self) -> Counter[str]:
        sizes: Counter[str] = Counter()
        for partition in range(self._partitions):
            head = await self._state.metadata(partition)
            if head is not None:
                sizes.update(head.sizes)
        return sizes


def _generated(entry: Mapping[str, Any]) -> str:
    """What the segment would be called without a given name; entries of older versions have only that."""
    return str(entry.get("generated_label", entry["label"]))


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["segmentation"] == other["segmentation"])
