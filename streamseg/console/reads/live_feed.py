"""Events as they come, read while somebody looks: one reader for all, and a bounded memory of the newest."""

import asyncio
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from streamseg.errors import StreamsegError
from streamseg.events.record import MemoryRecord
from streamseg.ports import Tail
from streamseg.service.live_events import LiveEvent
from streamseg.tasks import end

KEPT: Final = 1_000
"""Events that are remembered."""
IDLE_SECONDS: Final = 15.0
"""The reader ends when nobody has looked for so long, and what it remembers is forgotten."""
AWAY_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Feed:
    """The newest events first, and what was counted since the reader began at `since`, epoch seconds."""

    events: tuple[LiveEvent, ...]
    since: float
    seen: int
    rejected: int
    adjusted: tuple[tuple[str, int], ...]
    """Fields and how often they were adjusted, the most frequent first."""
    skipped: bool
    """Whether more came than were read: then this is a sample."""
    away: bool
    """Whether Kafka does not answer."""


class LiveFeed:
    """Reads the tail of the topics while somebody asks.

    Args:
        tail: the topics.
        tell: returns what is told of a record, None for nothing.
    """

    def __init__(self, tail: Tail, tell: Callable[[MemoryRecord], LiveEvent | None]) -> None:
        self._tail, self._tell = tail, tell
        self._reading: asyncio.Task[None] | None = None
        self._asked = 0.0
        self._begin()

    def _begin(self) -> None:
        self._events: deque[LiveEvent] = deque(maxlen=KEPT)
        self._adjusted: Counter[str] = Counter()
        self._since, self._seen, self._rejected = time.time(), 0, 0
        self._skipped = self._away = False

    async def newest(self) -> Feed:
        """Return the events so far; the first who asks starts the reader."""
        self._asked = time.monotonic()
        if self._reading is None or self._reading.done():
            self._begin()
            self._reading = asyncio.create_task(self._read())
        counted = tuple(self._adjusted.most_common(10))
        events = tuple(sorted(self._events, key=lambda one: one.at)[::-1])
        return Feed(events, self._since, self._seen, self._rejected, counted, self._skipped, self._away)

    async def close(self) -> None:
        """End the reader."""
        if self._reading is not None:
            await end(self._reading)

    async def _read(self) -> None:
        try:
            while time.monotonic() - self._asked < IDLE_SECONDS:
                try:
                    records, self._skipped = await self._tail.look()
                except StreamsegError:
                    self._away = True
                    await asyncio.sleep(AWAY_SECONDS)
                    continue
                self._away = False
                self._take([one for one in map(self._tell, records) if one is not None])
        finally:
            await self._tail.close()

    def _take(self, events: list[LiveEvent]) -> None:
        self._events.extend(events)
        self._seen += len(events)
        self._rejected += sum(one.is_rejected for one in events)
        for one in events:
            self._adjusted.update(one.adjusted)
