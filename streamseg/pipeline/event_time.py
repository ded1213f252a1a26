"""The latest event time of a stream that one wrong record cannot move.

A mistyped year would otherwise carry the clock far ahead, and customers would expire by retention. So a time that lies
more than a step ahead counts only once several records support it. A heartbeat is no customer's event: it counts at
once.
"""

from collections.abc import Sequence
from heapq import nlargest
from typing import Final, TypeAlias

from streamseg.time_units import DAY_SECONDS

SUPPORT: Final = 3
"""Records at or after a time that make it count."""

STEP_SECONDS: Final = DAY_SECONDS
"""How far one record may move the time by default."""

Place: TypeAlias = tuple[str, int]
"""Topic and offset."""


class EventTime:
    """The time that the events of one stream have reached, epoch seconds; 0.0 before it is known.

    Args:
        step: how far one record may move the time, seconds.
    """

    def __init__(self, step: float) -> None:
        self._step = step
        self._ahead: list[tuple[float, Place]] = []
        """The greatest times that do not count yet, each of another record, in descending order, at most `SUPPORT`."""
        self.reached = 0.0

    def advance(self, topic: str, times: Sequence[float], offsets: Sequence[int], now: float = 0.0) -> list[float]:
        """Take the events of a run.

        Args:
            topic: of the run.
            times: of its events, epoch seconds.
            offsets: of its events; a record that is read again supports a time only once.
            now: a time that is known otherwise, which events may be a step ahead of too.

        Returns:
            Times that lie too far ahead to count, and are new. At most `SUPPORT`, in descending order.
        """
        if not times:
            return []
        greatest, limit = max(times), max(self.reached, now) + self._step
        if limit > self._step and greatest <= limit:
            self.reached = max(self.reached, greatest)
            return []
        known = set(self._ahead)
        places = [(topic, offset) for offset in offsets]
        self._ahead = nlargest(SUPPORT, known.union(zip(times, places, strict=True)))
        if len(self._ahead) == SUPPORT:
            self.reached = max(self.reached, self._ahead[-1][0])
        reach = max(self.reached, now)
        for at, _ in reversed(self._ahead):
            if reach > 0.0 and at <= reach + self._step:
                self.reached = reach = max(reach, at)
        self._ahead = [one for one in self._ahead if one[0] > self.reached]
        return [one[0] for one in self._ahead if one not in known]

    def tick(self, at: float) -> None:
        """Take a time that counts by itself, epoch seconds."""
        self.reached = max(self.reached, at)
        self._ahead = [one for one in self._ahead if one[0] > self.reached]
