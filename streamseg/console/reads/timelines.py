"""The past of customers who are looked at: read beside the pages, one at a time, and kept for a moment."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, Literal

from streamseg.console.reads.kept import Kept
from streamseg.errors import StreamsegError
from streamseg.service.timeline import Timeline

TIMELINE_SECONDS: Final = 10.0
"""How old a timeline may be while somebody looks; one that takes long is older, see `Kept`."""
CUSTOMERS: Final = 50
"""Customers whose timelines are kept."""


class Timelines:
    """Timelines by customer. `read` reads one from the topics."""

    def __init__(self, read: Callable[[str], Awaitable[Timeline]]) -> None:
        self._read = read
        self._one_at_a_time = asyncio.Lock()
        self._kept: OrderedDict[str, Kept[Timeline]] = OrderedDict()
        self._latest: dict[str, Timeline | Literal["away"]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}

    def get(self, customer_id: str) -> Timeline | Literal["away"] | None:
        """Return the timeline as it was read last, and read it again beside; None while it is read at first.

        "away" when the topics could not be read.
        """
        if customer_id not in self._reading:
            self._kept.setdefault(customer_id, Kept(lambda: self._alone(customer_id), TIMELINE_SECONDS))
            self._kept.move_to_end(customer_id)
            self._reading[customer_id] = asyncio.create_task(self._look(customer_id))
            while len(self._kept) > CUSTOMERS:
                forgotten, _ = self._kept.popitem(last=False)
                self._latest.pop(forgotten, None)
        return self._latest.get(customer_id)

    async def _look(self, customer_id: str) -> None:
        try:
            found = await self._kept[customer_id].get()
        except StreamsegError:
            self._latest[customer_id] = "away"
        else:
            self._latest[customer_id] = found
        finally:
            del self._reading[customer_id]

    async def _alone(self, customer_id: str) -> Timeline:
        async with self._one_at_a_time:
            return await self._read(customer_id)
