"""Upload, drop and count lists: their hashes are stored once, and read by who evaluates rules."""

import secrets
import time
from dataclasses import dataclass
from math import inf
from typing import Final

import numpy as np

from streamseg.audiences.compiled import CompiledRules
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.audiences.lists.content import DamagedListError, ListContent, LoadedList
from streamseg.audiences.lists.list_files import ReadList
from streamseg.audiences.lists.uploaded import UploadedList
from streamseg.audiences.normal_form import Literal
from streamseg.audiences.predicates import OnList
from streamseg.errors import SettingsError
from streamseg.features.identifiers.normal_forms import FORMS
from streamseg.features.layout import Layout
from streamseg.pipeline import is_known
from streamseg.ports import ModelStore, StateStore
from streamseg.service.audience_rows import NO_REST, Rest, pieces_and_clocks
from streamseg.service.audiences import Change, change, read_declared
from streamseg.service.audit_trail import Trail
from streamseg.time_units import DAY_SECONDS

_UNNAMED_SECONDS: Final = DAY_SECONDS
"""No upload takes longer."""


@dataclass(slots=True)
class ListCounts:
    """How many customers are on a list now, by all rows."""

    customers: int = 0
    """All known customers."""
    identified: int = 0
    """Customers of whom an e-mail address or phone number is known, where the list asks for one."""
    matched: int = 0
    unknown: int = 0
    """Customers whose identifiers rows did not keep yet when a profile may have told them."""


class ListContents:
    """Reads the contents of lists, each once while a set names it."""

    def __init__(self, models: ModelStore) -> None:
        self._models = models
        self._contents: dict[str, ListContent] = {}

    async def of(self, declared: DeclaredAudiences) -> dict[str, LoadedList]:
        """Return the lists of a set by id, without those whose content is missing or damaged.

        Raises `StoreUnavailableError`.
        """
        held, loaded = dict[str, ListContent](), dict[str, LoadedList]()
        for one in declared.lists:
            content = self._contents.get(one.content) or await self._read(one.content)
            if content is not None:
                held[one.content] = content
                loaded[one.id] = as_asked(one, content)
        self._contents = held
        return loaded

    async def _read(self, name: str) -> ListContent | None:
        stored = await self._models.read_list(name)
        try:
            return None if stored is None else ListContent.decode(stored)
        except DamagedListError:
            return None


def as_asked(uploaded: UploadedList, content: ListContent) -> LoadedList:
    """Return a list as rules ask for it."""
    return LoadedList(content, frozenset(uploaded.kinds), inf if uploaded.ends is None else uploaded.ends)


def described(name: str, read: ReadList, ends: float | None) -> UploadedList:
    """Return what is kept of a list that was read from a file, beside its content."""
    now = int(time.time())
    return UploadedList(
        id=name,
        version=0,
        content=f"{name}.{now}.{secrets.token_hex(8)}",
        kinds=read.kinds,
        lines=read.lines,
        valid=read.valid,
        duplicates=read.duplicates,
        entries=read.content.entries,
        uploaded_at=now,
        ends=ends,
    )


async def upload(
    models: ModelStore,
    uploaded: UploadedList,
    content: ListContent,
    audience: Audience | None = None,
    columns: int = 0,
    *,
    trail: Trail | None = None,
) -> DeclaredAudiences:
    """Store a list and tell all workers of it, in place of the one with its id; returns the new set.

    With `audience`, declare that too, where rows have so many columns. The content is stored first, so whoever knows of
    the list can read it.

    Raises `SettingsError` where there is no room or the audience has another rule already, `StreamsegError` if others
    keep changing the audiences.
    """

    def with_all(declared: DeclaredAudiences) -> DeclaredAudiences:
        now = int(time.time())
        made = declared.with_list(uploaded, now)
        if audience is None:
            return made
        there = declared.find(audience.id)
        if there is None:
            return made.with_(audience.id, audience.written(), columns, now)
        if there.definition["rule"] != audience.written()["rule"]:
            raise SettingsError(f"there is an audience {audience.id} with another rule: choose another id for the list")
        return made

    with_all(await read_declared(models))  # refused before megabytes are sent
    await models.write_list(uploaded.content, content.encode())
    return await _change(models, with_all, trail)


async def drop_list(models: ModelStore, name: str, trail: Trail | None = None) -> DeclaredAudiences:
    """Drop a list and its content; returns the new set.

    Raises `NotFoundError` if there is no such list, `SettingsError` if an audience asks for it.
    """
    return await _change(models, lambda declared: declared.without_list(name, int(time.time())), trail)


async def count_list(
    state: StateStore, layout: Layout, asked: LoadedList, *, event_clock: bool = False, rest: Rest = NO_REST
) -> ListCounts:
    """Count the customers on a list from all rows, on the clock of each partition."""
    rules, counts = CompiledRules(layout, ["list"], [[(Literal(OnList("list")),)]], {"list": asked}), ListCounts()
    columns = [n * FORMS for n, kind in enumerate(layout.identifiers) if kind in asked.kinds]
    async for rows, now in pieces_and_clocks(state, layout, event_clock=event_clock, rest=rest):
        slots = np.arange(len(rows), dtype=np.intp)
        slots = slots[is_known(rows, slots)]
        at, nobody = np.maximum(rows.last_seen[slots], now), np.zeros((len(slots), 1), dtype=np.bool_)
        counts.customers += len(slots)
        counts.identified += int(rows.identifiers[slots][:, columns].any(axis=1).sum())
        counts.matched += int(rules.decide(rows, slots, at, nobody).members.sum())
        counts.unknown += int(rules.unknown(rows, slots, at, nobody).sum())
    return counts


async def _change(models: ModelStore, made: Change, trail: Trail | None) -> DeclaredAudiences:
    """Change the lists, and delete the contents that no list has any more."""
    before = DeclaredAudiences()

    def noted(declared: DeclaredAudiences) -> DeclaredAudiences:
        nonlocal before
        before = declared
        return made(declared)

    after = await change(models, noted, trail)
    named, replaced = _contents(after), _contents(before)
    unnamed = await models.list_names() - named
    await models.remove_lists([name for name in unnamed if name in replaced or _is_old(name)])
    return after


def _contents(declared: DeclaredAudiences) -> set[str]:
    return {one.content for one in declared.lists}


def _is_old(name: str) -> bool:
    """Return whether the upload of a content must have ended: then, without a name, it ended early."""
    return time.time() - int(name.split(".")[1]) > _UNNAMED_SECONDS
