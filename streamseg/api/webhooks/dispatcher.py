"""Deliver membership changes to subscribers, signed and at least once (Standard Webhooks 1.0).

Each change record becomes one delivery per subscriber in that subscriber's queue; only then is the record's offset
committed. A delivery leaves the queue when the subscriber answers 2xx. It is retried after growing waits and then
parked, where `streamseg webhooks parked` lists it. Deliveries may arrive out of order: subscribers compare
(epoch, seq).

Each subscriber has a lane (`lane.py`) and a bounded queue: one that is slow or dead costs only itself.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from streamseg.api.webhooks.lane import Lane, Post
from streamseg.api.webhooks.messages import AdsAudiences, Change
from streamseg.errors import StoreUnavailableError
from streamseg.logs import OutageLog
from streamseg.metrics import Metrics
from streamseg.ports import ChangeRecord, Closed, Delivery, Subscriber, WebhookStore
from streamseg.tasks import end
from streamseg.time_units import DAY_SECONDS

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = (5.0, 300.0, 1_800.0, 7_200.0, 18_000.0, 36_000.0)
"""The waits between attempts. A delivery that fails after the last one is parked."""
KEPT_AT_MOST: Final = 100_000
"""Deliveries kept per subscriber, queued and parked. About 40 MB of Redis' memory."""
PARKED_SECONDS: Final = 28 * DAY_SECONDS
"""How long parked deliveries are kept: as long as the history of changes is."""
ENDING_SECONDS: Final = 3_600.0
"""How often those that were parked too long are looked for."""
NOTHING_CLOSED: Final = Closed()
REFRESH_SECONDS: Final = 1.0
"""How often added, changed and removed subscribers are noticed."""


