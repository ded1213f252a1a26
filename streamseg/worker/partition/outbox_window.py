"""Keeps delivered changes in the outbox for as long as a failover may lose them, and says when one may have.

Strings lie on other nodes of a Redis Cluster than the outbox, and a replica that takes over lacks what its primary had
acknowledged last. Nothing else would miss these strings: the rows have them, and the change records are sent.
"""

import time
from collections import deque
from typing import Final

from streamseg.errors import StoreUnavailableError
from streamseg.worker.context import Ports
from streamseg.worker.partition.signs import Signs

UNKNOWN: Final = -1
"""No number of replacements: at the next one that is known, all of the outbox is delivered again."""


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
        self._seen = self._delivered_at = UNKNOWN
        """How often nodes were replaced: at the latest look, and before all of the outbox was delivered last."""

    def delivered(self, position: str | None) -> None:
        """Note that all entries up to this position are delivered."""
        if position is not None:
            self._delivered.append((time.monotonic(), position))

    def delivered_all(self) -> None:
        """Note that all of the outbox was delivered after the latest look."""
        self._delivered_at = self._seen

    async def look(self, *, now: bool = False) -> bool:
        """Return whether a node may have lost strings since all was delivered; asked once in a while, or now.

        While a node is away nobody can tell: then nothing is trimmed.
        """
        if now or time.monotonic() - self._looked_at >= self._pause:
            self._looked_at = time.monotonic()
            try:
                self._seen, self._trims = await self._ports.memberships.replacements(), True
            except StoreUnavailableError:
                self._trims = False
                if now:
                    self._seen = UNKNOWN
        return self._seen != self._delivered_at

    async def trim(self) -> None:
        """Trim what was delivered long enough before the latest look. Raises `StoreUnavailableError`."""
        if not self._trims:
            return
        self._trims = False
        through = None
        kept = self._seconds + self._pause  # clients share a look, so it may be a little older
        while self._delivered and self._looked_at - self._delivered[0][0] > kept:
            through = self._delivered.popleft()[1]
        if through is not None:
            await self._ports.state.trim_outbox(self._partition, through)
        self._signs.outbox_flushes = await self._ports.state.outbox_flushes(self._partition)
