"""Absorbs runs tick by tick: each tick of a customer ends with a look, however the events come in runs and flushes.

Live, the events of one customer in a run are of one tick, and the look at the flush is the only one. In a backfill they
are of many: before events of a later tick are absorbed, exactly the rows that they belong to are looked at. Such a look
settles and publishes nothing (DESIGN.md, Settling).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from streamseg.clustering.assign import Codes
from streamseg.events.money import Money
from streamseg.features.rows import NO_SLOTS, Rows, Slots
from streamseg.features.update import Absorbed, Source
from streamseg.pipeline.intake import Taken, absorb
from streamseg.pipeline.looking import look, moments
from streamseg.pipeline.segmentation import Segmentation, is_known

Numbers = NDArray[np.int64]

_TICK_BITS: Final = 32
"""Bits for the number of a tick; the remaining bits hold the group."""


class TakenRun(NamedTuple):
    """A decoded run of one source (`features.update.Source`)."""

    source: int
    taken: Taken


@dataclass(slots=True)
class AbsorbedRuns:
    """What runs did to the rows."""

    parts: list[tuple[int, Absorbed]] = field(default_factory=list)
    """The parts of the runs in the order in which they were absorbed, each with its source."""
    flushed: Codes | None = None
    """Codes of the segments before the runs, shape (rows, segmentations), parallel to `slots`; None if no row was
    looked at in between."""
    cleared: Slots = field(default_factory=lambda: NO_SLOTS)
    """Rows that an erasure has cleared; events may have come after it."""
    settles_anew: Slots = field(default_factory=lambda: NO_SLOTS)
    """Those of them that were not looked at since."""

    @property
    def slots(self) -> Slots:
        """Rows of the runs, each once, ascending."""
        return np.unique(np.concatenate([NO_SLOTS, *(part.slots for _, part in self.parts)]))

    def absorb(self, rows: Rows, run: TakenRun, money: Money) -> None:
        """Absorb a run, or a part of one."""
        part = absorb(rows, run.source, run.taken, money)[1]
        self.parts.append((run.source, part))
        if run.source == Source.ERASURES:
            gone = part.slots[~is_known(rows, part.slots)]
            self.cleared, self.settles_anew = np.union1d(self.cleared, gone), np.union1d(self.settles_anew, gone)

    def look(self, rows: Rows, slots: Slots, earliest: float, segmentations: Sequence[Segmentation]) -> None:
        """Settle rows between two ticks."""
        look(rows, slots, earliest, segmentations, self.settles_anew)
        self.settles_anew = np.setdiff1d(self.settles_anew, slots)


def absorb_runs(
    rows: Rows, runs: Sequence[TakenRun], money: Money, segmentations: Sequence[Segmentation], earliest: float
) -> AbsorbedRuns:
    """Absorb runs into their rows, with a look at the end of each tick of a row except its last one.

    Args:
        rows: the slab; the rows of all customers are loaded.
        runs: runs of one source in the order of their offsets.
        money: converts amounts to the configured currency.
        segmentations: in the order of the rows' segmentations.
        earliest: as for `look`: all events before it are of its tick.
    """
    result = AbsorbedRuns()
    # A tick of any segmentation ends at one of these: a look in the middle of a longer tick is replaced by its last.
    interval = math.gcd(*(int(one.look_interval_seconds) for one in segmentations if not one.declared))
    learned = any(one.assigner is not None for one in segmentations)
    waves = _waves(rows, runs, interval, earliest) if learned else None
    if waves is None:
        for run in runs:
            result.absorb(rows, run, money)
        return result
    result.flushed = rows.segment[_rows_of(rows, [run.taken for run in runs])]  # only looks change segments
    for wave in range(1 + max(int(one.max(initial=0)) for one in waves)):
        due = [run.taken.part(rows, np.flatnonzero(of == wave)) for run, of in zip(runs, waves, strict=True)]
        if wave:
            result.look(rows, _rows_of(rows, due), earliest, segmentations)
        for run, part in zip(runs, due, strict=True):
            if part.events:
                result.absorb(rows, TakenRun(run.source, part), money)
    return result


def _rows_of(rows: Rows, parts: Sequence[Taken]) -> Slots:
    """Return the rows of the events, each once, ascending."""
    return np.unique(np.concatenate([part.slots_in(rows) for part in parts]))


def _waves(rows: Rows, runs: Sequence[TakenRun], interval: int, earliest: float) -> list[Numbers] | None:
    """Return for each run the wave (from 0) in which each of its events is absorbed; None if all are of one wave.

    The waves of a row are its ticks with events. Events of a row and a source stay in the order of their offsets, as an
    event below the row's last applied offset would count as replayed: a late one is of the tick that has been reached.
    """
    times = np.concatenate([np.empty(0), *(run.taken.times for run in runs)])
    ticks = (np.maximum(times, max(earliest, 0.0)) // interval).astype(np.int64)
    if not len(ticks) or ticks.min() == ticks.max():
        return None
    slots = np.concatenate([run.taken.slots_in(rows) for run in runs])
    latest = np.empty(len(rows.slab), dtype=np.int64)
    latest[slots] = ticks
    several = latest[slots] != ticks
    if not several.any():
        return None
    busy = np.zeros(len(rows.slab), dtype=np.bool_)
    busy[slots[several]] = True
    chosen = np.flatnonzero(busy[slots])
    sources = np.repeat([run.source for run in runs], [len(run.taken.events) for run in runs])
    slots, sources, ticks = slots[chosen], sources[chosen], ticks[chosen]
    ticks = np.maximum(ticks, (moments(rows, slots, earliest) // interval).astype(np.int64))

    of = slots * len(Source) + sources
    order = np.argsort(of, kind="stable")  # by offset within a row and a source
    raised = (of[order] << _TICK_BITS) | ticks[order]
    ticks[order] = np.maximum.accumulate(raised) & ((1 << _TICK_BITS) - 1)

    of = (slots << _TICK_BITS) | ticks
    order = np.argsort(of)
    of = of[order]
    first, rank = _begins(of >> _TICK_BITS), np.cumsum(_begins(of))
    wave = np.zeros(len(times), dtype=np.int64)
    wave[chosen[order]] = rank - rank[first][np.cumsum(first) - 1]
    ends = np.cumsum([len(run.taken.events) for run in runs])
    return np.split(wave, ends[:-1])


def _begins(groups: Numbers | Slots) -> NDArray[np.bool_]:
    """Return where a group differs from the one before, shape (n,)."""
    begins = np.ones(len(groups), dtype=np.bool_)
    np.not_equal(groups[1:], groups[:-1], out=begins[1:])
    return begins
