"""Reports records that wait for an open transaction: in a metric at once, in the log once it takes long."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from streamseg.metrics import Metrics
from streamseg.ports import Wait

log = logging.getLogger(__name__)

LONG_SECONDS: Final = 10.0
"""Most transactions end sooner."""


class OpenTransactions:
    """The open transactions in the topic partitions of this worker.

    Args:
        metrics: of this process.
        clock: monotonic seconds.
    """

    def __init__(self, metrics: Metrics, clock: Callable[[], float] = time.monotonic) -> None:
        self._metrics = metrics
        self._clock = clock
        self._since: dict[tuple[str, int], float] = {}
        self._logged: set[tuple[str, int]] = set()

    def note(self, held_back: Mapping[tuple[str, int], int]) -> None:
        """Report the records that are held back, by (topic, partition)."""
        now = self._clock()
        waiting = {place: records for place, records in held_back.items() if records > 0}
        self._metrics.replace(
            self._metrics.held_back, {(topic, str(number)): records for (topic, number), records in waiting.items()}
        )
        for topic, number in sorted(self._logged - waiting.keys()):
            log.info("%s, partition %d: the open transaction has ended", topic, number)
        self._logged &= waiting.keys()
        self._since = {place: self._since.get(place, now) for place in waiting}
        for place, records in waiting.items():
            if now - self._since[place] >= LONG_SECONDS and place not in self._logged:
                self._logged.add(place)
                log.warning("%s, partition %d: %d records wait for a producer to end its transaction", *place, records)

    def waits(self) -> list[Wait]:
        """Return the partitions whose records have waited for long, each with its longest wait."""
        now = self._clock()
        since: dict[int, float] = {}
        for (_, number), begun in self._since.items():
            since[number] = min(begun, since.get(number, begun))
        ages = {number: now - begun for number, begun in sorted(since.items())}
        whom = "a producer's open transaction"
        return [Wait(number, whom, seconds) for number, seconds in ages.items() if seconds >= LONG_SECONDS]
