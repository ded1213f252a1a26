"""Looks at rows by rules, for declared segmentations and audiences: who enters and exits, and until when that holds.

A rule decides at once: it has no border on which a customer could go back and forth, but for figures that decay, whose
rules name a value to enter and one to leave. The verdict follows from the row and the moment alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Codes as SegmentCodes
from streamseg.clustering.identity import UNASSIGNED
from streamseg.features.rows import NO_SLOTS, Floats, Rows, Slots
from streamseg.membership.types import AudienceChange, Consent
from streamseg.pipeline.consents import NO_ANSWERS, NOTHING_SAID, Codes, consents, consents_around
from streamseg.pipeline.live_audiences import LiveAudiences, Mask, belonged
from streamseg.pipeline.looking import Looked
from streamseg.pipeline.segmentation import is_known


@dataclass(slots=True)
class AudiencesLook:
    """Result of a look at n rows. Masks have shape (n, audiences), in the order of `ids`."""

    ids: tuple[str, ...]
    """The live audiences, then dropped ones of which a row was still a member."""
    versions: Mapping[str, int]
    purposes: NDArray[np.intp]
    """Of each audience, which of the consents its members count by, shape (audiences,)."""
    before: Mask
    after: Mask
    moved: Mask
    """Rows whose audiences changed, shape (n,)."""
    due: Floats
    """When to look again if no event comes, epoch seconds, shape (n,); infinite for never."""
    fresh: Mask
    """Rows that were last looked at in another generation, shape (n,)."""
    renewed: Mask
    """Rows that were last looked at in another generation, or are due at another time than before, shape (n,)."""
    agreed_before: Mask
    """What customers consented to at the latest flush, shape (n, 3); asked only of rows that may be `recounted`."""
    agreed: Mask
    told: bool = True
    """Whether memberships tell of audiences: not before the first one is declared."""

    @property
    def recounted(self) -> Mask:
        """Rows that may count in another size than before, shape (n,)."""
        changed: Mask = self.moved | (self.agreed_before != self.agreed).any(axis=1)
        return changed

    def part(self, chosen: Slots | slice | Mask) -> "AudiencesLook":
        """Return the look at some of the rows."""
        return AudiencesLook(
            self.ids,
            self.versions,
            self.purposes,
            self.before[chosen],
            self.after[chosen],
            self.moved[chosen],
            self.due[chosen],
            self.fresh[chosen],
            self.renewed[chosen],
            self.agreed_before[chosen],
            self.agreed[chosen],
            self.told,
        )

    def schedule(
        self, rows: Rows, slots: Slots, *, whole: bool = False, listed: bool = False
    ) -> list[tuple[str, float]]:
        """Return when the customers of these rows are due, if that has changed.

        With `whole`, of all who ever are; of those who are `listed`, also if they never are.
        """
        chosen = np.flatnonzero(self.renewed | (np.isfinite(self.due) & whole) | listed)
        customers = map(rows.customer_ids.__getitem__, slots[chosen].tolist())
        return list(zip(customers, self.due[chosen].tolist(), strict=True))

    def names(self, belongs: Mask) -> tuple[str, ...]:
        """Return the ids of a row's audiences; `belongs` has shape (audiences,)."""
        return tuple(self.ids[index] for index in np.flatnonzero(belongs).tolist())

    def changes(self, before: Mask, after: Mask) -> tuple[AudienceChange, ...]:
        """Return the changes between two states of a row, each of shape (audiences,)."""
        return tuple(
            AudienceChange(self.ids[index], self.versions[self.ids[index]], "entered" if after[index] else "exited")
            for index in np.flatnonzero(before != after).tolist()
        )


