"""Takes the runs of one or several partitions through absorb and decide at once.

A few events cost nearly as much as a thousand, so partitions that have few share a cycle. Their rows are copied into
one slab and copied back when all is decided: until then no partition has changed, so one whose records raise costs the
others nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

import numpy as np

from streamseg.events.money import Money
from streamseg.features.rows import NO_SLOTS, Rows, Slots
from streamseg.features.update import Absorbed
from streamseg.pipeline.deciding import Decision, Models, Since, decide, first_event
from streamseg.pipeline.intake import Taken
from streamseg.pipeline.parts import Part
from streamseg.pipeline.publishing import Answers
from streamseg.pipeline.ticks import AbsorbedRuns, TakenRun, absorb_runs


@dataclass(slots=True)
class PartitionRuns:
    """The runs of a partition in one cycle; their rows are loaded."""

    rows: Rows
    runs: Sequence[TakenRun]
    part: Part
    """With no rows; they follow from the runs."""
    answered: Mapping[int, Answers]
    """As in `Since`."""
    slots: Slots = field(init=False)
    """Rows of the runs, each once, ascending."""

    def __post_init__(self) -> None:
        slots = np.sort(np.concatenate([NO_SLOTS, *(run.taken.slots_in(self.rows) for run in self.runs)]))
        self.slots = slots[np.diff(slots, prepend=-1) > 0]  # a fifth of what `np.unique` takes

    @property
    def events(self) -> int:
        """Number of events."""
        return sum(len(run.taken.events) for run in self.runs)


class Cycle:
    """One cycle of partitions that have the same clock: `absorb`, then `decide`.

    Args:
        given: the partitions; with one, its rows are worked on where they are.
        slab: where the rows of several are put together; it holds nothing else.
    """

    def __init__(self, given: Sequence[PartitionRuns], slab: Rows) -> None:
        self._given = given
        self._alone = len(given) == 1
        self._rows = given[0].rows if self._alone else slab
        self._parts = [one.part._replace(size=len(one.slots)) for one in given]
        self._ends: list[int] = np.cumsum([one.size for one in self._parts]).tolist()
        self._absorbed = AbsorbedRuns()

    def absorb(self, money: Money, models: Models, earliest: float) -> Sequence[tuple[int, Absorbed]]:
        """Absorb the runs, as `absorb_runs` does; return the parts in which that was done, each with its source."""
        runs = self._given[0].runs if self._alone else self._together()
        self._absorbed = absorb_runs(self._rows, runs, money, models.segmentations, earliest)
        return self._absorbed.parts

    def decide(self, models: Models, *, now: float, earliest: float, wall_now: float) -> list[Decision]:
        """Decide what follows for each partition, and store it in its rows.

        Args:
            models: by what is decided.
            now: the clock of the partitions, epoch seconds; 0 before it has started.
            earliest: as for `look`.
            wall_now: wall time, epoch seconds.
        """
        absorbed, rows = self._absorbed, self._rows
        slots = self._given[0].slots if self._alone else np.arange(self._ends[-1], dtype=np.intp)
        since = Since(absorbed.flushed, self._answered(), absorbed.cleared, absorbed.settles_anew)
        now = now or first_event(rows, slots, wall_now)
        whole = decide(rows, slots, models, self._parts, now=now, earliest=earliest, wall_now=wall_now, since=since)
        return [whole] if self._alone else self._divided(whole)

    def _together(self) -> list[TakenRun]:
        """Copy the rows into the slab; return the runs of each source as one."""
        self._rows.clear()
        of_source: dict[int, list[Taken]] = {}
        for one in self._given:
            begin = self._rows.add_copies(one.rows, one.slots)
            for source, taken in one.runs:
                slots = begin + np.searchsorted(one.slots, taken.slots_in(one.rows))
                of_source.setdefault(source, []).append(replace(taken, slots=slots))
        return [TakenRun(source, _joined(of_source[source])) for source in sorted(of_source)]

    def _answered(self) -> Mapping[int, Answers]:
        if self._alone:
            return self._given[0].answered
        answered: dict[int, Answers] = {}
        for one, end in zip(self._given, self._ends, strict=True):
            begin = end - len(one.slots)
            for slot, codes in one.answered.items():
                answered[begin + int(np.searchsorted(one.slots, slot))] = codes
        return answered

    def _divided(self, whole: Decision) -> list[Decision]:
        """Return what was decided of each partition; then copy the rows back, as nothing can raise any more."""
        pieces = [slice(end - len(one.slots), end) for one, end in zip(self._given, self._ends, strict=True)]
        divided = [
            Decision(
                whole.looked.part(piece),
                None if whole.audiences is None else whole.audiences.part(piece),
                [],
                [],
                whole.now,
            )
            for piece in pieces
        ]
        if whole.entries or whole.samples:
            owners = np.repeat(np.arange(len(pieces)), [one.size for one in self._parts]).tolist()
            owner = dict(zip(self._rows.customer_ids, owners, strict=True))
            for entry in whole.entries:
                divided[owner[entry.customer_id]].entries.append(entry)
            for record in whole.samples:
                divided[owner[record.customer_id]].samples.append(record)
        for one, piece in zip(self._given, pieces, strict=True):
            one.rows.take_back(one.slots, self._rows, piece)
        return divided


def _joined(runs: Sequence[Taken]) -> Taken:
    """Return the events of the runs as one run. Offsets ascend within a row, which is all that is asked of them."""
    return Taken(
        list(chain.from_iterable(one.events for one in runs)),
        np.concatenate([one.offsets for one in runs]),
        [],
        [],
        [],
        np.concatenate([one.times for one in runs]),
        slots=np.concatenate([NO_SLOTS, *(one.slots for one in runs if one.slots is not None)]),
    )