class Dispatcher:
    """Queues deliveries and attempts those that are due. Several dispatchers may share a store.

    Args:
        store: subscribers and their queues.
        post: sends one attempt.
        metrics: counts attempts by outcome.
        clock: wall time, epoch seconds.
        retry_seconds: the waits between attempts.
        kept_at_most: deliveries kept per subscriber, queued and parked.
        ads_audiences: reads the audiences that subscribers for ads may hear of.
    """

    def __init__(
        self,
        store: WebhookStore,
        post: Post,
        metrics: Metrics,
        clock: Callable[[], float],
        *,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
        kept_at_most: int = KEPT_AT_MOST,
        ads_audiences: Callable[[], Awaitable[AdsAudiences]] | None = None,
    ) -> None:
        self._store = store
        self._post = post
        self._metrics = metrics
        self._clock = clock
        self._retry_seconds = tuple(retry_seconds)
        self._kept_at_most = kept_at_most
        self._lanes: dict[str, Lane] = {}
        self._ended_at = -math.inf
        self._read_ads_audiences = ads_audiences
        self._ads_audiences = AdsAudiences()

    async def is_full(self) -> bool:
        """Return whether reading must wait: every queue is at least half full, so that no subscriber waits for another.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        active = [each.id for each in await self._store.subscribers() if not each.ended]
        counts = await self._store.counts(active)
        return bool(active) and all(2 * each.waiting >= self._kept_at_most for each in counts.values())

    async def take_in(self, records: Sequence[ChangeRecord]) -> None:
        """Queue the deliveries of records, and delete those that they outdate. Then their offsets may be committed.

        Raises:
            StoreUnavailableError: some deliveries may be queued: queue all records again.
        """
        subscribers = await self._store.subscribers()
        if self._read_ads_audiences is not None and any(each.purpose == "ads" for each in subscribers):
            self._ads_audiences = await self._read_ads_audiences()
        changes = list(filter(None, map(self._read, records)))
        closed = await self._store.closed(list({change.customer for change in changes}))
        now, waiting = self._clock(), list[Delivery]()
        for change in changes:
            before = closed.get(change.customer, NOTHING_CLOSED)
            if change.is_by(before.removed):
                continue
            told = [each for each in subscribers if not each.ended]
            if change.is_by(before.withdrawn):
                told = [each for each in told if each.purpose != "ads"]
            elif change.is_removal or change.is_withdrawal:
                await self._enqueue(waiting, now)
                waiting.clear()
                closed[change.customer] = await self._close(change, before, subscribers, now)
                continue
            waiting += change.deliveries(told, now, ads=self._ads_audiences)
        await self._enqueue(waiting, now)

    def _read(self, record: ChangeRecord) -> Change | None:
        try:
            return Change(record)
        except ValueError as error:
            self._metrics.webhooks.labels("unreadable").inc()
            log.warning("the record at %s is not a change record: %s", record.position, type(error).__name__)
            return None

    async def _close(self, change: Change, before: Closed, subscribers: Sequence[Subscriber], now: float) -> Closed:
        """Queue a removal or a withdrawal, then delete what it outdates: a crash in between repeats both."""
        ads = [each.id for each in subscribers if each.purpose == "ads"]
        undelivered = await self._store.of_customer(change.customer, ads)
        told = [each for each in subscribers if not each.ended]
        await self._enqueue(change.deliveries(told, now, undelivered, ads=self._ads_audiences), now)
        outdated = [each.id for each in subscribers] if change.is_removal else ads
        await self._store.forget(change.customer, outdated, change.message_id)
        if change.order is None:
            return before
        closed = replace(before, **{"removed" if change.is_removal else "withdrawn": change.order})
        await self._store.close(change.customer, closed)
        return closed

    async def _enqueue(self, deliveries: Sequence[Delivery], now: float) -> None:
        if not deliveries:
            return
        dropped = await self._store.enqueue(deliveries, now, self._kept_at_most)
        for subscriber, count in dropped.items():
            self._metrics.webhooks.labels("dropped").inc(count)
            log.warning("webhooks to %s: %d oldest dropped, %d are kept", subscriber, count, self._kept_at_most)

    async def run(self) -> None:
        """Deliver until cancelled; wait and retry while the store does not answer."""
        outage = OutageLog(log, "the dispatcher", "the store")
        running: dict[str, asyncio.Task[None]] = {}
        broken: dict[str, OutageLog] = {}
        try:
            while True:
                try:
                    subscribers = await self._store.subscribers()
                    for subscriber in self._refresh(subscribers) & running.keys():
                        running.pop(subscriber).cancel()
                    await self._end_parked(subscribers)
                    await self._show_queues(subscribers)
                except StoreUnavailableError as error:
                    outage.waits(error)
                else:
                    outage.over()
                for subscriber in [name for name, task in running.items() if task.done()]:
                    fault = running.pop(subscriber).exception()
                    if fault is not None:  # it must not end the other lanes
                        broken.setdefault(subscriber, OutageLog(log, f"the lane to {subscriber}", "a mend")).waits(
                            fault, traceback=True
                        )
                for subscriber, lane in self._lanes.items():
                    if subscriber not in running:
                        running[subscriber] = asyncio.create_task(lane.run())
                await asyncio.sleep(REFRESH_SECONDS)
        finally:
            await end(*running.values())

    async def deliver_due(self) -> int:
        """Attempt up to 16 due deliveries of each subscriber at the same time; return their number.

        Raises:
            StoreUnavailableError: the store did not answer.
        """
        self._refresh(await self._store.subscribers())
        lanes = list(self._lanes.values())
        begun = [await lane.begin_due() for lane in lanes]
        await asyncio.gather(*(lane.finish() for lane in lanes))
        return sum(begun)

    def _refresh(self, subscribers: Sequence[Subscriber]) -> set[str]:
        """Make a lane for each new or changed subscriber; return the ids whose lanes were replaced or removed."""
        active = {each.id: each for each in subscribers if not each.ended}
        ended = {name for name, lane in self._lanes.items() if active.get(name) != lane.subscriber}
        for name in ended:
            del self._lanes[name]
        for name, subscriber in active.items():
            if name not in self._lanes:
                self._lanes[name] = self._lane(subscriber)
        return ended

    async def _end_parked(self, subscribers: Sequence[Subscriber]) -> None:
        now = self._clock()
        if now < self._ended_at + ENDING_SECONDS:
            return
        ended = await self._store.end_parked([each.id for each in subscribers], now - PARKED_SECONDS)
        self._ended_at = now
        if ended:
            self._metrics.webhooks.labels("expired").inc(ended)
            log.warning("%d deliveries were parked for 28 days and are deleted", ended)

    async def _show_queues(self, subscribers: Sequence[Subscriber]) -> None:
        counts = await self._store.counts([each.id for each in subscribers])
        shown: dict[tuple[str, ...], float] = {
            (subscriber, state): getattr(each, state)
            for subscriber, each in counts.items()
            for state in ("waiting", "parked", "dropped")
        }
        self._metrics.replace(self._metrics.webhook_queue, shown)

    def _lane(self, subscriber: Subscriber) -> Lane:
        return Lane(
            subscriber,
            self._store,
            self._post,
            metrics=self._metrics,
            clock=self._clock,
            retry_seconds=self._retry_seconds,
        )
