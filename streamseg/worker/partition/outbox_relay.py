"""Delivers decided changes: the membership string first, then the change record, until both are acknowledged.

Entries are written to the outbox together with their rows, stay there for the redelivery window, and are delivered
again whenever an outcome is in doubt. Readers keep the highest (epoch, seq), so redelivery is harmless.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from streamseg import pipeline
from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.events.cloudevents import MEMBERSHIP_TYPE, Headers, headers_at
from streamseg.kafka.partitioner import misrouted
from streamseg.logs import OutageLog
from streamseg.membership.encoding import change_record, ends_learning, history_record, tombstone_headers
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.ports import OutgoingRecord
from streamseg.ports.tracing import Traced
from streamseg.topics import HISTORY, MEMBERSHIPS, SAMPLES, SAMPLES_PARTITION
from streamseg.worker.context import Ports, Rules
from streamseg.worker.pace import Pace
from streamseg.worker.partition.late_records import LateRecords, without
from streamseg.worker.partition.signs import Signs

log = logging.getLogger(__name__)

QUEUED_DELIVERIES = 4
"""A partition waits for its relay once so many flushes are not delivered."""


NOTHING_PUBLISHED: Final[Mapping[str, tuple[int, int]]] = {}


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
    read_until: Mapping[str, float] = field(default_factory=dict)
    """By topic, when Kafka got the last record, epoch seconds."""
    probe: float | None = None
    """When the newest probe was sent, epoch seconds."""
    traced: Sequence[Traced] = ()

    def with_next(self, later: "PendingDelivery") -> "PendingDelivery":
        """Merge with a later one: a queue of several costs one delivery.

        Tombstones of samples go out before all samples, so a sample that a later entry deletes is left out.
        """
        gone = {entry.customer_id for entry in later.entries if ends_learning(entry)}
        extra = [one for one in self.extra if pipeline.sampled(one.key)[1] not in gone] if gone else self.extra
        return PendingDelivery(
            (*self.entries, *later.entries),
            later.position or self.position,
            (*extra, *later.extra),
            {**self.checkpoint, **later.checkpoint},
            (*self.appended_at, *later.appended_at),
            self.in_doubt or later.in_doubt,
            read_until={**self.read_until, **later.read_until},
            probe=self.probe if later.probe is None else later.probe,
            traced=(*self.traced, *later.traced),
        )


class OutboxRelay:
    """Delivers what one partition decided, in order."""

    def __init__(
        self, partition: int, *, ports: Ports, rules: Rules, metrics: Metrics, pace: Pace, signs: Signs
    ) -> None:
        self._partition = partition
        self._outage = OutageLog(log, f"partition {partition}", "Kafka")
        self._ports = ports
        self._partitions = rules.partitions
        self._redelivery_window = rules.redelivery_window
        self._segmentations = sorted(rules.segmentations)
        self._metrics = metrics
        self._pace = pace
        self._signs = signs
        self._pending: asyncio.Queue[PendingDelivery] = asyncio.Queue(maxsize=QUEUED_DELIVERIES)
        self._delivered: deque[tuple[float, str]] = deque()
        """(Monotonic seconds, outbox position) of deliveries that are not trimmed yet."""
        self._trimmed_at = 0.0
        self._busy = False
        self._asked_at = 0.0
        self._watches = False
        self._late = LateRecords(partition, 0, ports.memberships, metrics)
        self.published: int | None = None
        """An offset of the change topic: every record before it is of a flush that the store has."""
        self.checkpoint: dict[str, int] = {}
        """Next offset by topic; everything before it is durable and delivered."""

    async def put(self, delivery: PendingDelivery) -> None:
        """Queue a delivery; waits while the queue is full."""
        if not self._pending.full():
            self._pending.put_nowait(delivery)
            return
        self._signs.begin_wait("delivery")
        try:
            await self._pending.put(delivery)
        finally:
            self._signs.end_wait("delivery")

    @property
    def is_idle(self) -> bool:
        """Whether nothing is queued or under way."""
        return self._pending.empty() and not self._busy

    def watch_from(self, offset: int) -> None:
        """Look for late records from this offset of the change topic on, once `watch` is called."""
        self._late.looked(offset)

    def watch(self) -> None:
        """Look for late records from now on; what was delivered so far is looked at with the next delivery."""
        self._watches, self._asked_at = True, 0.0

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            try:
                async with asyncio.timeout(self._pace.change_topic_end):
                    delivery = await self._pending.get()
            except TimeoutError:
                await self._try(PendingDelivery((), None, (), {}, ()))  # former owners may deliver late meanwhile
                continue
            self._busy = True
            while not self._pending.empty():
                delivery = delivery.with_next(self._pending.get_nowait())
            while not await self._try(delivery):
                await asyncio.sleep(self._pace.retry)
                # The server may have failed over and lost what it acknowledged within the redelivery window.
                delivery = replace(delivery, entries=(), position=None, in_doubt=True)
            self._busy = False

    async def _try(self, delivery: PendingDelivery) -> bool:
        started = time.perf_counter()
        try:
            overtaken = await (self.deliver_outbox() if delivery.in_doubt else self._deliver(delivery.entries))
            if delivery.extra and not overtaken:
                await self._ports.sink.send(delivery.extra)
            if delivery.probe is not None:
                await self._ports.memberships.note_probe(self._partition, delivery.probe)
            if delivery.position is not None:
                self._delivered.append((time.monotonic(), delivery.position))
            await self._trim()
            await self._note_change_topic_end()
        except StoreUnavailableError:
            self._metrics.store_errors.labels(operation="membership").inc()
            self._signs.begin_wait("store")
            return False
        except StreamsegError as error:
            self._outage.waits(error)
            self._signs.begin_wait("kafka")
            return False
        except Exception as error:  # noqa: BLE001  a relay that ended would block its partition for ever
            self._outage.waits(error, traceback=True)
            self._signs.begin_wait("kafka")
            return False
        self._metrics.steps.labels(stage="deliver").observe(time.perf_counter() - started)
        self._outage.over()
        for server in ("kafka", "store"):
            self._signs.end_wait(server)
        self._signs.saw("delivered", delivery.probe)
        self._signs.read_until.update(delivery.read_until)
        self.checkpoint.update(delivery.checkpoint)
        now = time.time()
        self._signs.delivered(delivery.checkpoint, now)
        traces = {event.appended_at: {"trace_id": f"{event.parent.trace_id:032x}"} for event, _ in delivery.traced}
        for appended_at in delivery.appended_at:
            self._metrics.event_to_membership.observe(max(0.0, now - appended_at), traces.get(appended_at))
        if delivery.traced and self._ports.tracer is not None:
            self._ports.tracer.delivered(delivery.traced, now, {entry.customer_id for entry in delivery.entries})
        return True

    async def deliver_outbox(
        self, published: Mapping[str, tuple[int, int]] = NOTHING_PUBLISHED
    ) -> set[tuple[str, int]]:
        """Deliver everything in the outbox, in order; idempotent. Returns as `_deliver`.

        Args:
            published: (epoch, seq) of the latest change on the topic by customer id. Older entries were delivered
                before it, and would now hide it. A store that lost its last seconds has such entries.

        Raises:
            StoreUnavailableError: the store did not answer. Also what the sink raises.
        """
        entries = await self._ports.state.outbox(self._partition)
        overtaken = await self._deliver(
            [entry for _, entry in entries if published.get(entry.customer_id, (0, 0)) <= (entry.epoch, entry.seq)]
        )
        if entries:
            self._delivered.append((time.monotonic(), entries[-1][0]))
        return overtaken

    async def _deliver(self, entries: Sequence[OutboxEntry]) -> set[tuple[str, int]]:
        """Write the strings, then send the records, but none that the store refused for one of a newer owner.

        Returns customer and epoch of those, which the newer owner has delivered.
        """
        if not entries:
            return set()
        overtaken = await self._ports.memberships.write(entries)
        entries = without(entries, overtaken)
        changed = [entry for entry in entries if entry.is_change]
        await self._send(changed, entries)
        self._late.sent(len(changed))
        return overtaken

    async def _send(self, changed: Sequence[OutboxEntry], entries: Sequence[OutboxEntry]) -> None:
        """Send a change and a history record of each in `changed`, and tombstones for the samples of deletions."""
        headers_of = headers_at(MEMBERSHIP_TYPE, time.time())
        history = [OutgoingRecord(HISTORY, entry.customer_id.encode(), history_record(entry)) for entry in changed]
        await self._ports.sink.send(
            [*(_record(entry, headers_of) for entry in changed), *history, *self._deleted_samples(entries)]
        )

    def _deleted_samples(self, entries: Sequence[OutboxEntry]) -> list[OutgoingRecord]:
        """Return tombstones for all samples of customers who were erased, expired, or withdrew consent to analytics.

        They follow from the outbox, so a worker that is killed after the flush has not forgotten them.
        """
        return [
            OutgoingRecord(
                SAMPLES,
                pipeline.sample_key(name, entry.customer_id),
                None,
                ((pipeline.SAMPLE_EPOCH_HEADER, b"%d" % entry.epoch),),
                partition=SAMPLES_PARTITION,
            )
            for entry in entries
            if ends_learning(entry)
            for name in self._segmentations
        ]

    async def _note_change_topic_end(self) -> None:
        now = time.monotonic()
        # Not before `watch`: the next owner looks for late records from `published` on.
        if self._watches and now - self._asked_at > self._pace.change_topic_end:
            self._asked_at = now
            end = await self._ports.changes.end(self._partition)
            again = await self._publish_hidden(end) if self._late.others(end) else 0
            self._late.looked(end)
            self._late.sent(again)
            self.published = end

    async def _publish_hidden(self, end: int) -> int:
        """Publish again what late records of former owners hide; return how many changes."""
        last = await self._ports.changes.last_records(self._partition, self._late.looked_until, end)
        for customer in misrouted(list(last), self._partition, self._partitions):
            del last[customer]  # after the topics were grown, old records of other partitions' customers stay here
        hidden = await self._late.hidden(last)
        if hidden:
            await self._send(hidden, hidden)
        return len(hidden)

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
        self._signs.outbox_flushes = await self._ports.state.outbox_flushes(self._partition)


def _record(entry: OutboxEntry, headers_of: Callable[[str], Headers]) -> OutgoingRecord:
    """Return the change as a CloudEvent, or as a tombstone, which is none."""
    if entry.membership is None:
        headers = tombstone_headers(entry)
    else:
        headers = headers_of(f"{entry.customer_id}/{entry.epoch}-{entry.seq}")
    return OutgoingRecord(MEMBERSHIPS, entry.customer_id.encode(), change_record(entry), headers)
