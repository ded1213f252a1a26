"""Keeps delivered changes in the outbox for as long as a failover may lose them, and says when one may have.

Strings are written after the rows, and on other nodes of a Redis Cluster, and a server that comes back or a replica
that takes over lacks what was acknowledged last. Nothing else would miss these strings: the rows have them, and the
change records are sent.
"""

import time
from collections import deque
from typing import Final

from streamseg.errors import StoreUnavailableError
from streamseg.worker.context import Ports
from streamseg.worker.partition.signs import Signs

UNKNOWN: Final = ""
"""No runs of servers: once they are known, all of the outbox is delivered again."""
OLDEST: Final = "-"
"""The position before all entries."""


class OutboxWindow:
    """What of one partition's outbox was delivered, and when.

    Args:
        partition: its number.
        ports: the stores.
        seconds: how long delivered changes stay.
        pause: seconds between two looks.
        signs: told how long the outbox is.
    """

    def __init__(self, partition: int, ports: Ports, seconds: float, pause: float, signs: Signs) -> None:
        self._partition = partition
        self._ports = ports
        self._seconds = seconds
        self._pause = pause
        self._signs = signs
        self._delivered: deque[tuple[float, str]] = deque()
        """(Monotonic seconds, position) of deliveries that are not trimmed yet."""
        self._looked_at = 0.0
        self._trims = False
        self._seen = self._delivered_to = UNKNOWN
        """Runs of the servers: at the latest look, and those to which all of the outbox was delivered."""
        self._latest: str | None = None
        self._noted: str | None = None
        """Positions: of what was delivered last, and the one that is stored."""

    def delivered(self, position: str | None) -> None:
        """Note that all entries up to this position are delivered."""
        if position is not None:
            self._delivered.append((time.monotonic(), position))
            self._latest = position

    def delivered_all(self) -> None:
        """Note that all of the outbox was delivered after the latest look."""
        self._delivered_to = self._seen

    async def delivered_before(self) -> str:
        """Return up to where a former owner delivered to the servers that run now. Raises `StoreUnavailableError`."""
        noted = await self._ports.state.delivered(self._partition)
        await self.look(now=True)  # after that: a server that came between has another run
        return noted[0] if noted is not None and noted[1] == self._seen != UNKNOWN else OLDEST

    async def look(self, *, now: bool = False) -> bool:
        """Return whether a server may have lost strings since all was delivered; asked once in a while, or now.

        While a server is away nobody can tell: then nothing is trimmed.
        """
        if now or time.monotonic() - self._looked_at >= self._pause:
            self._looked_at = time.monotonic()
            try:
                seen = await self._ports.memberships.server_runs()
            except StoreUnavailableError:
                self._trims = False
                if now:
                    self._seen = UNKNOWN
            else:
                if seen != self._seen:
                    self._delivered_to = UNKNOWN  # also if the former servers return before all is delivered again
                self._seen, self._trims = seen, True
        return self._seen != self._delivered_to

    async def trim(self) -> None:
        """After a look, note what is delivered, and trim what was long enough before it.

        Raises `StoreUnavailableError`.
        """
        if not self._trims:
            return
        self._trims = False
        through = None
        kept = self._seconds + self._pause  # clients share a look, so it may be a little older
        while self._delivered and self._looked_at - self._delivered[0][0] > kept:
            through = self._delivered.popleft()[1]
        if through is not None:
            await self._ports.state.trim_outbox(self._partition, through)
        if self._latest is not None and self._latest != self._noted and self._seen == self._delivered_to:
            await self._ports.state.note_delivered(self._partition, self._latest, self._seen)
            self._noted = self._latest
        self._signs.outbox_flushes = await self._ports.state.outbox_flushes(self._partition)
