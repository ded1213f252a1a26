"""Keeps what is costly to read: one reading for all readers, and no more than a share of the time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf
from typing import Final, Generic, TypeVar

from streamseg.errors import StreamsegError

T = TypeVar("T")

OLD: Final = 3.0
"""A value is served while it is read again only up to this multiple of its time: an idle console has older ones."""
OLD_SECONDS: Final = 10.0
"""Up to this in any case: the page has the new one as soon as it is read."""
SHORT_SECONDS: Final = 0.1
"""A reading that takes less is no more seldom than it is to be."""
BUSY_SHARE: Final = 0.05
"""A longer one takes no more than this share of the time, however many pages are open."""
SOON_SECONDS: Final = 0.15
"""How long a page waits for what may take long: it is to be drawn within 0.3 s, and says what is missing."""


class StillReadingError(StreamsegError):
    """What is asked for is being read and takes long; it is there later."""


class News:
    """Says that something was read which a page had to do without, so that it is looked at again at once."""

    def __init__(self) -> None:
        self.number = 0
        """How often it was said."""
        self._said = asyncio.Event()

    def say(self) -> None:
        """Wake all who wait."""
        self.number += 1
        self._said.set()
        self._said = asyncio.Event()

    async def after(self, number: int) -> None:
        """Wait until it was said more often than this."""
        while self.number <= number:
            await self._said.wait()


class Kept(Generic[T]):
    """A value that is read again when it is asked for and older than `seconds`, or than its reading allows.

    A page asks `soon`: while a new value is read it has the old one or none, and `news` says when the new one is there.
    """

    def __init__(
        self,
        read: Callable[[], Awaitable[T]],
        seconds: float,
        busy_share: float = BUSY_SHARE,
        news: News | None = None,
    ) -> None:
        self._read = read
        self._seconds, self._busy_share = seconds, busy_share
        self._news, self._missed = news, False
        self._value: T | None = None
        self._until = -inf
        self._keeps = seconds
        self._reading: asyncio.Task[T] | None = None
        self._takes = 0.0
        self._began = 0.0
        """When the last reading began: it is waited for once, and not by each question of a page."""

    async def get(self) -> T:
        """Return the value, a new one where it is too old, however long that takes. Raises what reading it raises."""
        if self._value is not None and time.monotonic() < self._until:
            return self._value
        return await asyncio.shield(self._begun())

    async def soon(self) -> T:
        """Return the value; where a new one takes long, the old one, or `StillReadingError` is raised without any.

        Raises what reading it raises.
        """
        if self._value is not None and time.monotonic() < self._until:
            return self._value
        reading = self._begun()
        is_long = self._may_be_old() and self._takes > SOON_SECONDS
        patience = 0.0 if is_long else max(0.0, self._began + SOON_SECONDS - time.monotonic())
        try:
            async with asyncio.timeout(patience):
                return await asyncio.shield(reading)
        except TimeoutError:
            self._missed = True
            if self._value is not None and self._may_be_old():
                return self._value
            raise StillReadingError from None

    def forget(self) -> None:
        """Read anew at the next question: something was changed."""
        self._until = -inf
        self._takes = 0.0

    def renew(self) -> None:
        """Read again at the next question; where that takes long, the value that is there is served meanwhile."""
        self._until = min(self._until, time.monotonic())

    def _begun(self) -> "asyncio.Task[T]":
        """Return the reading that goes on, or begin one."""
        if self._reading is None or self._reading.done():
            self._began = time.monotonic()
            self._reading = asyncio.create_task(self._again())
            self._reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return self._reading

    def _may_be_old(self) -> bool:
        """Return whether the old value may be served while it is read again."""
        return time.monotonic() - self._until < max(OLD_SECONDS, OLD * self._keeps)

    async def _again(self) -> T:
        began = time.monotonic()
        value = await self._read()
        ended = time.monotonic()
        self._value, self._takes = value, ended - began
        self._keeps = max(self._seconds, self._takes / self._busy_share if self._takes > SHORT_SECONDS else 0.0)
        self._until = ended + self._keeps
        if self._missed and self._news is not None:
            self._news.say()
        self._missed = False
        return value
