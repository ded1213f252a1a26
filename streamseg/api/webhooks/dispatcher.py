"""Deliver membership changes to subscribers, signed and at least once (Standard Webhooks 1.0).

Each change record becomes one delivery per subscriber in the store's queue; only then is the record's offset committed.
A delivery leaves the queue when the subscriber answers 2xx. It is retried after growing waits and then parked, where
`streamseg webhooks parked` lists it. Deliveries may arrive out of order: subscribers compare (epoch, seq).
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from streamseg.api.webhooks.messages import deliveries_of, signed_headers
from streamseg.errors import StoreUnavailableError
from streamseg.logs import OutageLog
from streamseg.metrics import Metrics
from streamseg.ports import Delivery, Subscriber, WebhookStore

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0)
"""The waits between attempts. A delivery that fails after the last one is parked."""
LEASE_SECONDS: Final = 60.0
"""How long taken deliveries belong to one dispatcher. Longer than an attempt: after it the dispatcher must be dead."""
ATTEMPT_SECONDS: Final = 10.0
AT_ONCE: Final = 16
IDLE_SECONDS: Final = 0.2
"""Wait before the queue is read again when nothing was due."""
GONE: Final = 410

Post = Callable[[Subscriber, bytes, Mapping[str, str]], Awaitable[int]]
"""POSTs a body with headers to a subscriber and returns the status. May raise `OSError` or `TimeoutError`."""


class Dispatcher:
    """Queues deliveries and attempts those that are due. Several dispatchers may share a store.

    Args:
        store: subscribers and the queue.
        post: sends one attempt.
        metrics: counts attempts by outcome.
        clock: wall time, epoch seconds.
        retry_seconds: the waits between attempts.
    """

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
        """Queue the deliveries of records (key, value, position). Then their offsets may be committed.

        Raises:
            StoreUnavailableError: some deliveries may be queued: queue all records again.
        """
        subscribers = await self._store.subscribers()
        now = self._clock()
        for key, value, position in records:
            await self._store.enqueue(deliveries_of(key, value, position, subscribers, now), now)

    async def run(self) -> None:
        """Deliver until cancelled; wait and retry while the store does not answer."""
        outage = OutageLog(log, "the dispatcher", "the store")
        while True:
            try:
                delivered = await self.deliver_due()
            except StoreUnavailableError as error:
                outage.waits(error)
                delivered = 0
            else:
                outage.over()
            if not delivered:
                await asyncio.sleep(IDLE_SECONDS)

    async def deliver_due(self) -> int:
        """Attempt up to `AT_ONCE` due deliveries at the same time; return their number.

        Raises:
            StoreUnavailableError: the store did not answer; attempted deliveries may be attempted again.
        """
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
        """Return the reason of a failure; None when the subscriber answered 2xx."""
        headers = signed_headers(delivery, subscriber.secret, self._clock())
        try:
            async with asyncio.timeout(ATTEMPT_SECONDS):
                status = await self._post(subscriber, delivery.body.encode(), headers)
        except TimeoutError:
            return f"no answer within {ATTEMPT_SECONDS:g} s"
        except OSError as error:
            return type(error).__name__
        return None if 200 <= status < 300 else f"status {status}"  # noqa: PLR2004 - HTTP's success