def look_at_audiences(
    rows: Rows,
    slots: Slots,
    now: float,
    live: LiveAudiences | None,
    cleared: Slots = NO_SLOTS,
    *,
    answered: Mapping[int, Codes] = NO_ANSWERS,
    unknown: Consent = NOTHING_SAID,
    looked: Looked | None = None,
) -> AudiencesLook | None:
    """Decide the audiences and the declared segments of the rows, and store the result in the rows.

    Args:
        rows: the slab; `entered`, `audiences_as_of` and `due_at` are updated.
        slots: rows to look at, each once, shape (n,).
        now: the partition's clock, epoch seconds; if a row's latest event is later, that time is used.
        live: the audiences and rules; None where nothing is declared, which gives None.
        cleared: rows that an erasure has cleared since the latest flush; whoever came back enters anew.
        answered: by slot, the answers at the latest flush, for rows with consents or erasures since then.
        unknown: consent of who gave no answer.
        looked: the look at these rows by models, to which the declared segments are added. None: segments stay.
    """
    if live is None:
        return None
    ids, before = belonged(rows, slots, live)
    count, known = len(live.ids), is_known(rows, slots)
    at = np.maximum(rows.last_seen[slots], now)
    decided = live.rules.decide(rows, slots, at, before[:, :count])
    if looked is not None:
        _enter(rows, slots, at, decided.segments, looked)
    open_ = known[:, None] & (at[:, None] < live.ends) if live.any_ends else known[:, None]
    after = np.zeros(before.shape, dtype=np.bool_)
    belongs = np.where(live.frozen, before[:, :count], decided.members) if live.any_frozen else decided.members
    np.logical_and(belongs, open_, out=after[:, :count])
    until = decided.until
    if live.any_ends:
        until = np.minimum(until, np.where(after[:, :count], live.ends, np.inf).min(axis=1, initial=np.inf))
    due = np.where(known, np.ceil(until), np.inf)
    due_at = np.where(due < np.inf, due, 0.0).astype(np.uint32)
    fresh = rows.audiences_as_of[slots, 0] != live.generation
    renewed = fresh | (rows.due_at[slots, 0] != due_at)
    moved: Mask = (before != after).any(axis=1)
    anew = np.isin(slots, cleared) if len(cleared) else np.zeros(len(slots), dtype=np.bool_)
    rewritten = np.flatnonzero(moved | fresh | anew)
    if len(rewritten):
        stays = before[rewritten, :count] & ~anew[rewritten, None]
        chosen, inside = slots[rewritten], after[rewritten, :count]
        since = np.where(stays, rows.entered[chosen][:, live.columns], np.uint32(now))
        entered = np.zeros((len(chosen), rows.layout.audiences), dtype=np.uint32)
        entered[:, live.columns] = since * inside
        rows.entered[chosen] = entered
    rows.audiences_as_of[slots, 0], rows.due_at[slots, 0] = live.generation, due_at
    agreed_before, agreed = consents_around(rows, slots, moved, answered, unknown)
    return AudiencesLook(
        ids,
        live.versions,
        live.purposes_of(ids),
        before,
        after,
        moved,
        due,
        fresh,
        renewed,
        agreed_before,
        agreed,
        live.generation > 0,
    )


def _enter(rows: Rows, slots: Slots, at: Floats, decided: Iterable[tuple[int, SegmentCodes]], looked: Looked) -> None:
    """Put the rows into declared segments, given by column: at once, as a rule has no border to settle at."""
    known = is_known(rows, slots)
    for column, found in decided:
        codes = np.where(known, found, np.uint32(UNASSIGNED))
        entered = rows.segment[slots, column] != codes
        rows.since[slots[entered], column] = at[entered]
        rows.segment[slots, column] = codes
        rows.candidate[slots, column] = rows.streak[slots, column] = 0
        looked.decided(column, codes)


def leave_all(
    rows: Rows, slots: Slots, live: LiveAudiences | None, unknown: Consent = NOTHING_SAID
) -> AudiencesLook | None:
    """Return the look by which rows that will be removed leave all audiences; None where none are declared."""
    if live is None:
        return None
    ids, before = belonged(rows, slots, live)
    due, none = np.full(len(slots), np.inf), np.zeros(len(slots), dtype=np.bool_)
    after, renewed, agreed = np.zeros_like(before), rows.due_at[slots, 0] > 0, consents(rows, slots, unknown)
    purposes, told = live.purposes_of(ids), live.generation > 0
    moved = np.any(before, axis=1)
    return AudiencesLook(ids, live.versions, purposes, before, after, moved, due, none, renewed, agreed, agreed, told)


def moved_by(
    change: Callable[[LiveAudiences | None], None],
    rows: Rows,
    slots: Slots,
    live: LiveAudiences | None,
    unknown: Consent = NOTHING_SAID,
) -> AudiencesLook | None:
    """Make a change of rows without a look, and return how their audiences moved; None where none are declared."""
    if live is None:
        change(live)
        return None
    before = belonged(rows, slots, live)
    change(live)
    after = belonged(rows, slots, live)
    ids = tuple(dict.fromkeys((*before[0], *after[0])))

    def placed(names: tuple[str, ...], held: Mask) -> Mask:
        mask = np.zeros((len(slots), len(ids)), dtype=np.bool_)
        mask[:, [ids.index(one) for one in names]] = held
        return mask

    never, same = np.full(len(slots), np.inf), np.zeros(len(slots), dtype=np.bool_)
    purposes, agreed, told = live.purposes_of(ids), consents(rows, slots, unknown), live.generation > 0
    were, are = placed(*before), placed(*after)
    moved: Mask = (were != are).any(axis=1)
    return AudiencesLook(ids, live.versions, purposes, were, are, moved, never, same, same, agreed, agreed, told)
