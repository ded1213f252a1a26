"""Run the use cases of `service.lists` on the stores that the settings name. All raise `StoreUnavailableError`."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from streamseg.audiences.lists.entries import EntryKind
from streamseg.audiences.lists.list_files import ReadList, read_list
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.audiences.written.ends import end_of
from streamseg.errors import NotFoundError
from streamseg.ports import AuditLog, ModelStore, StateStore
from streamseg.service import audiences
from streamseg.service.audience_rows import NO_REST, Rest
from streamseg.service.list_desk import BESIDE_PAGES, ListDesk, Upload
from streamseg.service.lists import ListCounts
from streamseg.settings import Settings
from streamseg.wiring.command_trail import command_author
from streamseg.wiring.declared_audiences import vocabulary
from streamseg.wiring.derived import derive
from streamseg.wiring.stores import audit_log, stores


@dataclass(frozen=True, slots=True)
class ListSource:
    """A file with a list, and how to read it."""

    path: Path
    kind: EntryKind | None = None
    """None to find it."""
    column: str | None = None
    """Heading of the only column to read."""


async def read_lists(settings: Settings) -> tuple[UploadedList, ...]:
    """Return the uploaded lists, sorted by id."""
    async with stores(settings) as (_, _, models):
        return (await audiences.read_declared(models)).lists


def list_desk(
    settings: Settings, state: StateStore, models: ModelStore, audit: AuditLog, rest: Rest = BESIDE_PAGES
) -> ListDesk:
    """Make what uploads, counts and drops lists."""
    layout, clock = derive(settings).layout, settings.clock == "event"
    return ListDesk(state, models, audit, layout, vocabulary=vocabulary, event_clock=clock, rest=rest)


async def count(settings: Settings, name: str) -> tuple[UploadedList, ListCounts, list[str]]:
    """Return a list, how many customers are on it, and the audiences that ask for it. Raises `NotFoundError`."""
    async with stores(settings) as (state, _, models), audit_log(settings) as audit:
        counted = await list_desk(settings, state, models, audit, NO_REST).count(name)
        declared = await audiences.read_declared(models)
        found = declared.find_list(name)
        if found is None:
            raise NotFoundError(f"there is no list {name}: see `streamseg lists`")
        return found, counted, declared.users_of(name)


async def add(
    settings: Settings, name: str, source: ListSource, expires: datetime | date | None, purpose: str | None
) -> tuple[UploadedList, ReadList, ListCounts]:
    """Upload a list from a file: see `ListDesk.add`, and count who is on it. Raises `SettingsError`."""
    layout = derive(settings).layout
    read = read_list(source.path, kind=source.kind, column=source.column, country_code=layout.phone_country_code)
    upload = Upload(name, read, end_of(expires, layout.time_zone), purpose)
    async with stores(settings) as (state, _, models), audit_log(settings) as audit:
        desk = list_desk(settings, state, models, audit, NO_REST)
        uploaded = await desk.add(upload, command_author())
        return uploaded, read, await desk.count(name)


async def drop(settings: Settings, name: str) -> None:
    """Drop a list. Raises `NotFoundError`, and `SettingsError` if an audience asks for it."""
    async with stores(settings) as (state, _, models), audit_log(settings) as audit:
        await list_desk(settings, state, models, audit).drop(name, command_author())
