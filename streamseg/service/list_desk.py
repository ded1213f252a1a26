"""Uploads, counts and drops lists for people and commands."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from streamseg.audiences.definition import Audience
from streamseg.audiences.lists.list_files import ReadList
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.audiences.vocabulary import Vocabulary
from streamseg.errors import NotFoundError, SettingsError
from streamseg.features.layout import Layout
from streamseg.ports import AuditLog, ModelStore, StateStore
from streamseg.service import lists
from streamseg.service.audience_rows import Rest
from streamseg.service.audiences import read_declared
from streamseg.service.audit_trail import Author, Trail
from streamseg.service.lists import ListContents, ListCounts

BESIDE_PAGES: Final = Rest(rows=200, share=1.0)


@dataclass(frozen=True, slots=True)
class Upload:
    """What is to be uploaded. `ends` is in epoch seconds; `purpose` is that of an audience of it, None for none."""

    id: str
    read: ReadList
    ends: float | None = None
    purpose: str | None = None


class ListDesk:
    """The lists of a shop.

    Args:
        state: the stored rows.
        models: the declared lists and their contents.
        audit: where changes are written down.
        layout: of the rows.
        vocabulary: what rules can speak of, with lists of which it is known what they hold.
        event_clock: whether the clock of a partition is that of its events.
        rest: how a count gives way to others.
    """

    def __init__(
        self,
        state: StateStore,
        models: ModelStore,
        audit: AuditLog,
        layout: Layout,
        *,
        vocabulary: Callable[[Layout, Mapping[str, frozenset[str]]], Vocabulary],
        event_clock: bool = False,
        rest: Rest = BESIDE_PAGES,
    ) -> None:
        self._state, self._models, self._audit = state, models, audit
        self.layout, self._vocabulary = layout, vocabulary
        self._event_clock, self._rest = event_clock, rest

    async def add(self, upload: Upload, author: Author) -> UploadedList:
        """Upload a list in place of the one with its id; with a purpose, declare an audience of the same id, too.

        Raises `SettingsError`: nothing that was read is valid, rows keep no hashes that the list needs, or there is no
        room.
        """
        name, read = upload.id, upload.read
        if not read.valid:
            first = f": line {read.invalid[0].line}: {read.invalid[0].reason}" if read.invalid else ""
            raise SettingsError(f"list {name}: none of its {read.lines:,} lines is valid{first}")
        try:
            self._vocabulary(self.layout, {name: frozenset(read.kinds)}).uploaded_list(name)
        except ValueError as error:
            raise SettingsError(f"list {error}") from None
        own = None
        if upload.purpose is not None:
            definition = {"id": name, "name": name, "purpose": upload.purpose, "rule": {"list": name}}
            own = Audience.model_validate(definition)
        uploaded, trail = lists.described(name, read, upload.ends), Trail(self._audit, author, time.time)
        after = await lists.upload(self._models, uploaded, read.content, own, self.layout.audiences, trail=trail)
        return after.find_list(name) or uploaded

    async def count(self, name: str) -> ListCounts:
        """Count who is on a list now, by all rows. Raises `NotFoundError`."""
        declared = await read_declared(self._models)
        if declared.find_list(name) is None:
            raise NotFoundError(f"there is no list {name}: see `streamseg lists`")
        loaded = (await ListContents(self._models).of(declared)).get(name)
        if loaded is None:
            raise NotFoundError(f"the content of list {name} is missing or damaged: upload it again")
        return await lists.count_list(self._state, self.layout, loaded, event_clock=self._event_clock, rest=self._rest)

    async def drop(self, name: str, author: Author) -> None:
        """Drop a list. Raises `NotFoundError`, and `SettingsError` if an audience asks for it."""
        await lists.drop_list(self._models, name, Trail(self._audit, author, time.time))
