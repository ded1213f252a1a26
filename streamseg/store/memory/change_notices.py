"""Change notices in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class MemoryChangeNotices:
    """`ChangeNotices` in memory: the writer of a membership calls `written`."""

    def __init__(self) -> None:
        self._watchers: dict[str, set[asyncio.Event]] = {}

    @asynccontextmanager
    async def watch(self, customer_id: str) -> AsyncIterator[asyncio.Event]:
        """See the port."""
        event = asyncio.Event()
        self._watchers.setdefault(customer_id, set()).add(event)
        try:
            yield event
        finally:
            self._watchers[customer_id].discard(event)

    def written(self, customer_id: str) -> None:
        """Set the events of all who watch this customer."""
        for event in self._watchers.get(customer_id, ()):
            event.set()
