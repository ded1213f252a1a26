"""What the listeners for change notices share: who waits for which channel, and messages of a connection that lives."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

RETRY_SECONDS: Final = 0.5
"""Between two attempts to connect."""
SILENCE_SECONDS: Final = 5.0
"""After this long without a message, send a PING; after as long again without an answer, reconnect."""


class Watchers:
    """The events to set when a message comes, by channel. Iterating gives the channels that are watched."""

    def __init__(self) -> None:
        self._events: dict[str, set[asyncio.Event]] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._events))

    def add(self, channel: str) -> tuple[asyncio.Event, bool]:
        """Return a new event, and whether it is the first of its channel."""
        event, events = asyncio.Event(), self._events.setdefault(channel, set())
        events.add(event)
        return event, len(events) == 1

    def remove(self, channel: str, event: asyncio.Event) -> bool:
        """Remove an event; return whether nobody watches the channel any more."""
        events = self._events[channel]
        events.discard(event)
        if not events:
            del self._events[channel]
        return not events

    def wake(self, channel: str) -> None:
        """Set the events of a channel."""
        for event in self._events.get(channel, ()):
            event.set()

    def wake_all(self) -> None:
        """Set every event: notices before a connection was up are lost."""
        for channel in self:
            self.wake(channel)


async def messages(pubsub: Any, silence_seconds: float) -> AsyncIterator[dict[str, Any]]:
    """Yield the messages of a connection. Raises `RedisError` or `OSError` when it breaks or falls silent."""
    pinged = False
    while True:
        message = await pubsub.get_message(timeout=silence_seconds)
        if message is not None:
            pinged = False
            yield message
        elif pinged:
            raise ConnectionError("no answer to PING")
        else:
            await pubsub.ping()
            pinged = True
