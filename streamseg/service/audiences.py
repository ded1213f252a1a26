"""Declare and drop audiences, list their members, and preview wished ones: from the rows, so exact."""

import time
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.audiences.questions import Asked
from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.errors import NotFoundError, SettingsError, StreamsegError
from streamseg.features.layout import Layout
from streamseg.features.relayout import with_readable
from streamseg.features.rows import Rows, Slots
from streamseg.language import DEFAULT
from streamseg.language.rule_words import asked
from streamseg.membership.types import Consent
from streamseg.pipeline import LiveAudiences, belonged, consents, is_known
from streamseg.ports import ModelStore, StateStore
from streamseg.service.audience_rows import NO_REST, Rest, pieces_and_clocks
from streamseg.service.audit_trail import Trail, changes_of

Change = Callable[[DeclaredAudiences], DeclaredAudiences]

_TRIES: Final = 10
"""Two people may declare at the same time: who comes second reads again."""
_EXAMPLES: Final = 10
PIECES: Final = 20
"""Of rows that a page of members reads at most."""


@dataclass(frozen=True, slots=True)
class Example:
    """A member by a pseudonym, and what is asked in the clause that holds: so, or not so if `wanted` is false."""

    pseudonym: str
    why: list[dict[str, Any]]


@dataclass(slots=True)
class Preview:
    """Who would belong to an audience that is not declared yet."""

    audience: str
    as_of: int
    customers: int = 0
    """All known customers."""
    matched: int = 0
    unknown: int = 0
    """Customers of whom rows do not know enough: what the rule asks of began to be kept later."""
    segments: dict[str, int] = field(default_factory=dict)
    """Members by segment id."""
    examples: list["Example"] = field(default_factory=list)
    """Some members."""


async def read_declared(models: ModelStore) -> DeclaredAudiences:
    """Return the declared audiences."""
    return DeclaredAudiences.decode(await models.declared())


async def read_sizes(models: ModelStore) -> AudienceSizes:
    """Return the members of each audience, as the trainer counted them last."""
    return AudienceSizes.decode(await models.audience_sizes())


class StaleError(SettingsError):
    """An audience was changed by others since it was read."""


async def declare(
    models: ModelStore,
    audiences: Iterable[Audience],
    columns: int,
    trail: Trail | None = None,
    versions: Mapping[str, int] | None = None,
) -> DeclaredAudiences:
    """Add audiences or change their definitions; returns the new set.

    Args:
        models: where they are kept.
        audiences: the audiences.
        columns: for so many have rows room.
        trail: where the changes are written down.
        versions: what must be there still: versions by id, 0 for none yet. Without it whatever is there is changed.

    Raises `SettingsError` for a dropped id or without room, `StaleError` for another version, `StreamsegError` if
    others keep changing them.
    """

    def with_all(declared: DeclaredAudiences) -> DeclaredAudiences:
        for one in audiences:
            there = declared.find(one.id)
            version = 0 if there is None else there.version
            if versions is not None and version != versions[one.id]:
                said = f"version {version} is there" if version else "is not there any more"
                raise StaleError(f"audience {one.id}: {said}, not what you have opened: somebody has changed it")
            declared = declared.with_(one.id, one.written(), columns, int(time.time()))
        return declared

    audiences = list(audiences)
    return await change(models, with_all, trail)


async def drop(models: ModelStore, audience: str, trail: Trail | None = None) -> DeclaredAudiences:
    """Drop an audience for good; returns the new set. Raises `NotFoundError` if there is no such audience."""
    return await change(models, lambda declared: declared.without(audience, int(time.time())), trail)


async def change(models: ModelStore, made: Change, trail: Trail | None = None) -> DeclaredAudiences:
    """Change the declared audiences and lists; returns the new set. What changes is written to the trail before.

    Raises `StreamsegError` if others keep changing them.
    """
    for _ in range(_TRIES):
        before = await read_declared(models)
        after = made(before)
        if after is before:
            return after
        if trail is not None:
            for one in changes_of(before, after):
                await trail.note(one)
        if await models.declare(after.generation, before.generation, after.encode()):
            return after
    raise StreamsegError("somebody else keeps changing the audiences: try again")


@dataclass(frozen=True, slots=True)
class MembersPage:
    """Some members of an audience who consent to its purpose, and where the next page begins."""

    members: list[tuple[str, int]]
    """Each with the time of entering it, epoch seconds."""
    without_consent: int
    """Members among the same rows who do not consent: nobody is to have their ids."""
    after: str | None = None
    """None after the last one."""


async def members(
    state: StateStore, layout: Layout, live: LiveAudiences, audience: str, unknown: Consent
) -> AsyncGenerator[MembersPage, None]:
    """Yield the customers of an audience, page by page; `unknown` is the consent of who gave no answer.

    Raises `NotFoundError` if there is no such audience.
    """
    if audience not in live.ids:
        raise NotFoundError(f"there is no audience {audience}: see `streamseg audiences`")
    async for rows, _ in pieces_and_clocks(state, layout, event_clock=True):
        yield MembersPage(*_members(rows, live, audience, unknown))


