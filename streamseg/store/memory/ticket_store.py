"""Event stream tickets in memory."""

import time
from collections.abc import Callable

from streamseg.store import tickets


class MemoryTicketStore:
    """A `TicketStore` in memory. `clock` returns wall time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secret = tickets.new_secret()
        self._tickets: dict[str, tuple[float, str]] = {}

    async def issue(self, customer_id: str, ttl_seconds: int) -> str:
        """See the port."""
        now = self._clock()
        ticket = tickets.ticket_of(self._secret, customer_id, now, ttl_seconds)
        self._tickets[ticket] = (now + ttl_seconds, customer_id)
        return ticket

    async def redeem(self, ticket: str) -> str | None:
        """See the port."""
        expires, customer_id = self._tickets.get(ticket, (0.0, None))
        return customer_id if expires > self._clock() else None
