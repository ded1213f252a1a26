"""Webhook subscribers and their queues of deliveries on Redis, all in one Cluster slot."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

import msgspec

from streamseg.ports import Closed, Delivery, QueueCounts, Subscriber
from streamseg.store import key_names as keys
from streamseg.store.limits_and_refusals import DELETION_MARK_SECONDS, drop_rank
from streamseg.store.redis.servers.connection import Client, translated_errors
from streamseg.store.redis.servers.script import Argument, Script

ITEMS_IN_ONE_CALL: Final = 500

_SUBSCRIBER: Final = msgspec.json.Decoder(Subscriber)
_DELIVERY: Final = msgspec.json.Decoder(Delivery)
_CLOSED: Final = msgspec.json.Decoder(Closed)


class RedisWebhookStore:
    """A `WebhookStore` on Redis."""

    def __init__(self, redis: Client) -> None:
        self._redis = redis
        self._enqueue = Script("enqueue_webhooks")
        self._take = Script("take_webhooks")
        self._move = Script("move_webhook")
        self._forget = Script("forget_webhooks")
        self._end = Script("end_webhooks")
        self._end_parked = Script("end_parked_webhooks")

    async def _do(self, *command: str | bytes | float) -> Any:
        with translated_errors():
            return await self._redis.execute_command(*command)

    async def subscribe(self, subscriber: Subscriber) -> None:
        """See the port."""
        await self._do("HSET", keys.SUBSCRIBERS, subscriber.id, msgspec.json.encode(subscriber))

    async def unsubscribe(self, subscriber_id: str) -> bool:
        """See the port."""
        found = bool(await self._do("HDEL", keys.SUBSCRIBERS, subscriber_id))  # first: then nothing more is queued
        await self._do("DEL", *keys.deliveries(subscriber_id))
        await self._do("HDEL", keys.DROPPED_DELIVERIES, subscriber_id)
        return found

    async def end(self, subscriber: Subscriber, reason: str) -> bool:
        """See the port."""
        _, due, parked, _, _ = keys.deliveries(subscriber.id)
        ended = msgspec.json.encode(replace(subscriber, ended=reason))
        arguments: list[Argument] = [subscriber.id, subscriber.url, subscriber.secret, ended]
        return bool(await self._end.run(self._redis, [keys.SUBSCRIBERS, due, parked], arguments))

    async def subscribers(self) -> list[Subscriber]:
        """See the port."""
        stored = await self._do("HGETALL", keys.SUBSCRIBERS)
        return sorted((_SUBSCRIBER.decode(value) for value in stored.values()), key=lambda each: each.id)

    async def enqueue(self, deliveries: Sequence[Delivery], due: float, limit: int) -> dict[str, int]:
        """See the port."""
        dropped: dict[str, int] = {}
        for subscriber, group in groupby(sorted(deliveries, key=_subscriber_of), _subscriber_of):
            names = [keys.SUBSCRIBERS, keys.DROPPED_DELIVERIES, *keys.deliveries(subscriber)]
            for piece in _pieces(list(group)):
                arguments: list[Argument] = [subscriber, repr(due), limit]
                for each in piece:
                    arguments += (each.message_id, msgspec.json.encode(each), repr(drop_rank(each, due)))
                count = await self._enqueue.run(self._redis, names, arguments)
                if count:
                    dropped[subscriber] = dropped.get(subscriber, 0) + int(count)
        return dropped

    async def of_customer(self, customer: str, subscriber_ids: Sequence[str]) -> list[Delivery]:
        """See the port."""
        found: list[Delivery] = []
        for subscriber in subscriber_ids:
            bodies, _, _, _, ids = keys.deliveries(subscriber)
            names = await self._do("ZRANGEBYLEX", ids, f"[{customer}-", f"({customer}.")  # "." is next to "-"
            if names:
                stored = await self._do("HMGET", bodies, *names)
                found += [_DELIVERY.decode(body) for body in stored if body is not None]
        return found

    async def forget(self, customer: str, subscriber_ids: Sequence[str], keep: str) -> None:
        """See the port."""
        for subscriber in subscriber_ids:
            await self._forget.run(self._redis, keys.deliveries(subscriber), [customer, keep])

    async def closed(self, customers: Sequence[str]) -> dict[str, Closed]:
        """See the port."""
        if not customers:
            return {}
        stored = await self._do("MGET", *map(keys.closed, customers))
        return {name: _CLOSED.decode(one) for name, one in zip(customers, stored, strict=True) if one is not None}

    async def close(self, customer: str, closed: Closed) -> None:
        """See the port."""
        await self._do("SET", keys.closed(customer), msgspec.json.encode(closed), "EX", DELETION_MARK_SECONDS)

    async def take(self, subscriber_id: str, now: float, lease_seconds: float, count: int) -> list[Delivery]:
        """See the port."""
        names = keys.deliveries(subscriber_id)[:2]
        taken = await self._take.run(self._redis, names, [repr(now), repr(now + lease_seconds), count])
        return [_DELIVERY.decode(each) for each in taken]

    async def done(self, delivery: Delivery) -> None:
        """See the port."""
        await self._moved(delivery.subscriber, [delivery.message_id, "", "", "", ""])

    async def retry(self, delivery: Delivery, due: float) -> None:
        """See the port."""
        body = msgspec.json.encode(delivery)
        await self._moved(delivery.subscriber, [delivery.message_id, "due", repr(due), body, ""])

    async def park(self, delivery: Delivery, now: float) -> None:
        """See the port."""
        body = msgspec.json.encode(delivery)
        await self._moved(delivery.subscriber, [delivery.message_id, "parked", repr(now), body, ""])

    async def parked(self) -> list[Delivery]:
        """See the port."""
        found: list[Delivery] = []
        for subscriber in await self.subscribers():
            bodies, _, parked, _, _ = keys.deliveries(subscriber.id)
            for piece in _pieces(await self._do("ZRANGE", parked, 0, -1)):
                stored = await self._do("HMGET", bodies, *piece)
                found += [_DELIVERY.decode(body) for body in stored if body is not None]
        return sorted(found, key=lambda each: each.id)

    async def end_parked(self, subscriber_ids: Sequence[str], before: float) -> int:
        """See the port."""
        ended = 0
        for subscriber in subscriber_ids:
            while count := int(
                await self._end_parked.run(
                    self._redis, keys.deliveries(subscriber), [f"({before!r}", ITEMS_IN_ONE_CALL]
                )
            ):
                ended += count
        return ended

    async def unpark(self, delivery_id: str, due: float) -> bool:
        """See the port."""
        subscriber_id, _, message_id = delivery_id.rpartition("/")
        return await self._moved(subscriber_id, [message_id, "due", repr(due), "", "1"])

    async def counts(self, subscriber_ids: Sequence[str]) -> dict[str, QueueCounts]:
        """See the port."""
        counts = {}
        for subscriber in subscriber_ids:
            _, due, parked, _, _ = keys.deliveries(subscriber)
            counts[subscriber] = QueueCounts(
                waiting=await self._do("ZCARD", due),
                parked=await self._do("ZCARD", parked),
                dropped=int(await self._do("HGET", keys.DROPPED_DELIVERIES, subscriber) or 0),
            )
        return counts

    async def _moved(self, subscriber_id: str, arguments: list[Argument]) -> bool:
        return bool(await self._move.run(self._redis, keys.deliveries(subscriber_id), arguments))


def _pieces(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    return (items[start : start + ITEMS_IN_ONE_CALL] for start in range(0, len(items), ITEMS_IN_ONE_CALL))


def _subscriber_of(delivery: Delivery) -> str:
    return delivery.subscriber
