"""Event stream tickets on Redis."""

import time
from collections.abc import Callable

from streamseg.store import key_names as keys
from streamseg.store import tickets
from streamseg.store.redis.servers.connection import Client, translated_errors


class RedisTicketStore:
    """A `TicketStore` on Redis. `clock` returns wall time in seconds."""

    def __init__(self, redis: Client, clock: Callable[[], float] = time.time) -> None:
        self._redis = redis
        self._clock = clock
        self._secret: bytes | None = None

    async def issue(self, customer_id: str, ttl_seconds: int) -> str:
        """See the port."""
        with translated_errors():
            if self._secret is None:
                await self._redis.execute_command("SET", keys.TICKET_SECRET, tickets.new_secret(), "NX")
                self._secret = await self._redis.execute_command("GET", keys.TICKET_SECRET)
            assert self._secret is not None
            ticket = tickets.ticket_of(self._secret, customer_id, self._clock(), ttl_seconds)
            await self._redis.execute_command("SET", keys.ticket(ticket), customer_id, "EX", ttl_seconds)
        return ticket

    async def redeem(self, ticket: str) -> str | None:
        """See the port."""
        with translated_errors():
            found: bytes | None = await self._redis.execute_command("GET", keys.ticket(ticket))
        return found.decode() if found is not None else None
