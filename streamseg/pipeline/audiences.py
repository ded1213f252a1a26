"""Looks at rows by rules, for declared segmentations and audiences: who enters and exits, and until when that holds.

A rule decides at once: it has no border on which a customer could go back and forth, but for figures that decay, whose
rules name a value to enter and one to leave. The verdict follows from the row and the moment alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from streamseg.audiences.compiled import CompiledRules
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.audiences.definition import PURPOSES
from streamseg.clustering.assign import Codes as SegmentCodes
from streamseg.clustering.identity import UNASSIGNED
from streamseg.clustering.likeness.models import LookalikeOf, Lookalikes
from streamseg.features.rows import NO_SLOTS, Floats, Rows, Slots
from streamseg.membership.types import AudienceChange, Consent
from streamseg.pipeline.looking import Looked
from streamseg.pipeline.segmentation import is_known

Mask = NDArray[np.bool_]

SIZE_PREFIX = "audience/"
"""Before the id of an audience among the sizes of a partition. No segment id has a slash."""
CONSENTED = "/consented"
"""After the id: the members who consent to the purpose of the audience."""

Codes = tuple[int, int, int]
"""Answers to ads, personalisation and analytics, as in `Rows.answers`."""
NOTHING_SAID = Consent(ads=False, personalisation=False, analytics=False)
NO_ANSWERS: Mapping[int, Codes] = {}


@dataclass(frozen=True, slots=True)
class LiveAudiences:
    """The audiences of one generation, and the rules of declared segmentations, as the path needs them."""

    declared: DeclaredAudiences
    rules: CompiledRules
    """Of the live audiences, sorted by id, and of the declared segmentations."""
    frozen: Mask
    """Audiences whose rule this worker cannot decide: their members stay. Shape (a,)."""
    ends: Floats
    """When each audience ends, epoch seconds, shape (a,); infinite if never."""
    lookalikes: tuple[LookalikeOf, ...] = ()
    """Those that the rules ask for."""
    published: Lookalikes = field(default_factory=Lookalikes)
    """The look-alikes that the rules answer by."""
    ids: tuple[str, ...] = field(init=False)
    columns: NDArray[np.intp] = field(init=False)
    """Of the rows, by audience."""
    any_frozen: bool = field(init=False)
    any_ends: bool = field(init=False)
    versions: Mapping[str, int] = field(init=False)
    """Of each audience that there ever was."""
    purposes: Mapping[str, int] = field(init=False)
    """Of each audience that there ever was: which of a row's answers it asks for."""
    _live_purposes: NDArray[np.intp] = field(init=False)

    def __post_init__(self) -> None:
        live = self.declared.live
        object.__setattr__(self, "ids", tuple(one.id for one in live))
        object.__setattr__(self, "columns", np.array([one.column for one in live], dtype=np.intp))
        object.__setattr__(self, "versions", {one.id: one.version for one in self.declared.audiences})
        asks = {one.id: PURPOSES.index(one.definition["purpose"]) for one in self.declared.audiences}
        object.__setattr__(self, "purposes", asks)
        object.__setattr__(self, "_live_purposes", self._purposes(self.ids))
        object.__setattr__(self, "any_frozen", bool(self.frozen.any()))
        object.__setattr__(self, "any_ends", bool(np.isfinite(self.ends).any()))

    @property
    def generation(self) -> int:
        """Generation of the set; 0 before the first audience."""
        return self.declared.generation

    def purposes_of(self, ids: Sequence[str]) -> NDArray[np.intp]:
        """Return which of a row's answers each of the audiences asks for, shape (ids,)."""
        return self._live_purposes if ids is self.ids else self._purposes(ids)

    def _purposes(self, ids: Sequence[str]) -> NDArray[np.intp]:
        return np.array([self.purposes[one] for one in ids], dtype=np.intp)


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

    def grown(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return by how much each audience has grown, and those of it who consent, each shape (audiences,)."""
        chosen = np.flatnonzero(self.recounted)
        before, after = self.before[chosen], self.after[chosen]
        agreed_before, agreed = (said[chosen][:, self.purposes] for said in (self.agreed_before, self.agreed))
        return _more(before, after), _more(before & agreed_before, after & agreed)

    def sizes_of(self, rows: Slots) -> tuple[list[list[str]], list[list[str]]]:
        """Return the sizes in which each of these recounted rows counted, and those in which it counts."""
        before = _size_names(self.ids, self.before[rows], self.agreed_before[rows][:, self.purposes])
        return before, _size_names(self.ids, self.after[rows], self.agreed[rows][:, self.purposes])

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


def belonged(rows: Rows, slots: Slots, live: LiveAudiences) -> tuple[tuple[str, ...], Mask]:
    """Return the ids of the live audiences, then of dropped ones with members among the rows, and who belongs to them.

    A row says so in the columns of the generation in which it was looked at last.
    """
    member = rows.entered[slots] > 0
    held: Mask = member[:, live.columns]
    if not member.shape[1]:  # the setting audiences.most is 0
        return live.ids, held
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
    agreed_before, agreed = _consents_around(rows, slots, moved, answered, unknown)
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


def _consents_around(
    rows: Rows, slots: Slots, moved: Mask, answered: Mapping[int, Codes], unknown: Consent
) -> tuple[Mask, Mask]:
    """Return what rows consented to and consent to, each shape (n, 3), of those that moved or answered."""
    agreed = np.zeros((len(slots), len(PURPOSES)), dtype=np.bool_)
    asked = np.flatnonzero(moved | np.isin(slots, list(answered)) if answered else moved)
    if len(asked):
        agreed[asked] = consents(rows, slots[asked], unknown)
    if not answered:
        return agreed, agreed
    before = agreed.copy()
    for row in np.flatnonzero(np.isin(slots, list(answered))).tolist():
        before[row] = _effective(np.array(answered[int(slots[row])]), unknown)
    return before, agreed


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


def consents(rows: Rows, slots: Slots, unknown: Consent = NOTHING_SAID) -> Mask:
    """Return what customers consent to, shape (n, 3): ads, personalisation, analytics."""
    codes = np.stack([rows.ads[slots], rows.personalisation[slots], rows.analytics[slots]], axis=1)
    return _effective(codes, unknown)


def _effective(codes: NDArray[np.int8], unknown: Consent) -> Mask:
    otherwise = np.array([unknown.ads, unknown.personalisation, unknown.analytics])
    found: Mask = np.where(codes < 0, otherwise, codes > 0)
    return found


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


def count_audiences(look: AudiencesLook | None, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return a partition's sizes, updated by the moves of a look; empty audiences are left out."""
    counted = dict(sizes)
    if look is not None and look.recounted.any():
        grown, consenting = look.grown()
        for column in np.flatnonzero((grown != 0) | (consenting != 0)).tolist():
            name = SIZE_PREFIX + look.ids[column]
            counted[name] = counted.get(name, 0) + int(grown[column])
            counted[name + CONSENTED] = counted.get(name + CONSENTED, 0) + int(consenting[column])
    return {name: count for name, count in counted.items() if count}


def _more(before: Mask, after: Mask) -> NDArray[np.int64]:
    """Return how many more there are after than before, by column."""
    more: NDArray[np.int64] = after.sum(axis=0, dtype=np.int64) - before.sum(axis=0, dtype=np.int64)
    return more


def sizes_held(rows: Rows, slots: Slots, live: LiveAudiences, unknown: Consent = NOTHING_SAID) -> list[list[str]]:
    """Return for each row the sizes in which it counts."""
    ids, held = belonged(rows, slots, live)
    agreed = consents(rows, slots, unknown)[:, live.purposes_of(ids)]
    return _size_names(ids, held, agreed)


def split_sizes(sizes: Mapping[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the members of each audience, and those of them who consent, from the sizes of partitions."""
    named = {name.removeprefix(SIZE_PREFIX): size for name, size in sizes.items() if name.startswith(SIZE_PREFIX)}
    members = {name: size for name, size in named.items() if not name.endswith(CONSENTED)}
    return members, {n.removesuffix(CONSENTED): size for n, size in named.items() if n.endswith(CONSENTED)}


def _size_names(ids: Iterable[str], held: Mask, agreed: Mask) -> list[list[str]]:
    """Return the sizes in which each row counts, by masks of shape (n, audiences)."""
    members = [SIZE_PREFIX + audience for audience in ids]
    found: list[list[str]] = [[] for _ in held]
    for mask, names in ((held, members), (held & agreed, [one + CONSENTED for one in members])):
        # Most customers are in few of many audiences: only those are walked through.
        for row, column in zip(*(places.tolist() for places in np.nonzero(mask)), strict=True):
            found[row].append(names[column])
    return found
