"""Declare and drop audiences, and count who belongs to them: from the rows, so exact."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import Audience
from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.errors import NotFoundError, StreamsegError
from streamseg.features.layout import Layout
from streamseg.features.relayout import with_readable
from streamseg.features.rows import Rows
from streamseg.membership.types import Consent
from streamseg.pipeline import CLOCK, LiveAudiences, belonged, is_known
from streamseg.ports import ModelStore, StateStore
from streamseg.service.row_scans import ROWS_AT_ONCE, scan_rows, stored_partitions

Compile = Callable[[DeclaredAudiences], tuple[LiveAudiences, Sequence[str]]]
Change = Callable[[DeclaredAudiences], DeclaredAudiences]

_TRIES: Final = 10
"""Two people may declare at the same time: who comes second reads again."""
_EXAMPLES: Final = 10


@dataclass(slots=True)
class AudienceCounts:
    """How many customers of an audience reach its use. Each count is part of the one before it."""

    matched: int = 0
    """Customers for whom the rule holds, as their last look found."""
    known: int = 0
    """Of these, customers with a published membership."""
    consented: int = 0
    """Of these, customers who consent to the purpose of the audience."""
    exported: int = 0
    """Of these, customers in the view for ad servers: all of an audience for ads with the minimum size, else none."""


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
    examples: list[str] = field(default_factory=list)
    """Pseudonyms of some members."""


async def read_declared(models: ModelStore) -> DeclaredAudiences:
    """Return the declared audiences."""
    return DeclaredAudiences.decode(await models.declared())


async def read_sizes(models: ModelStore) -> dict[str, int]:
    """Return the members of each audience, as the trainer counted them last; empty ones are left out."""
    stored = await models.audience_sizes()
    sizes: dict[str, int] = {} if stored is None else msgspec.json.decode(stored)["sizes"]
    return sizes


async def declare(models: ModelStore, audiences: Iterable[Audience], columns: int) -> DeclaredAudiences:
    """Add audiences or change their definitions; returns the new set.

    Raises `SettingsError` for a dropped id or without room, `StreamsegError` if others keep changing them.
    """

    def with_all(declared: DeclaredAudiences) -> DeclaredAudiences:
        for one in audiences:
            declared = declared.with_(one.id, one.written(), columns, int(time.time()))
        return declared

    audiences = list(audiences)
    return await change(models, with_all)


async def drop(models: ModelStore, audience: str) -> DeclaredAudiences:
    """Drop an audience for good; returns the new set. Raises `NotFoundError` if there is no such audience."""
    return await change(models, lambda declared: declared.without(audience, int(time.time())))


async def change(models: ModelStore, made: Change) -> DeclaredAudiences:
    """Change the declared audiences and lists; returns the new set. Raises `StreamsegError` if others keep doing so."""
    for _ in range(_TRIES):
        before = await read_declared(models)
        after = made(before)
        if after is before or await models.declare(after.generation, before.generation, after.encode()):
            return after
    raise StreamsegError("somebody else keeps changing the audiences: try again")


async def count(
    state: StateStore, layout: Layout, live: LiveAudiences, unknown: Consent
) -> Mapping[str, AudienceCounts]:
    """Count the members of each audience from all rows. `unknown` is the consent of who gave no answer."""
    purposes = {one.id: Audience.model_validate(one.definition) for one in live.declared.live}
    counts = {one: AudienceCounts() for one in live.ids}
    async for rows in _pieces(state, layout):
        slots = np.arange(len(rows), dtype=np.intp)
        ids, held = belonged(rows, slots, live)
        published = rows.published_wall[slots] > 0
        consents = [Consent.of_codes(codes, unknown) for codes in rows.answers(slots)]
        for column, one in enumerate(ids[: len(live.ids)]):
            agrees = np.array([_agrees(consent, purposes[one].purpose) for consent in consents], dtype=np.bool_)
            inside = held[:, column]
            counts[one].matched += int(inside.sum())
            counts[one].known += int((inside & published).sum())
            counts[one].consented += int((inside & published & agrees).sum())
    for one, counted in counts.items():
        ads = purposes[one].purpose == "ads" and counted.matched >= purposes[one].minimum_size
        counted.exported = counted.consented if ads else 0
    return counts


def _agrees(consent: Consent, purpose: str) -> bool:
    return {"ads": consent.ads, "content": consent.personalisation, "analytics": consent.analytics}[purpose]


async def members(
    state: StateStore, layout: Layout, live: LiveAudiences, audience: str
) -> AsyncGenerator[tuple[str, int], None]:
    """Yield the customers of an audience, each with the time of entering it, epoch seconds.

    Raises `NotFoundError` if there is no such audience.
    """
    if audience not in live.ids:
        raise NotFoundError(f"there is no audience {audience}: see `streamseg audiences`")
    column = live.ids.index(audience)
    async for rows in _pieces(state, layout):
        slots = np.arange(len(rows), dtype=np.intp)
        _, held = belonged(rows, slots, live)
        since = rows.entered[slots, live.columns[column]]
        for slot in np.flatnonzero(held[:, column]).tolist():
            yield rows.customer_ids[slot], int(since[slot])


async def preview(
    state: StateStore, layout: Layout, live: LiveAudiences, audience: str, *, event_clock: bool = False
) -> Preview:
    """Return who would belong to an audience of `live` by its rule now, on the clock of each partition."""
    column = live.ids.index(audience)
    found = Preview(audience, 0)
    async for rows, now in pieces_and_clocks(state, layout, event_clock=event_clock):
        slots = np.arange(len(rows), dtype=np.intp)
        slots = slots[is_known(rows, slots)]
        _, held = belonged(rows, slots, live)
        at = np.maximum(rows.last_seen[slots], now)
        decided = live.rules.decide(rows, slots, at, held[:, : len(live.ids)])
        inside = slots[decided.members[:, column] & (at < live.ends[column])]
        found.as_of = max(found.as_of, int(now))
        found.customers += len(slots)
        found.matched += len(inside)
        found.unknown += int(live.rules.unknown(rows, slots, at, held[:, : len(live.ids)])[:, column].sum())
        for s, name in enumerate(layout.segmentations):
            codes, members_ = np.unique(rows.segment[inside, s], return_counts=True)
            for code, size in zip(codes.tolist(), members_.tolist(), strict=True):
                if code != UNASSIGNED:
                    segment = id_of(name, code)
                    found.segments[segment] = found.segments.get(segment, 0) + size
        for slot in inside[: _EXAMPLES - len(found.examples)].tolist():
            found.examples.append(pseudonym(rows.customer_ids[slot]))
    return found


async def _pieces(state: StateStore, layout: Layout) -> AsyncIterator[Rows]:
    async for rows, _ in pieces_and_clocks(state, layout, event_clock=True):
        yield rows


async def pieces_and_clocks(
    state: StateStore, layout: Layout, *, event_clock: bool
) -> AsyncIterator[tuple[Rows, float]]:
    """Yield all stored rows in pieces, each customer once, with the clock of their partition."""
    readable = with_readable(layout, await state.layouts())
    async for partition in stored_partitions(state):
        metadata = await state.metadata(partition)
        stood_at = float(metadata.checkpoint.get(CLOCK, 0)) if metadata is not None else 0.0
        seen: set[str] = set()
        async for listed in scan_rows(state, partition, ROWS_AT_ONCE):
            fresh = {customer: row for customer, row in listed if customer not in seen}
            seen.update(fresh)
            rows = Rows(readable, max(len(fresh), 1))
            rows.load(list(fresh), list(fresh.values()))
            yield rows, stood_at if event_clock else time.time()
