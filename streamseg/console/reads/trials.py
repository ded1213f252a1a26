"""The events that people of this process have sent for a try, each followed in the background."""

import asyncio
from collections import OrderedDict
from typing import Final

from streamseg.service.tried_events import TriedEvent, TriedEvents
from streamseg.tasks import end

REMEMBERED: Final = 100


class Trials:
    """Sends events and remembers the latest. `events` sends and follows them."""

    def __init__(self, events: TriedEvents) -> None:
        self._events = events
        self._known: OrderedDict[str, TriedEvent] = OrderedDict()
        self._following: set[asyncio.Task[None]] = set()

    async def send(self, sample: str, customer_id: str, category: str, value: float) -> TriedEvent:
        """Send an event, and begin to follow it. Raises `StreamsegError` when Kafka does not take it."""
        sent, begins = await self._events.send(sample, customer_id, category, value)
        self._known[sent.id] = sent
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        task = asyncio.create_task(self._events.follow(sent, begins))
        self._following.add(task)
        task.add_done_callback(self._following.discard)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return sent

    def find(self, event_id: str) -> TriedEvent | None:
        """Return an event that was sent."""
        return self._known.get(event_id)

    async def close(self) -> None:
        """Follow nothing any more."""
        for one in list(self._following):
            await end(one)
