"""Webhook subscribers and their queues of deliveries in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from streamseg.ports import Closed, Delivery, QueueCounts, Subscriber
from streamseg.store.limits_and_refusals import drop_rank


@dataclass
class _Queue:
    """A subscriber's deliveries; `due`, `parked` (its keys) and `rank` by message id."""

    bodies: dict[str, Delivery] = field(default_factory=dict)
    due: dict[str, float] = field(default_factory=dict)
    parked: dict[str, float] = field(default_factory=dict)
    rank: dict[str, float] = field(default_factory=dict)
    dropped: int = 0

    def delete(self, message_id: str) -> None:
        for each in (self.bodies, self.due, self.parked, self.rank):
            each.pop(message_id, None)


class MemoryWebhookStore:
    """A `WebhookStore` in memory."""

    def __init__(self) -> None:
        self._subscribers: dict[str, Subscriber] = {}
        self._queues: dict[str, _Queue] = {}
        self._closed: dict[str, Closed] = {}

    async def subscribe(self, subscriber: Subscriber) -> None:
        """See the port."""
        self._subscribers[subscriber.id] = subscriber
        self._queues.setdefault(subscriber.id, _Queue())

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """See the port."""
        self._queues.pop(subscriber_id, None)
        return self._subscribers.pop(subscriber_id, None) is not None

    async def end(self, subscriber: Subscriber, reason: str) -> bool:
        """See the port."""
        stored = self._subscribers.get(subscriber.id)
        if stored is None or (stored.url, stored.secret) != (subscriber.url, subscriber.secret):
            return False
        self._subscribers[subscriber.id] = replace(subscriber, ended=reason)
        queue = self._queues[subscriber.id]
        queue.parked |= queue.due
        queue.due.clear()
        return True

    async def subscribers(self) -> list[Subscriber]:
        """See the port."""
        return sorted(self._subscribers.values(), key=lambda each: each.id)

    async def enqueue(self, deliveries: Sequence[Delivery], due: float, limit: int) -> dict[str, int]:
        """See the port."""
        dropped: dict[str, int] = {}
        for delivery in deliveries:
            queue = self._queues.get(delivery.subscriber)
            if queue is None or delivery.message_id in queue.bodies:
                continue
            queue.bodies[delivery.message_id] = delivery
            queue.due[delivery.message_id] = due
            queue.rank[delivery.message_id] = drop_rank(delivery, due)
            if len(queue.bodies) > limit:
                queue.delete(min(queue.rank, key=lambda name: (queue.rank[name], name)))
                queue.dropped += 1
                dropped[delivery.subscriber] = dropped.get(delivery.subscriber, 0) + 1
        return dropped

    async def of_customer(self, customer: str, subscriber_ids: Sequence[str]) -> list[Delivery]:
        """See the port."""
        queues = [self._queues.get(each, _Queue()) for each in subscriber_ids]
        return [queue.bodies[name] for queue in queues for name in sorted(queue.bodies) if _is_of(name, customer)]

    async def forget(self, customer: str, subscriber_ids: Sequence[str], keep: str) -> None:
        """See the port."""
        for subscriber_id in subscriber_ids:
            queue = self._queues.get(subscriber_id, _Queue())
            for message_id in [each for each in queue.bodies if _is_of(each, customer) and each != keep]:
                queue.delete(message_id)

    async def closed(self, customers: Sequence[str]) -> dict[str, Closed]:
        """See the port."""
        return {each: self._closed[each] for each in customers if each in self._closed}

    async def close(self, customer: str, closed: Closed) -> None:
        """See the port."""
        self._closed[customer] = closed

    async def take(self, subscriber_id: str, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """See the port."""
        queue = self._queues.get(subscriber_id, _Queue())
        ready = sorted((due, name) for name, due in queue.due.items() if due <= now)[:count]
        queue.due |= {name: now + lease_seconds for _, name in ready}
        return [queue.bodies[name] for _, name in ready]

    async def done(self, delivery: Delivery) -> None:
        """See the port."""
        self._queues.get(delivery.subscriber, _Queue()).delete(delivery.message_id)

    async def retry(self, delivery: Delivery, due: float) -> None:
        """See the port."""
        queue = self._queues.get(delivery.subscriber, _Queue())
        if delivery.message_id in queue.bodies:
            queue.bodies[delivery.message_id] = delivery
            queue.due[delivery.message_id] = due
            queue.parked.pop(delivery.message_id, None)

    async def park(self, delivery: Delivery, now: float) -> None:
        """See the port."""
        queue = self._queues.get(delivery.subscriber, _Queue())
        if delivery.message_id in queue.bodies:
            queue.bodies[delivery.message_id] = delivery
            queue.parked[delivery.message_id] = now
            queue.due.pop(delivery.message_id, None)

    async def parked(self) -> list[Delivery]:
        """See the port."""
        found = [queue.bodies[name] for queue in self._queues.values() for name in queue.parked]
        return sorted(found, key=lambda each: each.id)

    async def end_parked(self, subscriber_ids: Sequence[str], before: float) -> int:
        """See the port."""
        ended = 0
        for queue in (self._queues.get(each, _Queue()) for each in subscriber_ids):
            for message_id in [name for name, at in queue.parked.items() if at < before]:
                queue.delete(message_id)
                ended += 1
        return ended

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """See the port."""
        subscriber_id, _, message_id = delivery_id.rpartition("/")
        queue = self._queues.get(subscriber_id, _Queue())
        if message_id not in queue.parked:
            return False
        await self.retry(queue.bodies[message_id], due)
        return True

    async def counts(self, subscriber_ids: Sequence[str]) -> dict[str, QueueCounts]:
        """See the port."""
        queues = {each: self._queues.get(each, _Queue()) for each in subscriber_ids}
        return {name: QueueCounts(len(one.due), len(one.parked), one.dropped) for name, one in queues.items()}


def _is_of(message_id: str, customer: str) -> bool:
    return message_id.startswith(f"{customer}-")
