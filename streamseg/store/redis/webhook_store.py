"""Webhook subscribers, the delivery queue by due time, and parked deliveries on Redis, all in one Cluster slot."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from streamseg.ports import Delivery, Subscriber
from streamseg.store import key_names as keys
from streamseg.store.redis.connection import Client, translated_errors
from streamseg.store.redis.script import Script

_SUBSCRIBER: Final = msgspec.json.Decoder(Subscriber)
_DELIVERY: Final = msgspec.json.Decoder(Delivery)


class RedisWebhookStore:
    """A `WebhookStore` on Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        self._take = Script("take_webhooks")

    async def _do(self, *command: str | bytes | float) -> Any:
        with translated_errors():
            return await self._redis.execute_command(*command)

    async def subscribe(self, subscriber: Subscriber) -> None:
        """See the port."""
        await self._do("HSET", keys.SUBSCRIBERS, subscriber.id, msgspec.json.encode(subscriber))

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """See the port."""
        return bool(await self._do("HDEL", keys.SUBSCRIBERS, subscriber_id))

    async def subscribers(self) -> list[Subscriber]:
        """See the port."""
        stored = await self._do("HGETALL", keys.SUBSCRIBERS)
        return sorted((_SUBSCRIBER.decode(value) for value in stored.values()), key=lambda each: each.id)

    async def enqueue(self, deliveries: Sequence[Delivery], due: float) -> None:
        """See the port."""
        for delivery in deliveries:
            if await self._do("HEXISTS", keys.PARKED, delivery.id):
                continue
            # Body before due time: if the second write fails, nothing is due without a body, and the caller repeats.
            await self._do("HSETNX", keys.DELIVERIES, delivery.id, msgspec.json.encode(delivery))
            await self._do("ZADD", keys.DUE, "NX", due, delivery.id)

    async def take(self, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """See the port."""
        taken = await self._take.run(
            self._redis, [keys.DUE, keys.DELIVERIES], [repr(now), repr(now + lease_seconds), count]
        )
        return [_DELIVERY.decode(each) for each in taken]

    async def done(self, delivery: Delivery) -> None:
        """See the port."""
        await self._do("ZREM", keys.DUE, delivery.id)
        await self._do("HDEL", keys.DELIVERIES, delivery.id)

    async def retry(self, delivery: Delivery, due: float) -> None:
        """See the port."""
        await self._do("HSET", keys.DELIVERIES, delivery.id, msgspec.json.encode(delivery))
        await self._do("ZADD", keys.DUE, due, delivery.id)

    async def park(self, delivery: Delivery) -> None:
        """See the port."""
        await self._do("HSET", keys.PARKED, delivery.id, msgspec.json.encode(delivery))
        await self.done(delivery)

    async def parked(self) -> list[Delivery]:
        """See the port."""
        stored = await self._do("HGETALL", keys.PARKED)
        return sorted((_DELIVERY.decode(value) for value in stored.values()), key=lambda each: each.id)

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """See the port."""
        stored = await self._do("HGET", keys.PARKED, delivery_id)
        if stored is None:
            return False
        await self.retry(_DELIVERY.decode(stored), due)
        await self._do("HDEL", keys.PARKED, delivery_id)
        return True

    async def waiting(self) -> int:
        """See the port."""
        return int(await self._do("ZCARD", keys.DUE))
