"""Answers what programs and the console ask of audiences, beside lookups and pages that must not wait.

Loads numpy: import it only when audiences are asked for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeVar

from streamseg.audiences.audience_files import read_audiences
from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import Declared, DeclaredAudiences
from streamseg.audiences.definition import PURPOSES, Audience
from streamseg.audiences.lists.content import LoadedList
from streamseg.audiences.segment_rules import SegmentRules
from streamseg.audiences.vocabulary import Vocabulary
from streamseg.clustering.description.describe import pseudonym
from streamseg.clustering.likeness.models import Lookalikes
from streamseg.errors import NotFoundError, StreamsegError
from streamseg.features.layout import Layout
from streamseg.language import DEFAULT
from streamseg.membership.types import Consent
from streamseg.pipeline import LiveAudiences
from streamseg.ports import AuditEntry, AuditLog, ModelStore, StateStore
from streamseg.service import audiences
from streamseg.service.audience_reasons import read_reasons
from streamseg.service.audience_rows import Rest
from streamseg.service.audience_survey import Survey, survey
from streamseg.service.audit_trail import Author, Trail, audience_changes
from streamseg.service.lists import ListContents
from streamseg.service.overlap import Overlap, overlap_of
from streamseg.service.viability import AudienceCounts, counts_of

Found = TypeVar("Found")
Lists = Mapping[str, LoadedList] | None

KEPT_SECONDS: Final = 5.0
"""How long the counts of all audiences are kept."""
WAITING: Final = 4
"""Questions that may wait for a scan of all rows, each of which is the only one."""
BESIDE_LOOKUPS: Final = Rest(rows=200, share=1.0)
"""A scan takes half of a process at most, and a lookup waits for one piece: 200 rows are a few milliseconds."""


NO_SEGMENTATIONS: Final[Mapping[str, SegmentRules]] = {}


class BusyError(StreamsegError):
    """So many questions wait for a scan of all rows that no other may."""


class AudienceDesk:
    """The audiences of a shop, for programs and pages. Rows are scanned in pieces, by one question at a time.

    Args:
        state: the stored rows.
        models: the declared audiences.
        audit: where changes are written down.
        layout: of the rows.
        unknown: the consent of who gave no answer.
        live_of: prepares declared audiences for rows, with uploaded lists and the published look-alikes.
        vocabulary: what rules can speak of, with the lists of a set.
        segmentations: the declared ones, which may ask of audiences.
        partition_of: returns the partition of a customer, given the number of partitions.
        event_clock: whether the clock of a partition is that of its events.
        rest: how a scan gives way to lookups.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        state: StateStore,
        models: ModelStore,
        audit: AuditLog,
        layout: Layout,
        unknown: Consent,
        *,
        live_of: Callable[[Layout, DeclaredAudiences, Lists, Lookalikes], tuple[LiveAudiences, Sequence[str]]],
        vocabulary: Callable[[Layout, DeclaredAudiences], Vocabulary],
        segmentations: Mapping[str, SegmentRules] = NO_SEGMENTATIONS,
        partition_of: Callable[[str, int], int],
        event_clock: bool = False,
        rest: Rest | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._state = state
        self._models = models
        self._audit = audit
        self._lists = ListContents(models)
        self._layout = layout
        self._unknown = unknown
        self._live_of = live_of
        self._vocabulary = vocabulary
        self._segmentations = segmentations
        self._partition_of = partition_of
        self._live: LiveAudiences | None = None
        self._event_clock = event_clock
        self._rest = BESIDE_LOOKUPS if rest is None else rest
        self._clock = clock
        self._scanning = asyncio.Lock()
        self._waiting = 0
        self._counting: asyncio.Task[Survey] | None = None
        self._counted: tuple[float, Survey] | None = None

    async def listed(self) -> tuple[int, list[dict[str, Any]]]:
        """Return the generation, and all audiences by id: definition as declared, version, and size as counted last."""
        declared, sizes = await audiences.read_declared(self._models), await audiences.read_sizes(self._models)
        return declared.generation, [_shown(one, sizes) for one in declared.live]

    async def shown(self, audience: str) -> dict[str, Any]:
        """Return one audience as `listed` does. Raises `NotFoundError`."""
        found = (await audiences.read_declared(self._models)).find(audience)
        if found is None:
            raise NotFoundError(f"there is no audience {audience}")
        return _shown(found, await audiences.read_sizes(self._models))

    async def declare(
        self, document: bytes, author: Author, *, name: str = "body.json", versions: Mapping[str, int] | None = None
    ) -> list[tuple[Declared, bool]]:
        """Declare the audiences of a document, or change them. Return each, and whether that changed anything.

        The ending of `name` tells the language of the document. `versions` are what must be there still, see
        `service.audiences.declare`.

        Raises `DefinitionError` for a wrong document, `SettingsError` without room or for a dropped id, `StaleError`.
        """
        before = await audiences.read_declared(self._models)
        read = self._read(document, before, name)
        trail = Trail(self._audit, author, self._clock)
        after = await audiences.declare(self._models, read, self._layout.audiences, trail, versions)
        found = [after.find(one.id) for one in read]
        return [(one, before.find(one.id) != one) for one in found if one is not None]

    async def drop(self, audience: str, author: Author) -> None:
        """Drop an audience for good. Raises `NotFoundError`."""
        await audiences.drop(self._models, audience, Trail(self._audit, author, self._clock))

    async def preview(
        self, document: bytes, *, name: str = "body.json", language: str = DEFAULT
    ) -> list[audiences.Preview]:
        """Return who would belong to the audiences of a document; reasons of examples are in a language.

        Raises `DefinitionError`, `SettingsError` without room or for a dropped id, `BusyError`.
        """
        declared = await audiences.read_declared(self._models)
        read = self._read(document, declared, name)
        for one in read:
            declared = declared.with_(one.id, one.written(), self._layout.audiences)
        live = await self._made(declared)
        wished, clock = [one.id for one in read], self._event_clock
        return await self._alone(
            lambda: audiences.previews(
                self._state, self._layout, live, wished, event_clock=clock, rest=self._rest, language=language
            )
        )

    async def changes(self) -> Sequence[AuditEntry]:
        """Return who changed which audience or list and when, the newest first: see `audience_changes`."""
        return await audience_changes(self._audit)

    async def vocabulary(self) -> Vocabulary:
        """Return what rules can speak of, with the lists that are uploaded."""
        return self._vocabulary(self._layout, await audiences.read_declared(self._models))

    async def counts(self) -> tuple[int, Mapping[str, AudienceCounts]]:
        """Return the moment and the counts of all audiences by id. Raises `BusyError`."""
        counted = await self._survey()
        return counted.as_of, counts_of(counted)

    async def overlap(self) -> Overlap:
        """Compare all audiences with all segments. Raises `BusyError`."""
        return overlap_of(await self._survey())

    async def members(self, audience: str, after: str | None, *, with_ids: bool) -> dict[str, Any]:
        """Return some members who consent, and where the next page begins: see `service.audiences.members_page`.

        They are pseudonyms; ids too, if asked for and the audience is not too small.
        """
        declared, sizes = await audiences.read_declared(self._models), await audiences.read_sizes(self._models)
        usable = {one for purpose in PURPOSES for one in sizes.large_enough(declared, purpose)}
        live = await self.prepared(declared)
        page = await audiences.members_page(
            self._state, self._layout, live, audience, self._unknown, after=after, rest=self._rest
        )
        shown = _members(page.members, with_ids=with_ids and audience in usable)
        return {"audience": audience, "members": shown, "without_consent": page.without_consent, "next": page.after}

    async def reasons(self, customer_id: str, language: str) -> dict[str, dict[str, Any]]:
        """Return why a customer is in each audience or not: see `service.audience_reasons.audience_reasons`."""
        live = await self.prepared(await audiences.read_declared(self._models))
        return await read_reasons(
            self._state,
            self._layout,
            live,
            customer_id,
            self._partition_of,
            event_clock=self._event_clock,
            language=language,
        )

    def _read(self, document: bytes, declared: DeclaredAudiences, name: str) -> tuple[Audience, ...]:
        existing = [Audience.model_validate(one.definition) for one in declared.live]
        known = self._vocabulary(self._layout, declared)
        return read_audiences(name, document, known, existing, self._segmentations).audiences

    async def prepared(self, declared: DeclaredAudiences) -> LiveAudiences:
        """Return the audiences as rows need them, prepared once for each generation and version of look-alikes."""
        live = self._live
        if live is None or live.generation != declared.generation or await self._is_outdated(live):
            live = self._live = await self._made(declared)
        return live

    async def _is_outdated(self, live: LiveAudiences) -> bool:
        """Return whether look-alikes were published that the rules do not answer by."""
        return bool(live.lookalikes) and live.published.version != await self._models.lookalikes_version()

    async def _made(self, declared: DeclaredAudiences) -> LiveAudiences:
        lists = await self._lists.of(declared)
        published = Lookalikes.decode(await self._models.lookalikes())
        live, _ = await asyncio.to_thread(self._live_of, self._layout, declared, lists, published)
        return live

    async def _survey(self) -> Survey:
        """Return the counts of all audiences; those who ask meanwhile get the same."""
        declared = await audiences.read_declared(self._models)
        if self._counted is not None:
            until, counted = self._counted
            if self._clock() < until and counted.live.generation == declared.generation:
                return counted
        if self._counting is None:
            self._counting = asyncio.create_task(self._count(declared))
        return await asyncio.shield(self._counting)

    async def _count(self, declared: DeclaredAudiences) -> Survey:
        try:
            live = await self.prepared(declared)
            counted = await self._alone(
                lambda: survey(
                    self._state,
                    self._layout,
                    live,
                    self._unknown,
                    event_clock=self._event_clock,
                    rest=self._rest,
                )
            )
            self._counted = self._clock() + KEPT_SECONDS, counted
            return counted
        finally:
            self._counting = None

    async def _alone(self, scan: Callable[[], Awaitable[Found]]) -> Found:
        if self._waiting >= WAITING:
            raise BusyError("other questions about audiences are being answered: ask again in a few seconds")
        self._waiting += 1
        try:
            async with self._scanning:
                return await scan()
        finally:
            self._waiting -= 1


def _shown(one: Declared, sizes: AudienceSizes) -> dict[str, Any]:
    definition = Audience.model_validate(one.definition)
    return {
        "id": one.id,
        "version": one.version,
        "name": definition.name,
        "purpose": definition.purpose,
        "definition": one.definition,
        "size": sizes.sizes.get(one.id, 0),
        "consented": sizes.consented.get(one.id, 0),
        "is_too_small": sizes.is_too_small(one.id, definition.minimum_size),
        "counted_at": sizes.as_of,
    }


def _members(members: Iterable[tuple[str, int]], *, with_ids: bool) -> list[dict[str, Any]]:
    return [
        {"pseudonym": pseudonym(customer), "since": since} | ({"customer_id": customer} if with_ids else {})
        for customer, since in members
    ]
