"""Looks at rows for the audiences that people declared: who enters and exits, and until when that holds.

A rule decides at once: it has no border on which a customer could go back and forth, but for figures that decay, whose
rules name a value to enter and one to leave. The verdict follows from the row and the moment alone.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.compiled import CompiledRules
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.features.rows import NO_SLOTS, Floats, Rows, Slots
from streamseg.membership.types import AudienceChange
from streamseg.pipeline.segmentation import is_known

Mask = NDArray[np.bool_]

SIZE_PREFIX = "audience/"
"""Before the id of an audience among the sizes of a partition. No segment id has a slash."""


@dataclass(frozen=True, slots=True)
class LiveAudiences:
    """The audiences of one generation as the path needs them."""

    declared: DeclaredAudiences
    rules: CompiledRules
    """Of the live audiences, sorted by id."""
    frozen: Mask
    """Audiences whose rule this worker cannot decide: their members stay. Shape (a,)."""
    ends: Floats
    """When each audience ends, epoch seconds, shape (a,); infinite if never."""
    ids: tuple[str, ...] = field(init=False)
    columns: NDArray[np.intp] = field(init=False)
    """Of the rows, by audience."""
    versions: Mapping[str, int] = field(init=False)
    """Of each audience that there ever was."""

    def __post_init__(self) -> None:
        live = self.declared.live
        object.__setattr__(self, "ids", tuple(one.id for one in live))
        object.__setattr__(self, "columns", np.array([one.column for one in live], dtype=np.intp))
        object.__setattr__(self, "versions", {one.id: one.version for one in self.declared.audiences})

    @property
    def generation(self) -> int:
        """Generation of the set."""
        return self.declared.generation


@dataclass(slots=True)
class AudiencesLook:
    """Result of a look at n rows. Masks have shape (n, audiences), in the order of `ids`."""

    ids: tuple[str, ...]
    """The live audiences, then dropped ones of which a row was still a member."""
    versions: Mapping[str, int]
    before: Mask
    after: Mask
    due: Floats
    """When to look again if no event comes, epoch seconds, shape (n,); infinite for never."""
    renewed: Mask
    """Rows that were last looked at in another generation, or are due at another time than before, shape (n,)."""

    @property
    def moved(self) -> Mask:
        """Rows whose audiences changed, shape (n,)."""
        changed: Mask = (self.before != self.after).any(axis=1)
        return changed

    def part(self, chosen: Slots | slice | Mask) -> "AudiencesLook":
        """Return the look at some of the rows."""
        return AudiencesLook(
            self.ids,
            self.versions,
            self.before[chosen],
            self.after[chosen],
            self.due[chosen],
            self.renewed[chosen],
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


def belonged(rows: Rows, slots: Slots, live: LiveAudiences) -> tuple[tuple[str, ...], Mask]:
    """Return the ids of the live audiences, then of dropped ones with members among the rows, and who belongs to them.

    A row says so in the columns of the generation in which it was looked at last.
    """
    member = rows.entered[slots] > 0
    held: Mask = member[:, live.columns]
    of = rows.audiences_as_of[slots, 0]
    others = of != live.generation
    if not others.any():
        return live.ids, held
    dropped: dict[str, Mask] = {}
    for generation in np.unique(of[others]).tolist():
        then, owners = of == generation, live.declared.owners(generation)
        places = zip(live.columns.tolist(), live.ids, strict=True)
        held[np.ix_(then, [owners.get(column) != one for column, one in places])] = False
        for column, owner in owners.items():
            if owner not in live.ids and (former := member[:, column] & then).any():
                dropped[owner] = dropped.get(owner, False) | former
    return (*live.ids, *dropped), np.column_stack([held, *dropped.values()])


def look_at_audiences(
    rows: Rows, slots: Slots, now: float, live: LiveAudiences | None, cleared: Slots = NO_SLOTS
) -> AudiencesLook | None:
    """Decide the audiences of the rows, and store the result in the rows.

    Args:
        rows: the slab; `entered`, `audiences_as_of` and `due_at` are updated.
        slots: rows to look at, each once, shape (n,).
        now: the partition's clock, epoch seconds; if a row's latest event is later, that time is used.
        live: the audiences; None where none are declared, which gives None.
        cleared: rows that an erasure has cleared since the latest flush; whoever came back enters anew.
    """
    if live is None:
        return None
    ids, before = belonged(rows, slots, live)
    count = len(live.ids)
    at = np.maximum(rows.last_seen[slots], now)
    decided = live.rules.decide(rows, slots, at, before[:, :count])
    after, open_ = np.zeros_like(before), is_known(rows, slots)[:, None] & (at[:, None] < live.ends)
    after[:, :count] = np.where(live.frozen, before[:, :count], decided.members) & open_
    stays = before[:, :count] & ~np.isin(slots, cleared)[:, None]
    since = np.where(stays, rows.entered[slots][:, live.columns], np.uint32(now))
    entered = np.zeros((len(slots), rows.layout.audiences), dtype=np.uint32)
    entered[:, live.columns] = since * after[:, :count]
    rows.entered[slots] = entered
    until = np.minimum(decided.until, np.where(after[:, :count], live.ends, np.inf).min(axis=1, initial=np.inf))
    due = np.where(is_known(rows, slots), np.ceil(until), np.inf)
    due_at = np.where(due < np.inf, due, 0.0).astype(np.uint32)
    renewed = (rows.audiences_as_of[slots, 0] != live.generation) | (rows.due_at[slots, 0] != due_at)
    rows.audiences_as_of[slots, 0], rows.due_at[slots, 0] = live.generation, due_at
    return AudiencesLook(ids, live.versions, before, after, due, renewed)


def leave_all(rows: Rows, slots: Slots, live: LiveAudiences | None) -> AudiencesLook | None:
    """Return the look by which rows that will be removed leave all audiences; None where none are declared."""
    if live is None:
        return None
    ids, before = belonged(rows, slots, live)
    due = np.full(len(slots), np.inf)
    return AudiencesLook(ids, live.versions, before, np.zeros_like(before), due, rows.due_at[slots, 0] > 0)


def moved_by(
    change: Callable[[LiveAudiences | None], None], rows: Rows, slots: Slots, live: LiveAudiences | None
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
    return AudiencesLook(ids, live.versions, placed(*before), placed(*after), never, same)


def count_audiences(look: AudiencesLook | None, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return a partition's sizes, updated by the moves of a look; empty audiences are left out."""
    counted = dict(sizes)
    if look is not None:
        grown = look.after.sum(axis=0, dtype=np.int64) - look.before.sum(axis=0, dtype=np.int64)
        for audience, more in zip(look.ids, grown.tolist(), strict=True):
            name = SIZE_PREFIX + audience
            counted[name] = counted.get(name, 0) + more
    return {name: count for name, count in counted.items() if count}


def size_names(audiences: Iterable[str]) -> list[str]:
    """Return the names of audiences among the sizes of a partition."""
    return [SIZE_PREFIX + one for one in audiences]
