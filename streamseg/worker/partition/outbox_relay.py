"""Delivers decided changes: the membership string first, then the change record, until both are acknowledged.

Entries are written to the outbox together with their rows, stay there for the redelivery window, and are delivered
again whenever an outcome is in doubt. Readers keep the highest (epoch, seq), so redelivery is harmless.

While Kafka acknowledges the records of one delivery, the strings of the next one are written. Those of later
deliveries wait.

On a Redis Cluster strings lie on all nodes. Entries whose node is away are kept back, with the later ones of their
customers; the others go on. When a node was restarted or replaced, the whole outbox is delivered again: the node may
have lost strings that it had acknowledged, and nothing else would miss them (DESIGN.md, Exactly-once effect).
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import replace
from typing import Final

from streamseg.errors import PartlyWrittenError, StoreUnavailableError, StreamsegError
from streamseg.kafka.partitioner import misrouted
from streamseg.logs import OutageLog
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.tasks import end
from streamseg.worker.context import Ports, Rules
from streamseg.worker.pace import Pace
from streamseg.worker.partition.change_records import change_records
from streamseg.worker.partition.late_records import LateRecords, without
from streamseg.worker.partition.outbox_window import OLDEST, OutboxWindow
from streamseg.worker.partition.pending_delivery import PendingDelivery
from streamseg.worker.partition.signs import Signs

log = logging.getLogger(__name__)

QUEUED_DELIVERIES = 4
"""A partition waits for its relay once so many flushes are not delivered."""
KEPT_BACK = 10_000
"""Entries: with so many of nodes that are away, a partition waits."""
KEPT_SAMPLE = 32
"""Entries that are tried to find out whether a node is back."""


NOTHING_PUBLISHED: Final[Mapping[str, tuple[int, int]]] = {}
NOTHING: Final = PendingDelivery((), None, (), {}, ())


class OutboxRelay:
    """Delivers what one partition decided, in order."""

    def __init__(
        self, partition: int, *, ports: Ports, rules: Rules, metrics: Metrics, pace: Pace, signs: Signs
    ) -> None:
        self._partition = partition
        self._outage = OutageLog(log, f"partition {partition}", "Kafka")
        self._ports = ports
        self._partitions = rules.partitions
        self._window = OutboxWindow(partition, ports, rules.redelivery_window, pace.outbox_trim, signs)
        self._segmentations = sorted(rules.segmentations)
        self._metrics = metrics
        self._pace = pace
        self._signs = signs
        self._pending: asyncio.Queue[PendingDelivery] = asyncio.Queue(maxsize=QUEUED_DELIVERIES)
        self._ahead: PendingDelivery | None = None
        """What comes next; its strings were written, or begun to be, while records were acknowledged."""
        self._kept: PendingDelivery | None = None
        """What waits for nodes that are away."""
        self._kept_tried_at = 0.0
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
        return self._pending.empty() and not self._busy and self._ahead is None

    @property
    def kept_back(self) -> int:
        """Entries whose node is away. They are in the outbox too."""
        return 0 if self._kept is None else len(self._kept.entries)

    def watch_from(self, offset: int) -> None:
        """Look for late records from this offset of the change topic on, once `watch` is called."""
        self._late.looked(offset)

    def watch(self) -> None:
        """Look for late records from now on; what was delivered so far is looked at with the next delivery."""
        self._watches, self._asked_at = True, 0.0

    async def run(self) -> None:
        """Deliver for ever."""
        while True:
            if self.kept_back >= KEPT_BACK:
                await asyncio.sleep(self._pace.retry)
                await self._try(NOTHING)
                continue
            delivery = await self._next()
            if delivery is None:
                await self._try(NOTHING)  # nodes may fail over and former owners deliver late meanwhile
                continue
            while not await self._try(delivery):
                await asyncio.sleep(self._pace.retry)
                # The server may have failed over and lost what it acknowledged within the redelivery window.
                delivery = replace(delivery, entries=(), position=None, in_doubt=True)
            self._busy = False

    async def _next(self) -> PendingDelivery | None:
        """Return what is to be delivered, and be busy; None after a while without anything."""
        if self._ahead is not None:
            delivery, self._ahead = self._ahead, None
        else:
            try:
                async with asyncio.timeout(self._pace.relay_idle):
                    delivery = self._with_queued(await self._pending.get())
            except TimeoutError:
                return None
        self._busy = True
        return delivery

    def _with_queued(self, delivery: PendingDelivery) -> PendingDelivery:
        while not self._pending.empty():
            delivery = delivery.with_next(self._pending.get_nowait())
        return delivery

    async def _try(self, delivery: PendingDelivery) -> bool:
        started = time.perf_counter()
        try:
            delivery = await self._deliver_reachable(delivery)
            if delivery.probe is not None:
                await self._ports.memberships.note_probe(self._partition, delivery.probe)
            self._window.delivered(delivery.position)
            await self._window.trim()
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
        self._signs.end_wait("kafka")
        if self._kept is None:
            self._signs.end_wait("store")
        else:
            self._signs.begin_wait("store")
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

    async def _deliver_reachable(self, delivery: PendingDelivery) -> PendingDelivery:
        """Deliver what the nodes that answer can take, keep back the rest; return what was delivered."""
        kept: PendingDelivery | None = self._kept
        in_doubt = await self._window.look() or delivery.in_doubt
        if kept is not None and (in_doubt or await self._is_back(kept)):
            delivery, kept = kept.with_next(delivery), None
        if in_doubt:
            entries, position = await self._outbox(NOTHING_PUBLISHED)
            delivery = replace(delivery, entries=entries, position=position, refused=None)
        if kept is not None:
            delivery, later = delivery.split({entry.customer_id for entry in kept.entries})
            kept = kept.with_next(later)
        refused, unreached = delivery.refused, frozenset[str]()
        if refused is None:
            refused, unreached = await self._write(delivery.entries)
        if unreached:
            delivery, later = delivery.split(unreached)
            kept = later if kept is None else kept.with_next(later)
        await self._tell(delivery, refused, reads_on=kept is None)
        self._kept = kept
        if in_doubt:
            self._window.delivered_all()
        return delivery

    async def _is_back(self, kept: PendingDelivery) -> bool:
        """Return whether strings of what was kept back can be written again. Asks once in a while."""
        if time.monotonic() - self._kept_tried_at < self._pace.kept_retry:
            return False
        self._kept_tried_at = time.monotonic()
        sample = kept.entries[:: -(-len(kept.entries) // KEPT_SAMPLE)]
        _, unreached = await self._write(sample)
        return len(unreached) < len({entry.customer_id for entry in sample})

    async def deliver_outbox(self, published: Mapping[str, tuple[int, int]] = NOTHING_PUBLISHED) -> None:
        """Deliver what is in the outbox, in order; idempotent. Keeps back what nodes that are away should take.

        What a former owner delivered is left out, if no server was restarted or replaced since.

        Args:
            published: (epoch, seq) of the latest change on the topic by customer id. Older entries were delivered
                before it, and would now hide it. A store that lost its last seconds has such entries.

        Raises:
            StoreUnavailableError: the store did not answer. Also what the sink raises.
        """
        after = await self._window.delivered_before()
        entries, position = await self._outbox(published, after)
        self._window.delivered(after if after != OLDEST else None)
        delivery = PendingDelivery(entries, position, (), {}, ())
        refused, unreached = await self._write(entries)
        if unreached:
            delivery, self._kept = delivery.split(unreached)
        await self._tell(delivery, refused, reads_on=False)
        self._window.delivered(delivery.position)
        self._window.delivered_all()

    async def _outbox(
        self, published: Mapping[str, tuple[int, int]], after: str = OLDEST
    ) -> tuple[list[OutboxEntry], str | None]:
        """Return the entries after a position that are not older than what is published, and the last position."""
        entries = await self._ports.state.outbox(self._partition, after)
        orders = [(entry, published.get(entry.customer_id, (0, 0))) for _, entry in entries]
        kept = [entry for entry, order in orders if order <= (entry.epoch, entry.seq)]
        return kept, entries[-1][0] if entries else None

    async def _write(self, entries: Sequence[OutboxEntry]) -> tuple[AbstractSet[tuple[str, int]], frozenset[str]]:
        """Write the strings; return customer and epoch of those that the store refused, and who was not reached.

        It refuses a string for one of a newer owner, who has delivered the customer's later changes.
        """
        if not entries:
            return frozenset(), frozenset()
        try:
            return await self._ports.memberships.write(entries), frozenset()
        except PartlyWrittenError as error:
            self._metrics.store_errors.labels(operation="membership").inc()
            return error.overtaken, error.customers

    async def _tell(self, delivery: PendingDelivery, refused: AbstractSet[tuple[str, int]], *, reads_on: bool) -> None:
        """Send the records of all strings that the store took; if `reads_on`, write the next strings meanwhile."""
        entries = without(delivery.entries, refused)
        changed = [entry for entry in entries if entry.is_change]
        records = change_records(changed, entries, self._segmentations)
        if not refused:
            records += delivery.extra
        if not records:
            return
        ahead = asyncio.create_task(self._write_ahead()) if reads_on and self._ahead is None else None
        try:
            await self._ports.sink.send(records)
            if ahead is not None and self._ahead is not None:
                await ahead
        finally:
            await end(ahead)
        self._late.sent(len(changed))

    async def _write_ahead(self) -> None:
        """Write the strings of the next delivery; what fails is written again when it is the next one's turn."""
        self._ahead = ahead = self._with_queued(await self._pending.get())
        with suppress(StreamsegError):
            self._ahead = replace(ahead, refused=await self._ports.memberships.write(ahead.entries))

    async def _note_change_topic_end(self) -> None:
        now = time.monotonic()
        # Not before `watch`: the next owner looks for late records from `published` on.
        if self._watches and now - self._asked_at > self._pace.change_topic_end:
            self._asked_at = now
            offset = await self._ports.changes.end(self._partition)
            try:
                again = await self._publish_hidden(offset) if self._late.others(offset) else 0
            except StoreUnavailableError:
                return  # a node with strings is away: the next look finds the same
            self._late.looked(offset)
            self._late.sent(again)
            self.published = offset

    async def _publish_hidden(self, until: int) -> int:
        """Publish again what late records of former owners hide; return how many changes."""
        last = await self._ports.changes.last_records(self._partition, self._late.looked_until, until)
        for customer in misrouted(list(last), self._partition, self._partitions):
            del last[customer]  # after the topics were grown, old records of other partitions' customers stay here
        # The strings that were written ahead are newer than any record, and their records come next.
        ahead = set() if self._ahead is None else {entry.customer_id for entry in self._ahead.entries}
        hidden = await self._late.hidden({one: change for one, change in last.items() if one not in ahead})
        if hidden:
            await self._ports.sink.send(change_records(hidden, hidden, self._segmentations))
        return len(hidden)
