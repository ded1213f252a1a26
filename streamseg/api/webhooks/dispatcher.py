"""Webhooks: membership changes to whoever subscribed, signed, at least once (Standard Webhooks 1.0).

A change record becomes one delivery per subscriber in the store's queue, under an id that is the same each time the
record is read; only then is the record's offset committed. A delivery leaves the queue when the subscriber has
answered 2xx. It is tried again ever more rarely and then parked, where `streamseg webhooks parked` lists it. Deliveries
may overtake each other: subscribers go by (epoch, seq).
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from hashlib import blake2b
from typing import Any, Final

import msgspec
from standardwebhooks import Webhook

from streamseg.errors import StoreUnavailableError
from streamseg.metrics import Metrics
from streamseg.ports import Delivery, Subscriber, WebhookStore

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0)
"""The waits between attempts; after the last one the delivery is parked."""
LEASE_SECONDS: Final = 60.0
"""Longer than an attempt takes: a dispatcher that died gives its deliveries back after this."""
ATTEMPT_SECONDS: Final = 10.0
AT_ONCE: Final = 16
IDLE_SECONDS: Final = 0.2
GONE: Final = 410

Post = Callable[[Subscriber, bytes, Mapping[str, str]], Awaitable[int]]
"""POSTs a body to a subscriber with headers; the status. May raise `OSError` or `TimeoutError`."""


def deliveries_of(
    key: bytes, value: bytes | None, position: str, subscribers: Sequence[Subscriber], now: float
) -> list[Delivery]:
    """What a record of `streamseg.memberships` has to say to each subscriber.

    Args:
        key: the record's: the customer id.
        value: the membership with its `changes`, or None for a customer who is gone.
        position: partition and offset, naming the message of a removal.
        subscribers: everyone.
        now: epoch seconds.
    """
    customer = blake2b(key, digest_size=8).hexdigest()
    record = {"customer_id": key.decode()} if value is None else msgspec.json.decode(value)
    message_id = f"{customer}-{position}" if value is None else f"{customer}-{record['epoch']}-{record['seq']}"
    made = []
    for subscriber in subscribers:
        content = _content(record, removed=value is None, subscriber=subscriber)
        if content is not None:
            moment = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
            body = {"type": content.pop("type"), "timestamp": moment, "data": content}
            made.append(Delivery(subscriber.id, message_id, msgspec.json.encode(body).decode()))
    return made


def _content(record: dict[str, Any], *, removed: bool, subscriber: Subscriber) -> dict[str, Any] | None:
    if removed:
        return {"type": "membership.removed", "customer_id": record["customer_id"]}
    may_enter = subscriber.purpose != "ads" or record["consent"]["ads"]
    changes = [
        change
        for change in record["changes"]
        if _wants(subscriber, change["segment"]) and (change["change"] == "exited" or may_enter)
    ]
    if not changes:
        return None
    told = {name: record[name] for name in ("customer_id", "epoch", "seq", "as_of")}
    return {"type": "membership.changed"} | told | {"changes": changes}


def _wants(subscriber: Subscriber, segment: str) -> bool:
    return not subscriber.segments or any(fnmatchcase(segment, pattern) for pattern in subscriber.segments)


class Dispatcher:
    """Delivers what is due. Several may run beside each other."""

    def __init__(
        self,
        store: WebhookStore,
        post: Post,
        metrics: Metrics,
        clock: Callable[[], float],
        *,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        self._store = store
        self._post = post
        self._metrics = metrics
        self._clock = clock
        self._retry_seconds = tuple(retry_seconds)

    async def take_in(self, records: Sequence[tuple[bytes, bytes | None, str]]) -> None:
        """Queue deliveries of records (key, value, position); they may be committed afterwards.

        Raises `StoreUnavailableError`.
        """
        subscribers = await self._store.subscribers()
        now = self._clock()
        for key, value, position in records:
            await self._store.enqueue(deliveries_of(key, value, position, subscribers, now), now)

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            try:
                delivered = await self.deliver_due()
            except StoreUnavailableError as error:
                log.warning("%s; trying again", error)
                delivered = 0
            if not delivered:
                await asyncio.sleep(IDLE_SECONDS)

    async def deliver_due(self) -> int:
        """Attempt what is due, some at once; how many there were. Raises `StoreUnavailableError`."""
        taken = await self._store.take(self._clock(), LEASE_SECONDS, AT_ONCE)
        if taken:
            subscribers = {each.id: each for each in await self._store.subscribers()}
            await asyncio.gather(*(self._attempt(each, subscribers.get(each.subscriber)) for each in taken))
        return len(taken)

    async def _attempt(self, delivery: Delivery, subscriber: Subscriber | None) -> None:
        if subscriber is None:
            await self._store.done(delivery)
            return
        reason = await self._send(delivery, subscriber)
        if reason is None:
            self._metrics.webhooks.labels("delivered").inc()
            await self._store.done(delivery)
            return
        failed = replace(delivery, attempts=delivery.attempts + 1, reason=reason)
        if failed.attempts > len(self._retry_seconds) or reason == f"status {GONE}":
            self._metrics.webhooks.labels("parked").inc()
            log.warning("webhook to %s parked after %d attempts: %s", subscriber.id, failed.attempts, reason)
            await self._store.park(replace(failed, attempts=0))
        else:
            self._metrics.webhooks.labels("failed").inc()
            wait = self._retry_seconds[failed.attempts - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
            await self._store.retry(failed, self._clock() + wait)

    async def _send(self, delivery: Delivery, subscriber: Subscriber) -> str | None:
        """Why it failed; None when the subscriber has it."""
        moment = datetime.fromtimestamp(self._clock(), UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.message_id,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": Webhook(subscriber.secret).sign(delivery.message_id, moment, delivery.body),
        }
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                status = await self._post(subscriber, delivery.body.encode(), headers)
        except TimeoutError:
            return f"no answer within {ATTEMPT_SECONDS:g} s"
        except OSError as error:
            return type(error).__name__
        return None if 200 <= status < 300 else f"status {status}"  # noqa: PLR2004 - HTTP's success
