"""Webhook subscribers and deliveries in memory."""

from collections.abc import Sequence

from streamseg.ports import Delivery, Subscriber


class MemoryWebhookStore:
    """A `WebhookStore` in memory."""

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
