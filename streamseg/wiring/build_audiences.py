"""Run the use cases of `service.audiences` on the stores that the settings name. All raise `StoreUnavailableError`."""

from collections.abc import AsyncGenerator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.declared import Declared, DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.clustering.likeness.models import Lookalikes
from streamseg.kafka.partitioner import partition_of
from streamseg.language import DEFAULT
from streamseg.pipeline import LiveAudiences
from streamseg.ports import AuditLog, ModelStore, StateStore
from streamseg.service import audiences
from streamseg.service.audience_desk import AudienceDesk
from streamseg.service.audience_reasons import read_reasons
from streamseg.service.audience_survey import Survey
from streamseg.service.audience_survey import survey as survey_of
from streamseg.service.lists import ListContents
from streamseg.service.lookalike_reports import LookalikeReport, lookalike_reports
from streamseg.service.overlap import Overlap, overlap_of
from streamseg.service.viability import AudienceCounts, counts_of
from streamseg.settings import Settings
from streamseg.wiring.command_trail import command_trail
from streamseg.wiring.declared_audiences import live_audiences, with_lists
from streamseg.wiring.derived import Derived, derive
from streamseg.wiring.stores import stores


def desk(settings: Settings, state: StateStore, models: ModelStore, audit: AuditLog) -> AudienceDesk:
    """Make what answers programs and pages about audiences."""
    derived = derive(settings)
    return AudienceDesk(
        state,
        models,
        audit,
        derived.layout,
        derived.publishing.unknown_consent,
        live_of=partial(live_audiences, segmentations=derived.declared, compared_by=derived.segmentations),
        vocabulary=partial(with_lists, segmentations=derived.declared),
        segmentations=derived.declared,
        partition_of=partition_of,
        event_clock=settings.clock == "event",
    )


async def read_declared(settings: Settings) -> tuple[Declared, ...]:
    """Return the declared audiences, sorted by id."""
    async with stores(settings) as (_, _, models):
        return (await audiences.read_declared(models)).live


async def read_sizes(settings: Settings) -> dict[str, int]:
    """Return the members of each audience by its name, the largest first, as the trainer counted them last."""
    async with stores(settings) as (_, _, models):
        sizes = (await audiences.read_sizes(models)).sizes
        live = (await audiences.read_declared(models)).live
    named = {str(one.definition["name"]): sizes.get(one.id, 0) for one in live}
    return dict(sorted(named.items(), key=lambda item: -item[1]))


async def survey(settings: Settings) -> Survey:
    """Count all audiences in one pass over the rows."""
    derived = derive(settings)
    async with stores(settings) as (state, _, models):
        live = await _live(models, derived, await audiences.read_declared(models))
        unknown = derived.publishing.unknown_consent
        return await survey_of(state, derived.layout, live, unknown, event_clock=settings.clock == "event")


async def count(settings: Settings) -> tuple[int, DeclaredAudiences, Mapping[str, AudienceCounts]]:
    """Return the moment (epoch seconds), the declared audiences, and how many customers of each reach its use."""
    counted = await survey(settings)
    return counted.as_of, counted.live.declared, counts_of(counted)


async def add(settings: Settings, file: Path) -> tuple[Declared, ...]:
    """Declare the audiences of a file; returns them. Raises `SettingsError` with a line for each error."""
    derived = derive(settings)
    async with stores(settings) as (_, _, models), command_trail(settings) as trail:
        declared = await audiences.read_declared(models)
        read = _read(file, derived, declared)
        after = await audiences.declare(models, read, derived.layout.audiences, trail)
    return tuple(found for one in read if (found := after.find(one.id)) is not None)


async def drop(settings: Settings, audience: str) -> None:
    """Drop an audience for good. Raises `NotFoundError` if there is no such audience."""
    async with stores(settings) as (_, _, models), command_trail(settings) as trail:
        await audiences.drop(models, audience, trail)


async def preview(settings: Settings, file: Path) -> list[audiences.Preview]:
    """Return who would belong to the audiences of a file. Raises `SettingsError` with a line for each error."""
    derived = derive(settings)
    layout = derived.layout
    async with stores(settings) as (state, _, models):
        declared = await audiences.read_declared(models)
        read = _read(file, derived, declared)
        tried = declared
        for one in read:
            tried = tried.with_(one.id, one.written(), layout.audiences)
        live = await _live(models, derived, tried, decides=True)
        clock = settings.clock == "event"
        return await audiences.previews(state, layout, live, [one.id for one in read], event_clock=clock)


async def members(settings: Settings, audience: str) -> AsyncGenerator[audiences.MembersPage, None]:
    """Yield the customers of an audience who consent to its purpose. Raises `NotFoundError`."""
    derived = derive(settings)
    async with stores(settings) as (state, _, models):
        live = await _live(models, derived, await audiences.read_declared(models))
        unknown = derived.publishing.unknown_consent
        async for page in audiences.members(state, derived.layout, live, audience, unknown):
            yield page


async def reasons(settings: Settings, customer_id: str, language: str = DEFAULT) -> dict[str, dict[str, Any]]:
    """Return why a customer is in each audience or not, see `service.audience_reasons.audience_reasons`."""
    derived = derive(settings)
    async with stores(settings) as (state, _, models):
        live = await _live(models, derived, await audiences.read_declared(models), decides=True)
        clock = settings.clock == "event"
        return await read_reasons(
            state, derived.layout, live, customer_id, partition_of, event_clock=clock, language=language
        )


async def overlap(settings: Settings) -> Overlap:
    """Compare every audience with every segment."""
    return overlap_of(await survey(settings))


async def lookalikes(settings: Settings) -> dict[str, list[LookalikeReport]]:
    """Return the reports of the look-alikes that audiences ask for, by audience; those without any are left out."""
    derived = derive(settings)
    async with stores(settings) as (_, _, models):
        live = await _live(models, derived, await audiences.read_declared(models))
    return lookalike_reports(live, derived.features)


async def _live(
    models: ModelStore, derived: Derived, declared: DeclaredAudiences, *, decides: bool = False
) -> LiveAudiences:
    """Return the audiences; with the content of lists where rules are to be decided (`decides`)."""
    lists = await ListContents(models).of(declared) if decides else None
    published = Lookalikes.decode(await models.lookalikes())
    live, _ = live_audiences(
        derived.layout,
        declared,
        lists,
        published,
        segmentations=derived.declared,
        compared_by=derived.segmentations,
    )
    return live


def _read(file: Path, derived: Derived, declared: DeclaredAudiences) -> tuple[Audience, ...]:
    existing = [Audience.model_validate(one.definition) for one in declared.live]
    known = with_lists(derived.layout, declared, derived.declared)
    return read_audiences(str(file), file.read_bytes(), known, existing, derived.declared).audiences
