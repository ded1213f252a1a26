"""Writes the public catalogue of segments: description, size, value and origin of each, all of one moment.

Entries hold message keys and facts; `streamseg.language` makes text of them where people read it. The fields `label`,
`generated_label` and `description` hold the English text, for readers that know no keys.
"""

import asyncio
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import msgspec

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.clustering.description.describe import SegmentDescription, as_json, describe
from streamseg.clustering.population import Population
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.features.catalogue import Feature
from streamseg.features.vector import names_hash
from streamseg.language import segment_text
from streamseg.pipeline import split_sizes
from streamseg.ports import ModelStore, StateStore
from streamseg.time_units import DAY_SECONDS
from streamseg.worker.pace import PRODUCTION, Pace
from streamseg.worker.trainer.declared_groups import declared_entries
from streamseg.worker.trainer.described_customers import DescribedCustomers

DIFFERENCES = 6
"""Features in an entry that set a segment apart, at most."""
RETIRED_SECONDS = 400 * DAY_SECONDS
"""How long the entry of a retired segment is kept, since it was last written: as long as moves by day are."""
NOBODY: dict[str, Any] = {"size": 0, "share": 0.0, "value_share": None, "provisional_until": None}
"""What an entry says of its members when it is retired."""


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
        currency: of all amounts, ISO 4217.
        minor_units: decimal places of the currency.
        status: which segmentations are public.
        populations: who belongs, by segmentation, where that is not everybody.
        segmentations: the declared ones.
        pace: waits and intervals.
    """

    def __init__(
        self,
        models: ModelStore,
        state: StateStore,
        *,
        partitions: int,
        features: Mapping[str, Feature],
        currency: str,
        minor_units: int,
        status: SegmentationStatus,
        populations: Mapping[str, Population] | None = None,
        segmentations: Mapping[str, SegmentRules] | None = None,
        pace: Pace = PRODUCTION,
    ) -> None:
        self._models = models
        self._state = state
        self._partitions = partitions
        self._currency = currency
        self._status = status
        self._pace = pace
        self._declared = declared_entries(populations or {}, segmentations or {})
        self._customers = DescribedCustomers(features, minor_units)
        self.observed_names = names_hash(features)
        """Stands for the features that samples must have observed to be described by them."""
        self._written: dict[str, dict[str, Any]] = {}
        self._refreshed_at = 0.0
        self._has_audiences = True
        """Whether the stored sizes of audiences may be others than none."""

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
        sizes = await self._sizes()
        self._customers.keep(snapshot.segmentation, samples)
        borders = await self._customers.rfm_borders(self._models)
        sampled, known = self._customers.sampled(samples)
        described = await asyncio.to_thread(
            describe,
            snapshot,
            sampled,
            known,
            currency=self._currency,
            borders=borders,
            sizes=sizes,
            current={segment: entry["label_words"] for segment, entry in stored.items() if "label_words" in entry},
        )
        names = {"group_names": self._customers.group_names(samples)}
        entries = {one.segment: self._entry(one, snapshot, stored.get(one.segment, {})) | names for one in described}
        for segment, entry in stored.items():
            if segment in entries or entry["segmentation"] != snapshot.segmentation or entry["retired"] is not None:
                continue
            if snapshot.handover is not None and segment in snapshot.closing:
                entries[segment] = entry | {"closes": int(snapshot.handover.ends)}
            else:
                entries[segment] = entry | NOBODY | {"retired": int(snapshot.last_challenge_at or 0)}
        self._written |= entries
        await self._write_all_of_now(sizes, entries)

    def _entry(self, one: SegmentDescription, snapshot: Snapshot, before: Mapping[str, Any]) -> dict[str, Any]:
        """Return the entry of a segment, but for what `_of_now` adds."""
        born = [entry for entry in snapshot.lineage if entry.transition == "emerge" and entry.segment == one.segment]
        created = int(born[-1].at if born else snapshot.last_challenge_at or 0)
        parents = [segment for segment, _ in born[-1].related] if born else []
        return {
            "segmentation": snapshot.segmentation,
            "created": before.get("created", created),
            "parents": before.get("parents", parents),
            "retired": None,
            "closes": None,
            "provisional_until": None if snapshot.provisional_until is None else int(snapshot.provisional_until),
            "described": one.described if one.mean_value is not None else 0,
            "described_at": int(snapshot.learned_until or 0),
            "mean_value": one.mean_value,
            **as_json(one),
            "differences": [asdict(difference) for difference in one.differences[:DIFFERENCES]],
            "representatives": list(one.representatives),
            "rfm": None if one.rfm is None else asdict(one.rfm),
            "usual": one.usual,
        }

    async def load(self) -> None:
        """Load the stored catalogue: its models may not be published again for a long time.

        Raises `StoreUnavailableError`.
        """
        stored = await self._models.catalogue()
        self._written = {segment: msgspec.json.decode(value) for segment, value in stored.items()}
        for segment, entry in self._declared.items():
            if not self._status.is_dropped(entry["segmentation"]):
                self._written.setdefault(segment, {})

    async def refresh(self) -> None:
        """Update sizes, shares, given names and shadow flags, at most every `Pace.catalogue_refresh` seconds.

        Raises `StoreUnavailableError`.
        """
        if time.monotonic() - self._refreshed_at < self._pace.catalogue_refresh:
            return
        self._refreshed_at = time.monotonic()
        sizes = await self._sizes()
        await self._write_audience_sizes(sizes)
        if self._written:
            await self._write_all_of_now(sizes, {})

    async def _write_audience_sizes(self, sizes: Counter[str]) -> None:
        members, consented = split_sizes(sizes)
        if members or self._has_audiences:
            self._has_audiences = bool(members)
            counted = AudienceSizes(int(time.time()), members, consented)
            await self._models.write_audience_sizes(counted.encode())

    async def _write_all_of_now(self, sizes: Counter[str], fresh: Mapping[str, Any]) -> None:
        """Give all entries sizes and shares of this moment; write all that are not retired if any changed."""
        await self._end_retired(int(time.time()) - RETIRED_SECONDS)
        updated = self._of_now(sizes, await self._models.names(), int(time.time()), fresh)
        changed = {
            segment
            for segment, entry in updated.items()
            if segment in fresh or (entry is not self._written[segment] and entry != self._written[segment])
        }
        if any(updated[segment]["retired"] is None for segment in changed):
            changed |= {segment for segment, entry in updated.items() if entry["retired"] is None}
        now = int(time.time())
        self._written = {
            segment: entry | ({"as_of": now} if segment in changed else {}) for segment, entry in updated.items()
        }
        await self._models.write_catalogue(
            {segment: msgspec.json.encode(self._written[segment]) for segment in sorted(changed)}
        )

    async def _end_retired(self, before: int) -> None:
        """Remove the entries of segments that retired before a time (wall time, epoch seconds)."""
        ended = [
            segment
            for segment, entry in self._written.items()
            if entry.get("retired") is not None and entry.get("as_of", before) < before
        ]
        if ended:
            await self._models.remove_from_catalogue(ended)
            self._written = {segment: entry for segment, entry in self._written.items() if segment not in ended}

    def _of_now(
        self, sizes: Counter[str], names: Mapping[str, str], now: int, fresh: Mapping[str, Any]
    ) -> dict[str, dict[str, Any]]:
        """Return the entries with size, share, share of the value, name and text.

        The share of the value is that of the present members, each worth what the sampled members of the segment are
        worth on average: so it cannot contradict the size. It is None where a segment is not described.
        """
        present = {segment: self._as_declared(segment, entry, now) for segment, entry in self._written.items()}
        totals, worth = Counter[str](), defaultdict[str, float](float)
        for segment, entry in present.items():
            totals[entry["segmentation"]] += sizes[segment]
            worth[entry["segmentation"]] += sizes[segment] * (entry.get("mean_value") or 0.0)
        updated: dict[str, dict[str, Any]] = {}
        settled: dict[str, dict[str, Any]] = {}
        for segment, entry in present.items():
            now_so = {"given_name": names.get(segment), "shadow": self._status.in_shadow(entry["segmentation"])}
            as_written = entry is self._written[segment] and segment not in fresh
            if as_written and entry["retired"] is not None and now_so.items() <= entry.items():
                settled[segment] = entry  # its text was written when it retired; there may be many
                continue
            one = entry | now_so | {"generated_label": segment_text.generated_label(entry)}
            if entry["retired"] is None:
                total, mean = worth[entry["segmentation"]], entry.get("mean_value")
                value = None if mean is None or not total else round(sizes[segment] * mean / total, 4)
                one |= {
                    "size": sizes[segment],
                    "share": round(sizes[segment] / max(totals[entry["segmentation"]], 1), 4),
                    "value_share": value if "mean_value" in entry else entry["value_share"],
                }
                if self._status.is_dropped(entry["segmentation"]):
                    one |= {**NOBODY, "retired": now}
            updated[segment] = one | {"label": segment_text.label(one)}
        labels = {segment: str(entry["label"]) for segment, entry in (settled | updated).items()}
        return settled | {
            segment: entry | {"description": segment_text.description(entry, labels=labels)}
            for segment, entry in updated.items()
        }

    def _as_declared(self, segment: str, entry: dict[str, Any], now: int) -> dict[str, Any]:
        """Return the entry of a declared group as the settings declare it now, retired without; others as they are."""
        declared = self._declared.get(segment)
        if declared is not None and not (entry and self._status.is_dropped(declared["segmentation"])):
            return {"created": now} | entry | declared
        gone = declared is None and entry.get("declared") and entry["retired"] is None
        return entry | NOBODY | {"retired": now} if gone else entry

    async def _sizes(self) -> Counter[str]:
        sizes: Counter[str] = Counter()
        for partition in range(self._partitions):
            metadata = await self._state.metadata(partition)
            if metadata is not None:
                sizes.update(metadata.sizes)
        return sizes
