"""Deliver to one subscriber: its own queue, its own attempts at the same time, its own pause."""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from streamseg.api.webhooks.answers import Answer
from streamseg.api.webhooks.messages import signed_headers
from streamseg.errors import StoreUnavailableError
from streamseg.logs import OutageLog
from streamseg.metrics import Metrics
from streamseg.ports import Delivery, Subscriber, WebhookStore
from streamseg.tasks import end

log = logging.getLogger(__name__)

LEASE_SECONDS: Final = 60.0
"""How long taken deliveries belong to one dispatcher. Longer than an attempt: after it the dispatcher must be dead."""
ATTEMPT_SECONDS: Final = 10.0
AT_ONCE: Final = 16
"""Attempts at the same time, per subscriber and dispatcher."""
IDLE_SECONDS: Final = 0.2
"""Wait before the queue is read again when nothing was due."""

Post = Callable[[Subscriber, bytes, Mapping[str, str]], Awaitable[Answer]]
"""POSTs a body with headers to a subscriber and returns the answer. May raise `OSError` or `TimeoutError`."""


class Lane:
    """Attempts the deliveries of one subscriber. Lanes share nothing but the store, so that none waits for another."""

    def __init__(
        self,
        subscriber: Subscriber,
        store: WebhookStore,
        post: Post,
        *,
        metrics: Metrics,
        clock: Callable[[], float],
        retry_seconds: Sequence[float],
    ) -> None:
        self.subscriber = subscriber
        self._store = store
        self._post = post
        self._metrics = metrics
        self._clock = clock
        self._retry_seconds = retry_seconds
        self._under_way: set[asyncio.Task[None]] = set()
        self._paused_until = 0.0
        self._outage = OutageLog(log, f"the lane to {subscriber.id}", "the store")
        self._ended = False

    async def run(self) -> None:
        """Deliver until cancelled; wait and retry while the store does not answer."""
        try:
            while not self._ended:
                try:
                    begun = await self.begin_due()
                except StoreUnavailableError as error:
                    self._outage.waits(error)
                    begun = 0
                else:
                    self._outage.over()
                if begun and self._under_way:
                    await asyncio.wait(self._under_way, timeout=IDLE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
                else:
                    await asyncio.sleep(IDLE_SECONDS)
        finally:
            await end(*self._under_way)

    async def begin_due(self) -> int:
        """Begin attempts of due deliveries, `AT_ONCE` at the same time; return their number.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        now, free = self._clock(), AT_ONCE - len(self._under_way)
        if self._ended or free <= 0 or now < self._paused_until:
            return 0
        taken = await self._store.take(self.subscriber.id, now, LEASE_SECONDS, free)
        for delivery in taken:
            task = asyncio.create_task(self._attempt(delivery))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        return len(taken)

    async def finish(self) -> None:
        """Wait for the attempts under way."""
        await asyncio.gather(*self._under_way)

    async def _attempt(self, delivery: Delivery) -> None:
        try:
            answer = await self._send(delivery)
            if isinstance(answer, Answer) and answer.accepted:
                self._metrics.webhooks.labels("delivered").inc()
                await self._store.done(delivery)
            elif isinstance(answer, Answer) and answer.gone:
                await self._end(replace(delivery, attempts=0, reason=f"status {answer.status}"))
            else:
                await self._failed(delivery, answer)
        except StoreUnavailableError as error:  # due again when the lease ends
            self._outage.waits(error)

    async def _failed(self, delivery: Delivery, answer: Answer | str) -> None:
        now = self._clock()
        reason = f"status {answer.status}" if isinstance(answer, Answer) else answer
        failed = replace(delivery, attempts=delivery.attempts + 1, reason=reason)
        pause = answer.pause(now) if isinstance(answer, Answer) else None
        if pause is not None:
            self._paused_until = max(self._paused_until, now + pause)
        if self._ended or failed.attempts > len(self._retry_seconds):
            self._metrics.webhooks.labels("parked").inc()
            log.warning("webhook to %s parked after %d attempts: %s", self.subscriber.id, failed.attempts, reason)
            await self._store.park(replace(failed, attempts=0), now)
            return
        self._metrics.webhooks.labels("failed").inc()
        if pause is None:
            pause = self._retry_seconds[failed.attempts - 1] * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load
        await self._store.retry(failed, now + pause)

    async def _end(self, delivery: Delivery) -> None:
        self._metrics.webhooks.labels("parked").inc()
        await self._store.park(delivery, self._clock())
        if self._ended:
            return
        self._ended = await self._store.end(self.subscriber, delivery.reason)
        if self._ended:
            log.warning(
                "subscription of %s ended: %s. Its deliveries are parked; `streamseg webhooks add` renews it",
                self.subscriber.id,
                delivery.reason,
            )

    async def _send(self, delivery: Delivery) -> Answer | str:
        """Return the answer, or the reason why there is none. Nothing a subscriber does may stop the process."""
        try:
            headers = signed_headers(delivery, self.subscriber.secret, self._clock())
            async with asyncio.timeout(ATTEMPT_SECONDS):
                return await self._post(self.subscriber, delivery.body.encode(), headers)
        except TimeoutError:
            return f"no answer within {ATTEMPT_SECONDS:g} s"
        except OSError as error:
            return type(error).__name__
        except Exception as error:  # such as a host name that cannot be encoded
            log.exception("webhook to %s could not be sent", self.subscriber.id)
            return type(error).__name__
