"""Sends probes: records that travel the whole path on wall time, so that "no events" and "stuck" look different.

The owner of a partition sends them into the partition's clicks and reads them like events. Each stage shows the newest
one that it has seen (DESIGN.md, Probes).
"""

import asyncio
import logging
import time
from collections.abc import Callable, Collection

from streamseg.errors import StreamsegError
from streamseg.events.cloudevents import PROBE_TYPE, binary_headers
from streamseg.logs import OutageLog
from streamseg.ports import EventSink, OutgoingRecord
from streamseg.topics import CLICKS

log = logging.getLogger(__name__)


class Probes:
    """Sends a probe to each partition of this worker, at the same moments in all workers.

    So nobody who waits until nothing is left to read meets the probes of one worker after those of another.

    Args:
        sink: takes the probes.
        numbers: returns the partitions that this worker owns.
        interval: between two probes of a partition, seconds.
        clock: wall time, epoch seconds.
    """

    def __init__(
        self,
        sink: EventSink,
        numbers: Callable[[], Collection[int]],
        interval: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._sink = sink
        self._numbers = numbers
        self._interval = interval
        self._clock = clock
        self._outage = OutageLog(log, "the sender of probes", "Kafka")

    async def run(self) -> None:
        """Send for ever. While Kafka is away the newest probe grows old, which is what it is for."""
        while True:
            await asyncio.sleep(self._interval - self._clock() % self._interval)
            try:
                await self.send()
            except StreamsegError as error:
                self._outage.waits(error)
            else:
                self._outage.over()

    async def send(self) -> None:
        """Send one probe to each partition. Raises what the sink raises."""
        probes = [probe(number, self._clock()) for number in sorted(self._numbers())]
        if probes:
            await self._sink.send(probes)


def probe(partition: int, sent_at: float) -> OutgoingRecord:
    """Return the probe of a partition, sent at this wall time (epoch seconds, kept to the millisecond)."""
    headers = binary_headers(PROBE_TYPE, f"{partition}/{sent_at:.3f}", sent_at)
    value = b'{"occurred_at":"%b"}' % dict(headers)["ce_time"]
    return OutgoingRecord(CLICKS, None, value, headers, partition)
