"""Run the use cases of `service.lists` on the stores that the settings name. All raise `StoreUnavailableError`."""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from streamseg.audiences.definition import Audience
from streamseg.audiences.lists.entries import EntryKind
from streamseg.audiences.lists.list_files import ReadList, read_list
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.audiences.written.ends import end_of
from streamseg.errors import NotFoundError, SettingsError
from streamseg.service import audiences, lists
from streamseg.settings import Settings
from streamseg.wiring.command_trail import command_trail
from streamseg.wiring.declared_audiences import vocabulary
from streamseg.wiring.derived import derive
from streamseg.wiring.stores import stores


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


async def count(settings: Settings, name: str) -> tuple[UploadedList, lists.ListCounts, list[str]]:
    """Return a list, how many customers are on it, and the audiences that ask for it. Raises `NotFoundError`."""
    layout = derive(settings).layout
    async with stores(settings) as (state, _, models):
        declared = await audiences.read_declared(models)
        found = declared.find_list(name)
        if found is None:
            raise NotFoundError(f"there is no list {name}: see `streamseg lists`")
        loaded = (await lists.ListContents(models).of(declared)).get(name)
        if loaded is None:
            raise NotFoundError(f"the content of list {name} is missing or damaged: upload it again")
        counted = await lists.count_list(state, layout, loaded, event_clock=settings.clock == "event")
        return found, counted, declared.users_of(name)


async def add(
    settings: Settings, name: str, source: ListSource, expires: datetime | date | None, purpose: str | None
) -> tuple[UploadedList, ReadList, lists.ListCounts]:
    """Upload a list from a file, in place of the one with its id.

    With a purpose, also declare an audience of the same id: of those who are on the list.

    Raises `SettingsError`: the file has no valid entry, rows keep no hashes that the list needs, or there is no room.
    """
    layout = derive(settings).layout
    read = read_list(source.path, kind=source.kind, column=source.column, country_code=layout.phone_country_code)
    if not read.valid:
        first = f": line {read.invalid[0].line}: {read.invalid[0].reason}" if read.invalid else ""
        raise SettingsError(f"{source.path}: none of its {read.lines:,} lines is valid{first}")
    try:
        vocabulary(layout, {name: frozenset(read.kinds)}).uploaded_list(name)
    except ValueError as error:
        raise SettingsError(f"list {error}") from None
    own = None
    if purpose is not None:
        own = Audience.model_validate({"id": name, "name": name, "purpose": purpose, "rule": {"list": name}})
    uploaded = lists.described(name, read, end_of(expires, layout.time_zone))
    async with stores(settings) as (state, _, models), command_trail(settings) as trail:
        after = await lists.upload(models, uploaded, read.content, own, layout.audiences, trail=trail)
        found = after.find_list(name) or uploaded
        asked = lists.as_asked(uploaded, read.content)
        return found, read, await lists.count_list(state, layout, asked, event_clock=settings.clock == "event")


async def drop(settings: Settings, name: str) -> None:
    """Drop a list. Raises `NotFoundError`, and `SettingsError` if an audience asks for it."""
    async with stores(settings) as (_, _, models), command_trail(settings) as trail:
        await lists.drop_list(models, name, trail)
