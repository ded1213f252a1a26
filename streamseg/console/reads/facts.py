"""All that pages read: each question of `service/` once, kept for a moment for all who look."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from typing import Any, Final

from streamseg.audiences.declared import DeclaredAudiences
from streamseg.clustering.identity import segmentation_of
from streamseg.console.reads.kept import Kept, News
from streamseg.console.reads.learning import Learning
from streamseg.console.reads.list_counts import ListTallies
from streamseg.console.reads.live_feed import LiveFeed
from streamseg.console.reads.timelines import Timelines
from streamseg.console.reads.trials import Trials
from streamseg.errors import StreamsegError
from streamseg.features.layout import Layout
from streamseg.membership.types import Consent
from streamseg.pipeline import LiveAudiences
from streamseg.ports import MembershipStore, ModelStore, StateStore
from streamseg.service import audiences, changes, segments
from streamseg.service.audience_desk import AudienceDesk
from streamseg.service.audience_rows import Rest, clock_of
from streamseg.service.audience_survey import Survey, survey
from streamseg.service.audit_trail import Trail
from streamseg.service.changes import Changes, SizesOfDay
from streamseg.service.day_counts import CountsReader, date_of
from streamseg.service.erasures import Erasure, ErasureState, erasure_state, new_erasure, partition_of_customer
from streamseg.service.explainer import Explainer
from streamseg.service.list_desk import ListDesk
from streamseg.service.movers import RecentMoves
from streamseg.service.overlap import Overlap, overlap_of
from streamseg.service.segment_notes import SegmentNote, read_notes, write_note
from streamseg.service.status import Status
from streamseg.service.status_judgement import Problem
from streamseg.service.timeline import Timeline
from streamseg.service.viability import AudienceCounts, counts_of
from streamseg.time_units import DAY_SECONDS, HOUR_SECONDS

QUICK_SECONDS: Final = 0.3
"""Small readings. A page shows a change at most this and the time between two looks after it."""
QUICK_SHARE: Final = 0.5
"""Of the time, for a small reading: one that a busy machine held up for half a second is made again after a second."""
STATUS_SECONDS: Final = 5.0
SCAN_SECONDS: Final = 10.0
"""Readings of all rows."""
MOVES_SECONDS: Final = 10.0
BESIDE_PAGES: Final = Rest(rows=200, share=1.0)
"""A reading of all rows takes half of the process at most, and a page waits for one piece of it."""
PERIODS: Final = (1, 7, 28)
"""Days over which pages compare."""
HISTORY_DAYS: Final = 90
LINEAGE: Final = 50


@dataclass(frozen=True, slots=True)
class LastHour:
    """What changed in the last hour; `since`, epoch seconds, where the moves that were read reach less far back."""

    since: int | None
    segments: Sequence[changes.SegmentChange]


@dataclass(frozen=True, slots=True)
class Counted:
    """The declared audiences and how many customers of each reach its use, read at `at`, epoch seconds of wall time."""

    at: float
    declared: DeclaredAudiences
    live: LiveAudiences
    counts: Mapping[str, AudienceCounts]


class Facts:
    """What is so at the moment.

    Every question may raise `StoreUnavailableError`, and `StillReadingError` where the answer takes longer than a page
    may wait; `news` says when it is there.

    Args:
        state: the rows and their counts.
        memberships: the published memberships.
        models: catalogue, snapshots and declared audiences.
        layout: of the rows.
        desk: answers questions about audiences.
        learning: the models.
        lists: counts who is on lists.
        live: events as they come.
        trials: the events that were sent for a try.
        status: reads the status, with what is not right.
        explainer: explains the segments of a customer.
        past: reads the timeline of a customer from the topics.
        partition_of: partition of a customer, of so many.
        unknown: the consent of who gave no answer.
        segmentations: the declared ones.
        moves: reads the newest moves of so many partitions.
        event_clock: whether the days are those of events instead of now.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        state: StateStore,
        memberships: MembershipStore,
        models: ModelStore,
        *,
        layout: Layout,
        desk: AudienceDesk,
        learning: Learning,
        lists: ListDesk,
        live: LiveFeed,
        trials: Trials,
        status: Callable[[], Awaitable[tuple[Status, Sequence[Problem]]]],
        explainer: Explainer,
        past: Callable[[str], Awaitable[Timeline]],
        partition_of: Callable[[str, int], int],
        unknown: Consent,
        segmentations: Sequence[str],
        moves: Callable[[int], Awaitable[RecentMoves]],
        event_clock: bool,
        clock: Callable[[], float],
    ) -> None:
        self._state, self._memberships, self._models = state, memberships, models
        self.layout, self._desk, self._unknown = layout, desk, unknown
        self._explainer, self._event_clock, self._clock = explainer, event_clock, clock
        self.learning = learning
        self.reasons = desk.reasons
        """Returns why a customer is in each audience or not, in a language."""
        self.timeline = Timelines(past).get
        """Returns the past of a customer as far as it was read, see `Timelines.get`."""
        self._partition_of = partition_of
        self.segmentations = tuple(segmentations)
        self.news = news = News()
        catalogue = Kept(partial(segments.read_catalogue, models), QUICK_SECONDS, QUICK_SHARE, news)
        self.catalogue = catalogue.soon
        """Returns every segment by id."""
        notes = Kept(partial(read_notes, models), QUICK_SECONDS, QUICK_SHARE, news)
        self.notes = notes.soon
        """Returns what people wrote down, by segment."""
        self._forget, self._forget_notes = catalogue.forget, notes.forget
        self.status = Kept(status, STATUS_SECONDS, news=news).soon
        """Returns the status and what is not right."""
        self.waiting = Kept(partial(segments.read_waiting, models, segmentations), STATUS_SECONDS, news=news).soon
        """Returns the segmentations without segments yet."""
        self.lineage = Kept(partial(segments.read_lineage, models, segmentations), STATUS_SECONDS, news=news).soon
        """Returns what became of segments, oldest first."""
        self._moves = Kept(self._read_moves, MOVES_SECONDS, news=news).soon
        self._read_moves_of = moves
        self.day_counts = Kept(CountsReader(state).read, QUICK_SECONDS, QUICK_SHARE, news).soon
        """Returns the sizes now and the moves by day."""
        declared = Kept(partial(audiences.read_declared, models), QUICK_SECONDS, QUICK_SHARE, news)
        self.declared = declared.soon
        """Returns the declared audiences, counted or not."""
        self.vocabulary = desk.vocabulary
        """Returns what rules can speak of."""
        surveyed = Kept(self._survey, SCAN_SECONDS, news=news)
        self._surveyed = surveyed.soon
        self.live, self.trials = live, trials
        self.on_list = ListTallies(lists.count).of
        """Returns who is on a version of a list, see `ListTallies.of`."""
        audited = Kept(desk.changes, STATUS_SECONDS, news=news)
        self.audience_changes = audited.soon
        """Returns who changed which audience or list and when, the newest first."""
        self._renew = declared.forget, audited.forget, surveyed.renew

    def audiences_changed(self) -> None:
        """Read and count the audiences again: one was declared, changed or dropped."""
        for renew in self._renew:
            renew()

    async def changed(self, days: int) -> Changes:
        """Return what changed in so many days."""
        now = None if self._event_clock else self._clock()
        since = changes.Since((days - 1) * DAY_SECONDS)
        return changes.changes_of(await self.day_counts(), await self.catalogue(), since, now)

    async def changed_in_hour(self) -> LastHour | None:
        """Return what changed in the last hour; None while the newest moves are not read."""
        found = await self.moves()
        if found is None:
            return None
        newest = max((one.at for one in found.moves), default=0)
        begins = (newest if self._event_clock else self._clock()) - HOUR_SECONDS
        sizes = (await self.day_counts()).sizes
        segments = changes.segments_changed(sizes, found.flows(begins), await self.catalogue())
        return LastHour(found.since if found.since is not None and found.since > begins else None, segments)

    async def history(self) -> list[SizesOfDay]:
        """Return the sizes by day."""
        return changes.sizes_by_day(await self.day_counts(), HISTORY_DAYS)

    async def today(self) -> date:
        """Return the UTC day of now; with an event clock, the last one with a move."""
        days = (await self.day_counts()).days
        return date_of(max(days, default=0) if self._event_clock else int(self._clock() // DAY_SECONDS))

    async def membership(self, customer_id: str) -> bytes | None:
        """Return the published membership of a customer."""
        (found,) = await self._memberships.read([customer_id])
        return found

    async def explain(self, membership: bytes, language: str) -> dict[str, Any]:
        """Return why a customer is in each segment."""
        return await self._explainer.explain(membership, language)

    async def erasure(self, customer_id: str) -> Erasure:
        """Return a request to erase all of a customer up to now; with an event clock, up to that of the partition."""
        now = self._clock()
        if self._event_clock:
            now = await clock_of(self._state, await partition_of_customer(self._state, self._partition_of, customer_id))
        return new_erasure(customer_id, now)

    async def erasure_state(self, erasure: Erasure) -> ErasureState:
        """Return how far an erasure is."""
        return await erasure_state(self._state, self._memberships, self._partition_of, erasure)

    async def rename(self, segment: str, name: str | None, trail: Trail) -> None:
        """Name a segment, None restores the generated label. Raises `NotFoundError`."""
        await segments.rename(self._models, segment, name, trail)
        self._forget()

    async def write_note(self, segment: str, text: str, who: str, trail: Trail) -> None:
        """Write the note of a segment, see `segment_notes.write_note`. Raises `NotFoundError` and `ValueError`."""
        await write_note(self._models, segment, SegmentNote(text, who, self._clock()), trail)
        self._forget_notes()

    async def moves(self) -> RecentMoves | None:
        """Return who moved lately; None while Kafka does not answer or is still read."""
        try:
            return await self._moves()
        except StreamsegError:
            return None

    async def _read_moves(self) -> RecentMoves:
        partitions = 0
        while await self._state.metadata(partitions) is not None:
            partitions += 1
        return await self._read_moves_of(partitions)

    async def counted(self) -> Counted:
        """Return the audiences with their counts."""
        at, found = await self._surveyed()
        return Counted(at, found.live.declared, found.live, counts_of(found))

    async def together(self) -> Mapping[tuple[str, ...], int]:
        """Return how many customers are in exactly which audiences, by their ids."""
        return (await self._surveyed())[1].together

    async def mix(self, segment: str) -> list[tuple[str, int]]:
        """Return the segments of other segmentations that customers of a segment are in, with how many of them."""
        mixed = (await self._surveyed())[1].mix(segment)
        return sorted(mixed, key=lambda each: (segmentation_of(each[0]), -each[1]))

    async def overlap(self) -> Overlap:
        """Return every audience against every segment."""
        return overlap_of((await self._surveyed())[1])

    async def _survey(self) -> tuple[float, Survey]:
        """Count everything in one pass over the rows; also the moment, epoch seconds of wall time."""
        live = await self._desk.prepared(await audiences.read_declared(self._models))
        clock = self._event_clock
        found = await survey(self._state, self.layout, live, self._unknown, event_clock=clock, rest=BESIDE_PAGES)
        return self._clock(), found
