"""What the API keeps, in memory: the same contracts as on Redis. One event loop only."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from streamseg.ports import ApiKey, Delivery, Subscriber
from streamseg.store import tickets


class MemoryApiKeyStore:
    """The `ApiKeyStore` without a server."""

    def __init__(self) -> None:
        self._keys: dict[str, ApiKey] = {}

    async def put(self, key: ApiKey) -> None:
        """See the port."""
        self._keys[key.id] = key

    async def remove(self, key_id: str) -> bool:
        """See the port."""
        return self._keys.pop(key_id, None) is not None

    async def all(self) -> list[ApiKey]:
        """See the port."""
        return sorted(self._keys.values(), key=lambda key: (key.created, key.id))


class MemoryTicketStore:
    """The `TicketStore` without a server. `clock` is wall time in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._secret = tickets.new_secret()
        self._tickets: dict[str, tuple[float, str]] = {}

    async def issue(self, customer_id: str, ttl_seconds: int) -> str:
        """See the port."""
        now = self._clock()
        ticket = tickets.named(self._secret, customer_id, now, ttl_seconds)
        self._tickets[ticket] = (now + ttl_seconds, customer_id)
        return ticket

    async def redeem(self, ticket: str) -> str | None:
        """See the port."""
        ends, customer_id = self._tickets.get(ticket, (0.0, None))
        return customer_id if ends > self._clock() else None


class MemoryChangeNotices:
    """The `ChangeNotices` without a server: whoever writes a membership calls `written`."""

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
        """Tell those who watch this customer."""
        for event in self._watchers.get(customer_id, ()):
            event.set()


class MemoryWebhookStore:
    """The `WebhookStore` without a server."""

    def __init__(self) -> None:
        self._subscribers: dict[str, Subscriber] = {}
        self._due: dict[str, tuple[float, Delivery]] = {}
        self._parked: dict[str, Delivery] = {}

    async def subscribe(self, subscriber: Subscriber) -> None:
        """See the port."""
        self._subscribers[subscriber.id] = subscriber

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """See the port."""
        return self._subscribers.pop(subscriber_id, None) is not None

    async def subscribers(self) -> list[Subscriber]:
        """See the port."""
        return sorted(self._subscribers.values(), key=lambda each: each.id)

    async def enqueue(self, deliveries: Sequence[Delivery], due: float) -> None:
        """See the port."""
        for delivery in deliveries:
            if delivery.id not in self._parked:
                self._due.setdefault(delivery.id, (due, delivery))

    async def take(self, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """See the port."""
        ready = sorted((due, name) for name, (due, _) in self._due.items() if due <= now)[:count]
        taken = [self._due[name][1] for _, name in ready]
        self._due |= {delivery.id: (now + lease_seconds, delivery) for delivery in taken}
        return taken

    async def done(self, delivery: Delivery) -> None:
        """See the port."""
        self._due.pop(delivery.id, None)

    async def retry(self, delivery: Delivery, due: float) -> None:
        """See the port."""
        self._due[delivery.id] = (due, delivery)

    async def park(self, delivery: Delivery) -> None:
        """See the port."""
        self._parked[delivery.id] = delivery
        await self.done(delivery)

    async def parked(self) -> list[Delivery]:
        """See the port."""
        return sorted(self._parked.values(), key=lambda each: each.id)

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """See the port."""
        delivery = self._parked.pop(delivery_id, None)
        if delivery is not None:
            await self.retry(delivery, due)
        return delivery is not None

    async def waiting(self) -> int:
        """See the port."""
        return len(self._due)
