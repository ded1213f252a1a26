"""Delivers decided changes: first the membership string, then the change record, until both are acknowledged.

The outbox in the store makes that safe: entries are written together with their rows, stay for the failover margin
after delivery, and are delivered again whenever an outcome is in doubt. Readers keep the highest (epoch, seq).
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.events.cloudevents import MEMBERSHIP_TYPE, Headers, headers_at
from streamseg.kafka.change_topic import ChangeTopic
from streamseg.membership.encoding import change_record
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.ports import EventSink, MembershipStore, OutgoingRecord, StateStore
from streamseg.topics import MEMBERSHIPS

log = logging.getLogger(__name__)

RETRY_SECONDS = 0.25
TRIM_INTERVAL_SECONDS = 2.0
ANNOUNCED_INTERVAL_SECONDS = 10.0
"""How much of the change topic a new owner of the partition reads: what was announced in about this time."""


@dataclass(frozen=True, slots=True)
class PendingDelivery:
    """What one flush has to deliver, and what may be committed and observed once it is delivered."""

    entries: Sequence[OutboxEntry]
    position: str | None
    extra: Sequence[OutgoingRecord]
    checkpoint: Mapping[str, int]
    appended_at: Sequence[float]
    in_doubt: bool = False
    """The position of the entries is unknown: deliver what stands in the outbox."""

    def with_next(self, later: "PendingDelivery") -> "PendingDelivery":
        """Both as one: what has queued up while another was under way costs one delivery."""
        return PendingDelivery(
            (*self.entries, *later.entries),
            later.position or self.position,
            (*self.extra, *later.extra),
            {**self.checkpoint, **later.checkpoint},
            (*self.appended_at, *later.appended_at),
            self.in_doubt or later.in_doubt,
        )


class OutboxRelay:
    """Delivers the parcels of one partition in order."""

    def __init__(
        self,
        partition: int,
        *,
        state: StateStore,
        memberships: MembershipStore,
        sink: EventSink,
        metrics: Metrics,
        changes: ChangeTopic,
        margin_seconds: float,
    ) -> None:
        self._partition = partition
        self._state = state
        self._memberships = memberships
        self._sink = sink
        self._metrics = metrics
        self._changes = changes
        self._margin_seconds = margin_seconds
        self._parcels: asyncio.Queue[PendingDelivery] = asyncio.Queue(maxsize=4)
        self._delivered: deque[tuple[float, str]] = deque()
        self._trimmed_at = 0.0
        self._busy = False
        self._asked_at = 0.0
        self.announced: int | None = None
        """An offset of the change topic: everything before it was decided in flushes that the store has had."""
        self.checkpoint: dict[str, int] = {}
        """Per topic the next offset to read, everything before it being durable and delivered."""

    async def hand_over(self, parcel: PendingDelivery) -> None:
        """Queue a parcel; waits while the last ones are under way."""
        await self._parcels.put(parcel)

    @property
    def is_idle(self) -> bool:
        """Nothing waits to be delivered, nor is on its way."""
        return self._parcels.empty() and not self._busy

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            parcel = await self._parcels.get()
            self._busy = True
            while not self._parcels.empty():
                parcel = parcel.with_next(self._parcels.get_nowait())
            while not await self._try(parcel):
                await asyncio.sleep(RETRY_SECONDS)
                # The server may have failed over: what it acknowledged within the margin may be gone.
                parcel = PendingDelivery((), None, parcel.extra, parcel.checkpoint, parcel.appended_at, in_doubt=True)
            self._busy = False

    async def _try(self, parcel: PendingDelivery) -> bool:
        try:
            if parcel.in_doubt:
                await self.deliver_outbox()
            else:
                await self._deliver(parcel.entries)
            if parcel.extra:
                await self._sink.send(parcel.extra)
            if parcel.position is not None:
                self._delivered.append((time.monotonic(), parcel.position))
            await self._trim()
            await self._ask_end()
        except StoreUnavailableError:
            self._metrics.store_errors.labels(operation="membership").inc()
            return False
        except StreamsegError as error:
            log.warning("partition %d: %s; trying again", self._partition, error)
            return False
        self.checkpoint.update(parcel.checkpoint)
        now = time.time()
        for appended_at in parcel.appended_at:
            self._metrics.event_to_membership.observe(max(0.0, now - appended_at))
        self._metrics.checkpoint_timestamp.labels(partition=str(self._partition)).set(now)
        return True

    async def deliver_outbox(self) -> None:
        """Deliver all that stands in the outbox, in order; idempotent.

        Raises `StoreUnavailableError` or what the sink raises.
        """
        standing = await self._state.outbox(self._partition)
        await self._deliver([entry for _, entry in standing])
        if standing:
            self._delivered.append((time.monotonic(), standing[-1][0]))

    async def _deliver(self, entries: Sequence[OutboxEntry]) -> None:
        if not entries:
            return
        await self._memberships.write(entries)
        headers_of = headers_at(MEMBERSHIP_TYPE, time.time())
        changed = [entry for entry in entries if entry.changes or entry.membership is None]
        await self._sink.send([_record(entry, headers_of) for entry in changed])

    async def _ask_end(self) -> None:
        now = time.monotonic()
        if now - self._asked_at > ANNOUNCED_INTERVAL_SECONDS:
            self._asked_at = now
            self.announced = await self._changes.end(self._partition)

    async def _trim(self) -> None:
        now = time.monotonic()
        if now - self._trimmed_at < TRIM_INTERVAL_SECONDS:
            return
        self._trimmed_at = now
        through = None
        while self._delivered and now - self._delivered[0][0] > self._margin_seconds:
            through = self._delivered.popleft()[1]
        if through is not None:
            await self._state.trim_outbox(self._partition, through)


def _record(entry: OutboxEntry, headers_of: Callable[[str], Headers]) -> OutgoingRecord:
    """The change as a CloudEvent; a tombstone has nothing for headers to describe."""
    headers = () if entry.membership is None else headers_of(f"{entry.customer_id}/{entry.epoch}-{entry.seq}")
    return OutgoingRecord(MEMBERSHIPS, entry.customer_id.encode(), change_record(entry), headers)
