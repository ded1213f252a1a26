"""Detects that customers move away from the model faster than the daily challenge would notice."""

from collections.abc import Sequence
from typing import Final

from river import drift

MAX_VALUES: Final = 1024
"""Values after which the older half is dropped: at least 21 days of hourly values."""
DELTA: Final = 0.002
"""ADWIN's confidence. On daily values: one false alarm in 30 days, and 4 days to notice a change."""


class DriftWatch:
    """ADWIN (Bifet and Gavalda, SDM 2007) over the mean distance of samples to their centre, one value per interval.

    Fixed intervals of event time, and not single samples, keep its memory and the snapshot small at any traffic.
    River's detector has no state that could be written as numbers, so the values fed to it are kept and fed again.

    Args:
        interval: seconds of event time per value.
        fed: `fed` of the watch to continue.
        filling: `filling` of the watch to continue.
    """

    def __init__(self, interval: float, fed: Sequence[float] = (), filling: Sequence[float] = ()) -> None:
        self._interval = interval
        self._fed: list[float] = []
        self._start, self._sum, self._count, alarm = filling or (0.0, 0.0, 0.0, 0.0)
        self.alarm = bool(alarm)
        """Whether distances have risen since the alarm was last cleared; the owner clears it."""
        self._refeed(fed)

    def update(self, at: float, distance: float) -> None:
        """Add the distance of one sample at `at` (epoch seconds). Sets `alarm` when recent distances are larger."""
        start = at // self._interval
        if self._count and start > self._start:
            self._feed(self._sum / self._count)
            self._sum = self._count = 0.0
        if not self._count:
            self._start = start
        self._sum += distance
        self._count += 1.0

    @property
    def fed(self) -> tuple[float, ...]:
        """Values fed to the detector. With `filling`, all that a new watch needs to continue exactly here."""
        return tuple(self._fed)

    @property
    def filling(self) -> tuple[float, ...]:
        """Number of the current interval, sum and count of its distances, and the alarm as 0 or 1."""
        return (self._start, self._sum, self._count, float(self.alarm))

    def _feed(self, mean: float) -> None:
        if len(self._fed) == MAX_VALUES:
            self._refeed(self._fed[MAX_VALUES // 2 :])
        before = self._detector.estimation
        self._detector.update(mean)
        self._fed.append(mean)
        if self._detector.drift_detected and self._detector.estimation > before:
            self.alarm = True

    def _refeed(self, fed: Sequence[float]) -> None:
        self._detector = drift.ADWIN(delta=DELTA, clock=1)
        for mean in fed:
            self._detector.update(mean)
        self._fed = list(fed)
