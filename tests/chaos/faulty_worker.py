"""`python -m tests.chaos.faulty_worker`: `streamseg`, but some records raise and its producer can be made to fail.

Both need the inside of the process, and streamseg itself has no switch for them.
"""

import asyncio
import logging
import random
import signal
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from unittest.mock import patch

from streamseg import pipeline
from streamseg.commands import main
from streamseg.errors import StreamsegError
from streamseg.kafka.producer import KafkaProducer
from streamseg.pipeline import ticks
from streamseg.ports import OutgoingRecord
from streamseg.settings import KafkaSettings
from streamseg.topics import CLICKS
from streamseg.wiring import build_worker

POISON: Final = "poison-"
"""An event whose id begins with this raises after its row has changed."""
FATAL_SIGNAL: Final = signal.SIGUSR1
FATAL_LINE: Final = "the producer has failed for good"
"""In the log once for each fatal error that was forced."""
TOO_LARGE_BYTES: Final = 1_800_000
"""More than an input topic takes, and less than the producer refuses by itself."""

log = logging.getLogger(__name__)


class PoisonedRecordError(Exception):
    """A record was poisoned."""


class FragileProducer(KafkaProducer):
    """A producer that gets a fatal error from librdkafka at a signal.

    With gapless delivery, librdkafka ends a producer when the broker refuses one record for good.
    """

    def __init__(self, kafka: KafkaSettings) -> None:
        super().__init__(kafka)
        self._config["enable.gapless.guarantee"] = True
        self._client = type(self._client)(self._config)
        self._failing: asyncio.Task[None] | None = None
        asyncio.get_running_loop().add_signal_handler(FATAL_SIGNAL, self._begin_to_fail)

    def _begin_to_fail(self) -> None:
        self._failing = asyncio.create_task(self._fail())

    async def _fail(self) -> None:
        client = self._client
        refused = OutgoingRecord(CLICKS, None, random.Random(1).randbytes(TOO_LARGE_BYTES), partition=0)
        with suppress(StreamsegError):
            await self.send([refused])
        if client.is_dead:
            log.warning(FATAL_LINE)


def absorb(rows: Any, source: int, taken: pipeline.Taken, money: Any) -> Any:
    """Absorb as the worker does, then raise if one of the events is poisoned."""
    answer = _absorb(rows, source, taken, money)
    _refuse([event.event_id for event in taken.events])
    return answer


def _refuse(event_ids: Sequence[str]) -> None:
    if any(event_id.startswith(POISON) for event_id in event_ids):
        raise PoisonedRecordError


_absorb: Final = pipeline.absorb

if __name__ == "__main__":
    with patch.object(ticks, "absorb", absorb), patch.object(build_worker, "KafkaProducer", FragileProducer):
        main()
