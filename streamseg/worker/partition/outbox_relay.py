"""Delivers decided changes: the membership string first, then the change record, until both are acknowledged.

Entries are written to the outbox together with their rows, stay there for the redelivery window, and are delivered
again whenever an outcome is in doubt. Readers keep the highest (epoch, seq), so redelivery is harmless.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streamseg import pipeline
from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.events.cloudevents import MEMBERSHIP_TYPE, Headers, headers_at
from streamseg.logs import OutageLog
from streamseg.membership.encoding import change_record, ends_learning, history_record, tombstone_headers
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.ports import OutgoingRecord
from streamseg.topics import HISTORY, MEMBERSHIPS, SAMPLES, SAMPLES_PARTITION
from streamseg.worker.context import Ports, Rules
from streamseg.worker.pace import Pace

log = logging.getLogger(__name__)

QUEUED_DELIVERIES = 4
"""A partition waits for its relay once so many flushes are not delivered."""


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """What one flush decided, and what may be committed once it is delivered."""

    entries: Sequence[OutboxEntry]
    position: str | None
    """Of the last entry in the outbox."""
    extra: Sequence[OutgoingRecord]
    """Records that are sent after the change records."""
    checkpoint: Mapping[str, int]
    appended_at: Sequence[float]
    """Epoch seconds at which Kafka got the first and the last record of each run."""
    in_doubt: bool = False
    """The position is unknown: deliver everything in the outbox."""

    def with_next(self, later: "PendingDelivery") -> "PendingDelivery":
        """Merge with a later one: a queue of several costs one delivery.

        Tombstones of samples go out before all samples, so a sample that a later entry deletes is left out.
        """
        gone = {entry.customer_id.encode() for entry in later.entries if ends_learning(entry)}
        kept = (one for one in self.extra if one.topic != SAMPLES or (one.key or b"").partition(b"|")[2] not in gone)
        return PendingDelivery(
            (*self.entries, *later.entries),
            later.position or self.position,
            (*kept, *later.extra),
            {**self.checkpoint, **later.checkpoint},
            (*self.appended_at, *later.appended_at),
            self.in_doubt or later.in_doubt,
        )


class OutboxRelay:
    """Delivers what one partition decided, in order."""

    def __init__(self, partition: int, *, ports: Ports, rules: Rules, metrics: Metrics, pace: Pace) -> None:
        self._partition = partition
        self._outage = OutageLog(log, f"partition {partition}", "Kafka")
        self._ports = ports
        self._redelivery_window = rules.redelivery_window
        self._segmentations = sorted(rules.segmentations)
        self._metrics = metrics
        self._pace = pace
        self._pending: asyncio.Queue[PendingDelivery] = asyncio.Queue(maxsize=QUEUED_DELIVERIES)
        self._delivered: deque[tuple[float, str]] = deque()
        """(Monotonic seconds, outbox position) of deliveries that are not trimmed yet."""
        self._trimmed_at = 0.0
        self._busy = False
        self._asked_at = 0.0
        self.published: int | None = None
        """An offset of the change topic: every record before it is of a flush that the store has."""
        self.checkpoint: dict[str, int] = {}
        """Next offset by topic; everything before it is durable and delivered."""

    async def put(self, delivery: PendingDelivery) -> None:
        """Queue a delivery; waits while the queue is full."""
        await self._pending.put(delivery)

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or under way."""
        return self._pending.empty() and not self._busy

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            delivery = await self._pending.get()
            self._busy = True
            while not self._pending.empty():
                delivery = delivery.with_next(self._pending.get_nowait())
            while not await self._try(delivery):
                await asyncio.sleep(self._pace.retry)
                # The server may have failed over and lost what it acknowledged within the redelivery window.
                delivery = PendingDelivery(
                    (), None, delivery.extra, delivery.checkpoint, delivery.appended_at, in_doubt=True
                )
            self._busy = False

    async def _try(self, delivery: PendingDelivery) -> bool:
        try:
            if delivery.in_doubt:
                await self.deliver_outbox()
            else:
                await self._deliver(delivery.entries)
            if delivery.extra:
                await self._ports.sink.send(delivery.extra)
            if delivery.position is not None:
                self._delivered.append((time.monotonic(), delivery.position))
            await self._trim()
            await self._note_change_topic_end()
        except StoreUnavailableError:
            self._metrics.store_errors.labels(operation="membership").inc()
            return False
        except StreamsegError as error:
            self._outage.waits(error)
            return False
        self._outage.over()
        self.checkpoint.update(delivery.checkpoint)
        now = time.time()
        for appended_at in delivery.appended_at:
            self._metrics.event_to_membership.observe(max(0.0, now - appended_at))
        self._metrics.checkpoint_timestamp.labels(partition=str(self._partition)).set(now)
        return True

    async def deliver_outbox(self) -> None:
        """Deliver everything in the outbox, in order; idempotent.

        Raises `StoreUnavailableError`, and what the sink raises.
        """
        entries = await self._ports.state.outbox(self._partition)
        await self._deliver([entry for _, entry in entries])
        if entries:
            self._delivered.append((time.monotonic(), entries[-1][0]))

    async def _deliver(self, entries: Sequence[OutboxEntry]) -> None:
        if not entries:
            return
        await self._ports.memberships.write(entries)
        headers_of = headers_at(MEMBERSHIP_TYPE, time.time())
        changed = [entry for entry in entries if entry.is_change]
        history = [OutgoingRecord(HISTORY, entry.customer_id.encode(), history_record(entry)) for entry in changed]
        await self._ports.sink.send(
            [*(_record(entry, headers_of) for entry in changed), *history, *self._deleted_samples(entries)]
        )

    def _deleted_samples(self, entries: Sequence[OutboxEntry]) -> list[OutgoingRecord]:
        """Return tombstones for all samples of customers who were erased, expired, or withdrew consent to analytics.

        They follow from the outbox, so a worker that is killed after the flush has not forgotten them.
        """
        gone = [entry.customer_id for entry in entries if ends_learning(entry)]
        return [
            OutgoingRecord(SAMPLES, pipeline.sample_key(name, customer), None, partition=SAMPLES_PARTITION)
            for customer in gone
            for name in self._segmentations
        ]

    async def _note_change_topic_end(self) -> None:
        now = time.monotonic()
        if now - self._asked_at > self._pace.change_topic_end:
            self._asked_at = now
            self.published = await self._ports.changes.end(self._partition)

    async def _trim(self) -> None:
        now = time.monotonic()
        if now - self._trimmed_at < self._pace.outbox_trim:
            return
        self._trimmed_at = now
        through = None
        while self._delivered and now - self._delivered[0][0] > self._redelivery_window:
            through = self._delivered.popleft()[1]
        if through is not None:
            await self._ports.state.trim_outbox(self._partition, through)


def _record(entry: OutboxEntry, headers_of: Callable[[str], Headers]) -> OutgoingRecord:
    """Return the change as a CloudEvent, or as a tombstone, which is none."""
    if entry.membership is None:
        headers = tombstone_headers(entry)
    else:
        headers = headers_of(f"{entry.customer_id}/{entry.epoch}-{entry.seq}")
    return OutgoingRecord(MEMBERSHIPS, entry.customer_id.encode(), change_record(entry), headers)