async def members_page(
    state: StateStore,
    layout: Layout,
    live: LiveAudiences,
    audience: str,
    unknown: Consent,
    *,
    after: str | None,
    rest: Rest,
) -> MembersPage:
    """Return the members among the next rows: `PIECES` pieces at most, and no further piece once one has members.

    So a page may be empty, or have a few members more than the rows of a piece. A customer may come twice while rows
    are added.

    Raises `NotFoundError` if there is no such audience.
    """
    if audience not in live.ids:
        raise NotFoundError(f"there is no audience {audience}")
    partition, cursor = map(int, (after or "0.0").split("."))
    readable = with_readable(layout, await state.layouts())
    found, without_consent = list[tuple[str, int]](), 0
    for _ in range(PIECES):
        cursor, listed = await state.scan(partition, cursor, rest.rows)
        rows = Rows(readable, max(len(listed), 1))
        rows.load([customer for customer, _ in listed], [row for _, row in listed])
        more, unwilling = _members(rows, live, audience, unknown)
        found, without_consent = found + more, without_consent + unwilling
        if not cursor:
            partition += 1
            if await state.metadata(partition) is None:
                return MembersPage(list(dict.fromkeys(found)), without_consent)
        if found:
            break
    return MembersPage(list(dict.fromkeys(found)), without_consent, f"{partition}.{cursor}")


def _members(rows: Rows, live: LiveAudiences, audience: str, unknown: Consent) -> tuple[list[tuple[str, int]], int]:
    """Return the members who consent to the purpose of the audience, and how many do not."""
    slots, column = np.arange(len(rows), dtype=np.intp), live.ids.index(audience)
    slots = slots[is_known(rows, slots)]
    _, held = belonged(rows, slots, live)
    inside = slots[held[:, column]]
    agreed = consents(rows, inside, unknown)[:, live.purposes[audience]]
    listed = inside[agreed]
    since = rows.entered[listed, live.columns[column]].tolist()
    found = list(zip(map(rows.customer_ids.__getitem__, listed.tolist()), since, strict=True))
    return found, len(inside) - len(listed)


async def previews(
    state: StateStore,
    layout: Layout,
    live: LiveAudiences,
    wished: Sequence[str],
    *,
    event_clock: bool = False,
    rest: Rest = NO_REST,
    language: str = DEFAULT,
) -> list[Preview]:
    """Return who would belong to some audiences of `live` by their rules now, on the clock of each partition.

    What the examples say is in a language.
    """
    found = {one: Preview(one, 0) for one in wished}
    async for rows, now in pieces_and_clocks(state, layout, event_clock=event_clock, rest=rest):
        slots = np.arange(len(rows), dtype=np.intp)
        slots = slots[is_known(rows, slots)]
        held = belonged(rows, slots, live)[1][:, : len(live.ids)]
        at = np.maximum(rows.last_seen[slots], now)
        decided = live.rules.decide(rows, slots, at, held).members & (at[:, None] < live.ends)
        unknown = live.rules.unknown(rows, slots, at, held)
        for one, preview in found.items():
            column = live.ids.index(one)
            preview.as_of = max(preview.as_of, int(now))
            preview.customers += len(slots)
            preview.unknown += int(unknown[:, column].sum())
            inside = slots[decided[:, column]]
            _add_members(preview, rows, inside)
            chosen = np.flatnonzero(decided[:, column])[: _EXAMPLES - len(preview.examples)]
            preview.examples += _examples(Asked(rows, slots[chosen], at[chosen], held[chosen]), live, column, language)
    return list(found.values())


def _add_members(preview: Preview, rows: Rows, inside: Slots) -> None:
    preview.matched += len(inside)
    for s, name in enumerate(rows.layout.segmentations):
        codes, members_ = np.unique(rows.segment[inside, s], return_counts=True)
        for code, size in zip(codes.tolist(), members_.tolist(), strict=True):
            if code != UNASSIGNED:
                segment = id_of(name, code)
                preview.segments[segment] = preview.segments.get(segment, 0) + size


def _examples(asked_of: Asked, live: LiveAudiences, column: int, language: str) -> list[Example]:
    rows, layout = asked_of.rows, asked_of.rows.layout
    answers = live.rules.answers(rows, asked_of.slots, asked_of.at, asked_of.members) if len(asked_of.slots) else {}
    found = []
    for row, slot in enumerate(asked_of.slots.tolist()):
        holding = next(
            clause
            for clause in live.rules.clauses(column)
            if all(answers[one.predicate][0 if one.holds else 1][row] for one in clause)
        )
        why = [{"asks": asked(one.predicate, layout, language), "wanted": one.holds} for one in holding]
        found.append(Example(pseudonym(rows.customer_ids[slot]), why))
    return found
