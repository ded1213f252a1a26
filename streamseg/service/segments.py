"""Read the segment catalogue, its history and what it waits for, and rename a segment."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import msgspec

from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import NotFoundError
from streamseg.ports import ModelStore
from streamseg.service.audit_trail import Change, Trail


async def read_catalogue(models: ModelStore) -> dict[str, dict[str, Any]]:
    """Return every segment of the catalogue by id, retired ones included."""
    return {segment: msgspec.json.decode(entry) for segment, entry in (await models.catalogue()).items()}


async def read_lineage(models: ModelStore, segmentations: Iterable[str]) -> list[dict[str, Any]]:
    """Return the births, splits, merges and ends of the segments of these segmentations, oldest first."""
    entries: list[dict[str, Any]] = []
    for name in segmentations:
        stored = await models.snapshot(name)
        if stored is not None:
            entries += [{"segmentation": name, **asdict(one)} for one in Snapshot.from_json(stored).lineage]
    return sorted(entries, key=lambda entry: float(entry["at"]))


async def read_waiting(models: ModelStore, segmentations: Iterable[str]) -> dict[str, Snapshot | None]:
    """Return the latest snapshot of each of these segmentations that has no segments yet; None if there is none."""
    waiting: dict[str, Snapshot | None] = {}
    for name in segmentations:
        stored = await models.snapshot(name)
        snapshot = None if stored is None else Snapshot.from_json(stored)
        if snapshot is None or not snapshot.warm:
            waiting[name] = snapshot
    return waiting


async def rename(models: ModelStore, segment: str, name: str | None, trail: Trail | None = None) -> dict[str, Any]:
    """Name a segment, or restore its generated label with None. Return its new catalogue entry with its id.

    The change is written to the trail before.

    The entry is written here too, so that the name shows without a running worker. The trainer copies the name into
    every later description.

    Raises:
        NotFoundError: the catalogue has no such segment.
    """
    stored = (await models.catalogue()).get(segment)
    if stored is None:
        raise NotFoundError(f"there is no segment {segment}: see `streamseg segments --retired`")
    entry: dict[str, Any] = msgspec.json.decode(stored)
    if trail is not None:
        await trail.note(Change("rename", segment, entry.get("given_name"), name))
    await models.rename(segment, name)
    generated = entry.get("generated_label", entry["label"])
    entry |= {"label": name or generated, "generated_label": generated, "given_name": name}
    await models.write_catalogue({segment: msgspec.json.encode(entry)})
    return {"id": segment} | entry
