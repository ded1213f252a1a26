"""Read the segment catalogue and its history, and rename a segment."""

from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import msgspec

from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import StreamsegError
from streamseg.ports import ModelStore


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


async def rename(models: ModelStore, segment: str, name: str | None) -> dict[str, Any]:
    """Name a segment, or restore its generated label with None. Return its new catalogue entry with its id.

    The entry is written here too, so that the name shows without a running worker. The trainer copies the name into
    every later description.

    Raises:
        StreamsegError: the catalogue has no such segment.
    """
    stored = (await models.catalogue()).get(segment)
    if stored is None:
        raise StreamsegError(f"there is no segment {segment}: see `streamseg segments --retired`")
    await models.rename(segment, name)
    entry: dict[str, Any] = msgspec.json.decode(stored)
    generated = entry.get("generated_label", entry["label"])
    entry |= {"label": name or generated, "generated_label": generated}
    await models.write_catalogue({segment: msgspec.json.encode(entry)})
    return {"id": segment} | entry
