"""What people ask of segments and decide about them, on the stores: catalogue, history, names, shadow, reasons."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline
from streamseg.clustering.description.comparison import Comparison, compare
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.clustering.snapshot import Snapshot
from streamseg.errors import SettingsError
from streamseg.features.rows import Rows
from streamseg.features.vector import vectors
from streamseg.kafka.partitioner import partition_of
from streamseg.ports import StateStore
from streamseg.service.explanation import explanation
from streamseg.settings import Settings
from streamseg.topics import CLICKS
from streamseg.wiring import check_settings, rows_layout, segmentations_of, stores

ROWS_AT_ONCE: Final = 1_000
PROMOTION_SECONDS: Final = 5
"""From the word until it holds: by then every worker has heard it, so that all begin at the same moment."""


async def read_catalogue(settings: Settings) -> dict[str, dict[str, Any]]:
    """The segments by id."""
    async with stores(settings) as (_, _, models):
        return {segment: msgspec.json.decode(value) for segment, value in (await models.catalogue()).items()}


async def read_lineage(settings: Settings) -> list[dict[str, Any]]:
    """What became of the segments of all segmentations, oldest first."""
    entries: list[dict[str, Any]] = []
    async with stores(settings) as (_, _, models):
        for name in settings.segmentations:
            stored = await models.snapshot(name)
            if stored is not None:
                entries += [{"segmentation": name, **asdict(one)} for one in Snapshot.from_json(stored).lineage]
    return sorted(entries, key=lambda entry: float(entry["at"]))


async def rename(settings: Settings, segment: str, name: str | None) -> dict[str, Any]:
    """Give a segment a name, or take it back with None: the segment as the catalogue has it now.

    Raises `SettingsError` for a segment that is not there.
    """
    async with stores(settings) as (_, _, models):
        stored = (await models.catalogue()).get(segment)
        if stored is None:
            raise SettingsError(f"there is no segment {segment}: see `streamseg segments --retired`")
        await models.rename(segment, name)
        entry: dict[str, Any] = msgspec.json.decode(stored)
        generated = entry.get("generated_label", entry["label"])
        entry |= {"label": name or generated, "generated_label": generated}
        # At once, also without a worker; the trainer writes the name with every later description.
        await models.write_catalogue({segment: msgspec.json.encode(entry)})
    return {"id": segment} | entry


async def promote(settings: Settings, segmentation: str) -> int:
    """Make a segmentation in shadow public: from when on, epoch seconds. Raises `SettingsError`."""
    _need(settings, segmentation)
    if not settings.segmentations[segmentation].shadow:
        raise SettingsError(f"segmentation {segmentation} is not in shadow: it is public already")
    async with stores(settings) as (_, _, models):
        snapshot = await models.snapshot(segmentation)
        if snapshot is None or not Snapshot.from_json(snapshot).warm:
            raise SettingsError(f"segmentation {segmentation} has no segments yet")
        await models.promote(segmentation, int(time.time()) + PROMOTION_SECONDS)
        return (await models.promoted())[segmentation]


async def drop(settings: Settings, segmentation: str) -> None:
    """Give up a segmentation for good. Raises `SettingsError`."""
    _need(settings, segmentation)
    if len(settings.segmentations) == 1:
        raise SettingsError(f"{segmentation} is the only segmentation: declare another one first")
    async with stores(settings) as (_, _, models):
        await models.drop(segmentation, int(time.time()))


async def compare_segmentations(settings: Settings, old: str, new: str) -> Comparison:
    """Who would move from the old segmentation to the new. Raises `SettingsError`."""
    _need(settings, old)
    _need(settings, new)
    async with stores(settings) as (state, _, _):
        rows = await all_rows(settings, state)
    names = list(settings.segmentations)
    customers = list(rows.slots)
    slots = rows.slots_of(customers)
    return compare(customers, *(_ids(rows, slots, name, names.index(name)) for name in (old, new)))


async def explain(settings: Settings, customer_id: str) -> dict[str, Any]:
    """Why a customer is where they are, by segmentation; nothing for the unknown. As the API answers it."""
    async with stores(settings) as (state, memberships, models):
        head, (membership,) = await state.metadata(0), await memberships.read([customer_id])
        if head is None or membership is None:
            return {}
        (row,) = await state.load(partition_of(customer_id, head.topics[CLICKS][1]), [customer_id])
        if row is None:
            return {}
        found = {name: await models.snapshot(name) for name in json.loads(membership)["segments"]}
        layout = await rows_layout(settings, state)
    snapshots = {name: snapshot for name, snapshot in found.items() if snapshot is not None}
    return explanation(layout, membership, row, snapshots)


async def live_vectors(settings: Settings, segmentation: str) -> tuple[float, list[str], NDArray[np.float64]]:
    """The clock, and the customers with what the segmentation goes by, with their raw vectors. Raises `SettingsError`.

    With an event clock it is the latest event of all.
    """
    _need(settings, segmentation)
    check_settings(settings)
    (chosen,) = (one for one in segmentations_of(settings) if one.name == segmentation)
    async with stores(settings) as (state, _, _):
        rows = await all_rows(settings, state)
    slots = np.arange(len(rows), dtype=np.intp)
    slots = slots[pipeline.is_assignable(rows, slots, chosen)]
    now = time.time()
    if settings.clock == "event":
        now = float(rows.last_seen[slots].max(initial=0.0))
    return now, [rows.customer_ids[slot] for slot in slots.tolist()], vectors(rows, slots, now, chosen.features)


async def all_rows(settings: Settings, state: StateStore) -> Rows:
    """All rows in the store."""
    rows, partition = Rows(await rows_layout(settings, state)), 0
    while partition == 0 or await state.metadata(partition) is not None:
        cursor = -1
        while cursor != 0:
            cursor, listed = await state.scan(partition, max(cursor, 0), ROWS_AT_ONCE)
            fresh = {customer: row for customer, row in listed if customer not in rows.slots}
            rows.load(list(fresh), list(fresh.values()))
        partition += 1
    return rows


def _need(settings: Settings, segmentation: str) -> None:
    if segmentation not in settings.segmentations:
        there = ", ".join(settings.segmentations)
        raise SettingsError(f"there is no segmentation {segmentation}; there are {there}")


def _ids(rows: Rows, slots: NDArray[np.intp], name: str, position: int) -> Sequence[str | None]:
    return [None if code == UNASSIGNED else id_of(name, code) for code in rows.segment[slots, position].tolist()]
