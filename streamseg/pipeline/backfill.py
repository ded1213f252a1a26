"""Decides when a backfill is over, and what the sweeps of its partition do then (DESIGN.md, The end of a backfill).

In a replay at full speed, months of a partition's clock pass between two sweeps. Most customers are then sampled long
before the end, and the model is of early, partial data: the partition is *out of step*. Once no input is left, one
sweep samples everybody and tells the trainer, which relearns. When that is done, another sweep puts everybody into the
nearest segment. Nobody waits meanwhile: events are taken and ordinary sweeps made as ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

import msgspec

from streamseg.time_units import DAY_SECONDS

LEAST_SECONDS: Final = 2 * DAY_SECONDS
"""Time of the clock between two sweeps from which a partition is out of step, at least. Everybody is sampled and every
model challenged once a day: a restart, an outage of hours and a slow replay miss no day."""
LEAST_LATE: Final = 20
"""Events of long ago from which a wall clock can be out of step: fewer are what phones send that were offline."""
KEY: Final = b"backfill "
"""Begins the keys of `BackfillEnd` on the samples topic. Keys of samples begin with the name of a segmentation, which
has no space."""

CLOCK: Final = "clock"
"""Name of the partition's clock among the topics of a stored checkpoint, in whole seconds. An event clock that began
anew, when a worker starts after the last event of a replay, would not move at all."""
IN_STEP: Final = "in step"
"""Name of `Step.in_step_at` there."""
HISTORY_ENDED: Final = -1.0
"""`Step.in_step_at` of a partition whose history has ended before there were segments. Kept with the checkpoint, so a
worker that is killed meanwhile goes on."""


class SweepKind(Enum):
    """What a sweep does beside looking at every row."""

    ORDINARY = auto()
    """Samples those who are due."""
    SAMPLE = auto()
    """Samples everybody, due or not, beyond the budget; ends with a `BackfillEnd`."""
    SETTLE = auto()
    """Puts everybody into the nearest segment at once: the clock of a replay that has ended brings no second look."""
    DUE = auto()
    """No sweep of everybody: looks at the customers whose rules are due, and at nothing else of them."""


class BackfillEnd(msgspec.Struct, frozen=True, kw_only=True):
    """Value of a record on the samples topic: everybody of a partition has been sampled, after a backfill."""

    v: int = 1
    partition: int
    at: float
    """The partition's clock when that sweep began, epoch seconds."""
    since: float
    """Time of the earliest event of its customers."""
    is_all: bool = False
    """Whether the history is known to have ended, so that a first model waits for no more of it."""


def end_key(partition: int) -> bytes:
    """Return the key of a partition's `BackfillEnd` records. The topic is compacted by it."""
    return KEY + b"%d" % partition


def is_end(key: bytes | None) -> bool:
    """Return whether a record of the samples topic is a `BackfillEnd`."""
    return key is not None and key.startswith(KEY)


@dataclass(slots=True)
class Step:
    """Whether the sweeps of one partition keep up with its clock. Reads no clock: `now` is an argument.

    Args:
        in_step_at: time of the partition's clock at the latest sweep that kept up, epoch seconds; 0 for unknown. It is
            stored with the checkpoint.
        sweep_interval: between two sweeps, in time of the partition's clock.
    """

    in_step_at: float
    sweep_interval: float
    told_at: float | None = None
    """Time of the latest sweep after which the trainer was told, until its models are learned and everybody settled.
    Lost with the process: then everybody is sampled once more."""
    events: int = 0
    """Events since the latest sweep that kept up or told."""
    late: int = 0
    """Those of them that occurred long before the partition's clock. Lost with the process: then the trainer's next
    challenge, a day later, has to do."""

    def absorbed(self, times: Sequence[float], now: float) -> None:
        """Count events by their times; `now` is the partition's clock."""
        self.events += len(times)
        limit = now - _bound(self.sweep_interval)
        if times and min(times) < limit:
            self.late += sum(at < limit for at in times)

    def end_history(self) -> None:
        """Note that all that there is of a history is taken, however short it is: everybody is sampled once more."""
        self.in_step_at, self.told_at = HISTORY_ENDED, None

    @property
    def history_ended(self) -> bool:
        """Whether the partition is out of step because its history has ended before there were segments."""
        return self.in_step_at == HISTORY_ENDED

    def is_out(self, now: float) -> bool:
        """Whether the customers' samples are not of this time.

        Either the clock has gone far since the latest sweep that kept up, as event clocks do in a replay. Or most
        events since then are of long ago: a history that is replayed on the wall clock.
        """
        gone = now - (self.in_step_at if self.told_at is None else self.told_at)
        return gone >= _bound(self.sweep_interval) or (self.late >= LEAST_LATE and 2 * self.late >= self.events)

    def next_sweep(self, now: float, *, relearned_at: float, relearned: bool) -> SweepKind:
        """Return what the next sweep is for while there is no input left; else it is an ordinary one.

        Args:
            now: the partition's clock.
            relearned_at: `BackfillEnd.at` of this partition that all models have been relearned for; 0 for none.
            relearned: whether a relearn for any partition has replaced a model since everybody was settled last.
        """
        if self.is_out(now):
            return SweepKind.SAMPLE
        settles = relearned if self.told_at is None else relearned_at >= self.told_at
        return SweepKind.SETTLE if settles else SweepKind.ORDINARY

    def begins(self, kind: SweepKind, now: float) -> None:
        """Note that a sweep begins: what is absorbed from now on may come after a customer was looked at."""
        if kind is SweepKind.SAMPLE or not self.is_out(now):
            self.events = self.late = 0

    def ends(self, kind: SweepKind, began_at: float, *, empty: bool) -> None:
        """Note the end of a sweep that began at `began_at`; `empty` if the partition has no customers."""
        if kind is SweepKind.SAMPLE and not empty:
            self.told_at = began_at
        elif kind is not SweepKind.ORDINARY or (self.told_at is None and not self.is_out(began_at)):
            self.in_step_at, self.told_at = began_at, None


def is_in_step(checkpoint: Mapping[str, int], sweep_interval: float) -> bool:
    """Whether a partition with this stored checkpoint is in step, as far as its clock tells."""
    return checkpoint.get(CLOCK, 0) - checkpoint.get(IN_STEP, 0) < _bound(sweep_interval)


def _bound(sweep_interval: float) -> float:
    return max(LEAST_SECONDS, 2 * sweep_interval)
