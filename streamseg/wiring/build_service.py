"""Run the use cases of `service` on the Redis stores that the settings name. All raise `StoreUnavailableError`."""

import time
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.description.comparison import Comparison
from streamseg.clustering.snapshot import Snapshot
from streamseg.language.actions import read_actions
from streamseg.language.segment_text import written
from streamseg.pipeline import is_in_step
from streamseg.service import changes, segmentations, segments
from streamseg.service.live_rows import all_rows
from streamseg.service.live_rows import live_vectors as vectors_of
from streamseg.service.segment_members import SegmentMember
from streamseg.service.segment_members import segment_members as members_of
from streamseg.settings import Settings
from streamseg.topics import CLICKS
from streamseg.wiring.command_trail import command_trail
from streamseg.wiring.derived import derive
from streamseg.wiring.explaining import explainer
from streamseg.wiring.kafka_clients import topic_ids
from streamseg.wiring.stores import stores


async def read_catalogue(settings: Settings, language: str | None = None) -> dict[str, dict[str, Any]]:
    """See `service.segments.read_catalogue`; texts in a language, None for that of the settings."""
    async with stores(settings) as (_, _, models):
        return _written(settings, await segments.read_catalogue(models), language)


async def read_lineage(settings: Settings) -> list[dict[str, Any]]:
    """See `service.segments.read_lineage`."""
    async with stores(settings) as (_, _, models):
        return await segments.read_lineage(models, settings.segmentations)


async def read_changes(settings: Settings, since: changes.Since) -> changes.Changes:
    """See `service.changes.read_changes`. With an event clock, now is the last day with a move."""
    async with stores(settings) as (state, _, models):
        return await changes.read_changes(state, models, since, None if settings.clock == "event" else time.time())


async def read_waiting(settings: Settings) -> dict[str, Snapshot | None]:
    """See `service.segments.read_waiting`."""
    async with stores(settings) as (_, _, models):
        return await segments.read_waiting(models, settings.learned)


async def rename(settings: Settings, segment: str, name: str | None) -> dict[str, Any]:
    """See `service.segments.rename`. Raises `NotFoundError`."""
    async with stores(settings) as (_, _, models), command_trail(settings) as trail:
        return await segments.rename(models, segment, name, trail)


async def promote(settings: Settings, segmentation: str) -> int:
    """See `service.segmentations.promote`. Raises `NotFoundError` and `StreamsegError`."""
    shadow = {name: one.shadow for name, one in settings.segmentations.items()}
    async with stores(settings) as (_, _, models), command_trail(settings) as trail:
        now, learned = time.time(), settings.learned
        return await segmentations.promote(models, shadow, segmentation, now, trail=trail, learned=learned)


async def drop(settings: Settings, segmentation: str) -> None:
    """See `service.segmentations.drop`. Raises `NotFoundError` and `SettingsError`."""
    async with stores(settings) as (_, _, models), command_trail(settings) as trail:
        await segmentations.drop(models, settings.segmentations, segmentation, time.time(), trail)


async def segmentations_to_compare(settings: Settings, old: str | None, new: str | None) -> tuple[str, str]:
    """See `service.segmentations.segmentations_to_compare`. Raises `NotFoundError` and `SettingsError`."""
    shadow = {name: one.shadow for name, one in settings.segmentations.items()}
    async with stores(settings) as (_, _, models):
        promoted, dropped = await models.promoted(), await models.dropped()
    return segmentations.segmentations_to_compare(shadow, promoted, dropped, old, new)


async def compare_segmentations(settings: Settings, old: str, new: str) -> Comparison:
    """See `service.segmentations.compare_segmentations`. Raises `NotFoundError`."""
    async with stores(settings) as (state, _, _):
        return await segmentations.compare_segmentations(state, derive(settings).layout, old, new)


async def segment_members(settings: Settings, segment: str) -> AsyncGenerator[SegmentMember, None]:
    """See `service.segment_members.segment_members`. Raises `NotFoundError`."""
    async with stores(settings) as (state, memberships, models):
        async for member in members_of(state, memberships, models, derive(settings).layout, segment):
            yield member


async def explain(settings: Settings, customer_id: str) -> dict[str, Any]:
    """Explain a customer's segments as the API does; empty for an unknown customer."""
    async with stores(settings) as (state, memberships, models):
        (membership,) = await memberships.read([customer_id])
        if membership is None:
            return {}
        return await explainer(state, models, derive(settings)).explain(membership)


async def live_vectors(settings: Settings, segmentation: str) -> tuple[float, list[str], NDArray[np.float64]]:
    """Read all rows and take their vectors: see `service.live_rows.live_vectors`.

    The moment is now, or with an event clock the latest event. Raises `NotFoundError`.
    """
    segmentations.check_declared(settings.segmentations, segmentation)
    derived = derive(settings)
    derived.features_of(segmentation)  # of a declared one there are none
    async with stores(settings) as (state, _, _):
        rows = await all_rows(state, derived.layout)
    now = None if settings.clock == "event" else time.time()
    unknown = settings.membership.unknown_analytics_consent
    return vectors_of(rows, derived.segmentation(segmentation), now, unknown=unknown)


async def out_of_step(settings: Settings) -> int:
    """Return the number of partitions whose backfill has not been closed yet."""
    interval = derive(settings).sweep_interval
    partitions = (await topic_ids(settings))[CLICKS][1]
    async with stores(settings) as (state, _, _):
        known = [await state.metadata(number) for number in range(partitions)]
    return sum(not is_in_step(one.checkpoint, interval) for one in known if one is not None)


async def read_membership(
    settings: Settings, customer_id: str, language: str | None = None
) -> tuple[bytes | None, dict[str, dict[str, Any]]]:
    """Return a customer's membership string, None if there is none, and the catalogue entry of each segment by id."""
    async with stores(settings) as (_, memberships, models):
        (membership,) = await memberships.read([customer_id])
        catalogue = await segments.read_catalogue(models)
    return membership, _written(settings, catalogue, language)


def _written(
    settings: Settings, catalogue: dict[str, dict[str, Any]], language: str | None
) -> dict[str, dict[str, Any]]:
    """Return the entries with their texts in a language, None for that of the settings."""
    descriptions = settings.descriptions
    return written(catalogue, read_actions(descriptions.actions_file), language or descriptions.language)
