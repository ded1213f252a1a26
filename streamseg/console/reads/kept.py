"""Keeps what is costly to read: one reading for all readers, and no more than a share of the time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from streamseg.errors import StreamsegError

T = TypeVar("T")

OLD: Final = 3.0
"""A value is served while it is read again only up to this multiple of its time: an idle console has older ones."""
SHORT_SECONDS: Final = 0.1
"""A reading that takes less is waited for, and is no more seldom than it is to be."""
BUSY_SHARE: Final = 0.05
"""A longer one takes no more than this share of the time, however many pages are open."""
SOON_SECONDS: Final = 0.15
"""How long a page waits for what may take long: it is to be drawn within 0.3 s, and says what is missing."""


class StillReadingError(StreamsegError):
    """What is asked for is being read and takes long; it is there later."""


class Kept(Generic[T]):
    """A value that is read again when it is asked for and older than `seconds`, or than its reading allows.

    Who asks for a value that is too old gets the new one; while a costly one is read again, the old one is served.
    """

    def __init__(self, read: Callable[[], Awaitable[T]], seconds: float, busy_share: float = BUSY_SHARE) -> None:
        self._read = read
        self._seconds, self._busy_share = seconds, busy_share
        self._value: T | None = None
        self._until = 0.0
        self._keeps = seconds
        self._reading: asyncio.Task[T] | None = None
        self._takes = 0.0

    async def get(self) -> T:
        """Return the value. Raises what reading it raises."""
        if self._value is not None and time.monotonic() < self._until:
            return self._value
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._again())
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        late = time.monotonic() - self._until
        if self._value is not None and self._takes > SHORT_SECONDS and late < OLD * self._keeps:
            return self._value
        return await asyncio.shield(self._reading)

    async def soon(self) -> T:
        """Return the value. Raises `StillReadingError` where reading it takes long, and what reading it raises."""
        try:
            async with asyncio.timeout(SOON_SECONDS):
                return await self.get()
        except TimeoutError:
            raise StillReadingError from None

    def forget(self) -> None:
        """Read anew at the next question: something was changed."""
        self._until = 0.0
        self._takes = 0.0

    def renew(self) -> None:
        """Read again at the next question; where that takes long, the value that is there is served meanwhile."""
        self._until = min(self._until, time.monotonic())

    async def _again(self) -> T:
        began = time.monotonic()
        value = await self._read()
        ended = time.monotonic()
        self._value, self._takes = value, ended - began
        self._keeps = max(self._seconds, self._takes / self._busy_share if self._takes > SHORT_SECONDS else 0.0)
        self._until = ended + self._keeps
        return value
