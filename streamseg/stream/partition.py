"""One partition number across all input topics: the single writer of its customers (design: mechanism 3).

    run -> take -> load rows -> absorb -> look -> publish -> flush -> courier -> commit

A task works off the inbox; a second one, the courier, delivers what flushes decided. Any doubt about who owns the
partition or what the store holds ends in a *reset*: forget, claim, read on from the checkpoint.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

import numpy as np
from numpy.typing import NDArray

from streamseg import pipeline
from streamseg.clustering.budget import LearnBudget
from streamseg.errors import (
    FlushRefusedError,
    LayoutMismatchError,
    SettingsError,
    StoreUnavailableError,
    StreamsegError,
)
from streamseg.events.record import RecordBatch
from streamseg.features.rows import Rows
from streamseg.membership.leaving import farewell, has_left
from streamseg.membership.types import OutboxEntry
from streamseg.ports import OutgoingRecord
from streamseg.stream.announced import Announced
from streamseg.stream.courier import Courier, Parcel
from streamseg.stream.dead_letters import MostlyRejectedError, RejectedShare, dead_letters
from streamseg.stream.ownership import FLUSH_ROWS, Ownership
from streamseg.stream.runs import MissingRunError, RunSequence
from streamseg.stream.surroundings import Batch, Head, Surroundings
from streamseg.stream.sweeper import Sweeper
from streamseg.stream.tasks import end
from streamseg.topics import CONSENTS, INPUT_TOPICS, MEMBERSHIPS, SAMPLES

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.2
RETRY_SECONDS = 0.25
HEALTH_INTERVAL_SECONDS = 2.0


class Partition:
    """The actor of one partition number."""

    def __init__(self, number: int, surroundings: Surroundings) -> None:
        self.number = number
        self._s = surroundings
        self._inbox: asyncio.Queue[RecordBatch] = asyncio.Queue(maxsize=2)
        self._task: asyncio.Task[None] | None = None
        self._courier_task: asyncio.Task[None] | None = None
        self._closed = False
        self._clean = False
        self._entitled = False
        self._sequence = RunSequence(number, surroundings.session)
        self._shares = {topic: RejectedShare(topic, *surroundings.rejected_share) for topic in INPUT_TOPICS}
        self._announced = Announced(surroundings.layout)
        self._ownership = Ownership(number, surroundings)
        self._budget = LearnBudget(surroundings.learns_per_second)
        self.rows = Rows(surroundings.layout)
        self.courier = self._new_courier()

    @property
    def head(self) -> Head:
        """What this worker last wrote of the partition beside its rows."""
        return self._ownership.head

    # -- what the registry calls -------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Start reading, or go on after a rebalance: what is in memory stays if nothing was under way."""
        await self._halt()
        self._entitled = True
        self._task = asyncio.create_task(self._work(), name=f"partition-{self.number}")

    async def offer(self, batch: RecordBatch) -> None:
        """Take a run; waits while the inbox is full. Of a closed partition it is dropped: someone else reads it."""
        if not self._closed:
            await self._inbox.put(batch)

    async def close(self) -> None:
        """The partition is no longer ours: forget it."""
        self._closed = True
        await self._halt()
        self._ownership.patience.ends()
        self._drain()

    async def finish(self, timeout_seconds: float) -> None:
        """Let what is under way reach the store and its readers, as far as the time allows."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while self._task is not None and not self._task.done() and not (self._clean and self.courier.is_idle):
                    await asyncio.sleep(0.01)
        await self._halt()

    # -- the cycle ---------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            try:
                await self._start()
                self._ownership.patience.goes_on()
                await self._cycles()
            except StoreUnavailableError as error:
                self._ownership.patience.waits(error, "read")
            except (MostlyRejectedError, SettingsError, LayoutMismatchError) as error:
                self._s.fail(error)
                return
            except Exception as error:
                expected = isinstance(error, StreamsegError)
                log.log(
                    logging.WARNING if expected else logging.ERROR,
                    "partition %d is read again from its checkpoint: %s",
                    self.number,
                    error if expected else type(error).__name__,
                    exc_info=None if expected else error,
                )
            self._clean = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _cycles(self) -> None:
        sweeper, taken_over = Sweeper(self, self._s), False
        checked_at, unseen = time.monotonic(), set[tuple[str, int, int]]()
        while True:
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    run = await self._inbox.get()
            except TimeoutError:
                pass
            else:
                await self.work_off(run)
            if not taken_over and self._s.clock.now(self.number) > 0:
                await self._take_over_announced()
                taken_over = True
            await sweeper.step()
            if time.monotonic() - checked_at > HEALTH_INTERVAL_SECONDS:
                checked_at = time.monotonic()
                unseen = await self._check_health(unseen)

    async def _check_health(self, unseen: set[tuple[str, int, int]]) -> set[tuple[str, int, int]]:
        """Look whether the store moved without us, and whether runs get lost between the poll and here.

        An agent that raised, or a queue that Faust cleared, leaves a run that was handed out and never comes. Takes and
        returns the runs that were under way at this check. Raises `FlushRefusedError` and `MissingRunError`.
        """
        with suppress(StoreUnavailableError):
            if not await self._ownership.is_current():
                raise FlushRefusedError("the store has another owner or flush number")
        still = self._sequence.under_way(INPUT_TOPICS) if self._inbox.empty() else set()
        if still & unseen:
            raise MissingRunError(f"a run of {min(still & unseen)[0]} got lost on the way")
        return still

    async def work_off(self, *runs: RecordBatch) -> None:
        """Take these and all waiting runs through the path and flush them together."""
        self._clean = False
        batch = Batch()
        while not self._inbox.empty():
            runs = (*runs, self._inbox.get_nowait())
        checkpoint = self._checkpoint()
        for run in runs:
            if self._sequence.accepts(run):
                await self._absorb(run, batch)
                position = run.records[-1].offset + 1
                checkpoint[run.topic] = max(checkpoint.get(run.topic, 0), position)
        self._s.clock.advance(self.number, batch.latest, self._s.behind(self.number, checkpoint))
        if batch.dead_letters:
            # Before the checkpoint passes them: afterwards nobody would read the rejected records again.
            await self._s.sink.send(batch.dead_letters)
        await self.settle_and_flush(batch, checkpoint)
        self._evict()

    def _checkpoint(self) -> dict[str, int]:
        """Where reading stands, and up to where the change topic tells only what the store has decided."""
        announced = {} if self._announced or self.courier.announced is None else {MEMBERSHIPS: self.courier.announced}
        return dict(self.head.checkpoint) | announced

    async def _absorb(self, run: RecordBatch, batch: Batch) -> None:
        s, source = self._s, INPUT_TOPICS.index(run.topic)
        taken = pipeline.take(s.decoder, source, run, self.rows, lambda customer: s.belongs(self.number, customer))
        self._shares[run.topic].add(len(run.records), len(taken.rejected))
        batch.dead_letters += dead_letters(taken.rejected, s.metrics)
        if taken.latest is not None:
            batch.latest[run.topic] = max(taken.latest, batch.latest.get(run.topic, 0.0))
        missing = self.rows.missing([event.customer_id for event in taken.events])
        if missing:
            self.take_in(missing, await self.load(missing))
        slots, absorbed = pipeline.absorb(self.rows, source, taken, s.money)
        batch.slots.update(slots.tolist())
        if run.topic == CONSENTS:
            batch.consented.update(slots.tolist())
        batch.appended_at += [run.records[0].timestamp / 1000.0, run.records[-1].timestamp / 1000.0]
        s.metrics.records.labels(topic=run.topic).inc(len(run.records))
        s.metrics.events.labels(topic=run.topic).inc(int(absorbed.mask.sum()))
        s.metrics.duplicates.labels(topic=run.topic).inc(absorbed.duplicates)
        s.metrics.replayed.labels(topic=run.topic).inc(absorbed.replayed)

    async def load(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        """Stored rows. Raises `StoreUnavailableError`."""
        return await self._s.state.load(self.number, customer_ids)

    def take_in(self, customer_ids: Sequence[str], stored: Sequence[bytes | None]) -> None:
        """Load rows into memory, and what was announced of their customers into the rows."""
        slots = self.rows.load(customer_ids, stored)
        if self._announced:
            before = self.rows.segment[slots]
            self._announced.take_over(self.rows, customer_ids)
            took = pipeline.Looked(before, self.rows.segment[slots], np.empty(0), np.empty(0, dtype=np.bool_))
            self.head.sizes = pipeline.count_sizes(took, self._s.models.segmentations, self.head.sizes)

    async def _take_over_announced(self) -> None:
        """Bring the stored rows that are behind what was announced up to it; those that are gone wait for events."""
        customers = self._announced.customers
        for start in range(0, len(customers), FLUSH_ROWS):
            piece = customers[start : start + FLUSH_ROWS]
            absent = self.rows.missing(piece)
            found = {c: row for c, row in zip(absent, await self.load(absent), strict=True) if row is not None}
            if found:
                self.take_in(list(found), list(found.values()))
                await self.settle_and_flush(Batch({self.rows.slots[customer] for customer in found}), swept=True)

    async def settle_and_flush(
        self, batch: Batch, checkpoint: Mapping[str, int] | None = None, *, swept: bool = False
    ) -> None:
        """Look at the touched rows, decide what to publish, write all of it, and hand it to the courier.

        Of swept rows only those that changed are written.
        """
        self._clean = False
        s, rows = self._s, self.rows
        segmentations = s.models.segmentations
        slots = np.array(sorted(batch.slots), dtype=np.intp)
        # Before the clock has started an event that is there is the best guess; the earliest: clocks do not go back.
        now = s.clock.now(self.number) or float(rows.first_seen[slots].min(initial=time.time()))
        looked = pipeline.look(rows, slots, now, segmentations)
        sampled = pipeline.sample(rows, slots, now, segmentations, self._budget)
        entries = pipeline.publish(
            rows,
            slots,
            looked,
            now=now,
            wall_now=time.time(),
            epoch=self.head.epoch,
            segmentations=segmentations,
            rules=s.rules,
            consented=batch.consented,
            first_seq=self._ownership.first_seq,
        )
        if swept:
            spoken_of = {entry.customer_id for entry in entries} | {one.customer_id for one in sampled}
            named = np.array([rows.customer_ids[slot] in spoken_of for slot in slots.tolist()], dtype=bool)
            slots = slots[looked.changed | named]
            if not len(slots):
                self._clean = True
                return
        checkpoint = self._checkpoint() if checkpoint is None else checkpoint
        sizes = pipeline.count_sizes(looked, segmentations, self.head.sizes)
        written = await self._ownership.flush(rows, slots, entries, checkpoint, sizes)
        extra = [OutgoingRecord(SAMPLES, one.key, one.value, partition=0) for one in sampled]
        await self._hand_over(entries, written, extra, checkpoint, batch.appended_at)

    async def let_go(self, slots: pipeline.Slots) -> NDArray[np.bool_]:
        """Remove those of the rows whose customers were silent for the retention time; which of them it were."""
        s, rows, now = self._s, self.rows, self._s.clock.now(self.number)
        checkpoint = self._checkpoint()
        reached = [checkpoint.get(topic, 0) for topic in INPUT_TOPICS]
        left = has_left(rows, slots, now - s.retention_seconds, reached)
        if left.any():
            self._clean = False
            gone, segmentations = slots[left], s.models.segmentations
            model = {one.name: one.version for one in segmentations if one.assigner is not None}
            names = [one.name for one in segmentations]
            entries = farewell(
                rows,
                gone,
                now=now,
                epoch=self.head.epoch,
                names=names,
                model=model,
                unknown=s.rules.unknown_consent,
            )
            before = rows.segment[gone]
            nowhere = pipeline.Looked(before, np.zeros_like(before), np.empty(0), np.empty(0, dtype=np.bool_))
            sizes = pipeline.count_sizes(nowhere, segmentations, self.head.sizes)
            written = await self._ownership.flush(rows, gone, entries, checkpoint, sizes, remove=True)
            rows.evict(gone)
            s.metrics.departures.inc(len(gone))
            await self._hand_over(entries, written, [], checkpoint, ())
        return left

    async def _hand_over(
        self,
        entries: Sequence[OutboxEntry],
        written: tuple[str | None, bool],
        extra: list[OutgoingRecord],
        checkpoint: Mapping[str, int],
        appended_at: Sequence[float],
    ) -> None:
        moves = Counter((change.segmentation, change.change) for entry in entries for change in entry.changes)
        for labels, count in moves.items():
            self._s.metrics.moves.labels(*labels).inc(count)
        for entry in entries:
            if entry.membership is None:
                keys = [pipeline.sample_key(one.name, entry.customer_id) for one in self._s.models.segmentations]
                extra += [OutgoingRecord(SAMPLES, key, None, partition=0) for key in keys]
        position, in_doubt = written
        await self.courier.hand_over(Parcel(entries, position, extra, dict(checkpoint), appended_at, in_doubt))
        self._clean = True

    # -- reset -------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        """Keep what is in memory if the store agrees with it, else reset; then read on."""
        if not (self._clean and self.courier.is_idle and await self._ownership.is_current()):
            if not self._entitled:
                await self._ownership.give_way()
                self._s.metrics.resets.labels(partition=str(self.number)).inc()
            await self._reset()
        self._entitled = False
        self._courier_task = asyncio.create_task(self.courier.run(), name=f"courier-{self.number}")
        self._s.rewind(self.number, {topic: self.head.checkpoint.get(topic) for topic in INPUT_TOPICS})

    async def _reset(self) -> None:
        """Forget, claim, and only then learn where to read on and what is still to be delivered."""
        await end(self._courier_task)
        self._drain()
        self.rows = Rows(self._s.layout)
        self.courier = self._new_courier()
        await self._ownership.claim()
        await self.courier.deliver_outbox()
        since = await self._s.changes.since(self.number, self.head.checkpoint.get(MEMBERSHIPS, 0))
        # Where the topics were grown, customers who have moved elsewhere were announced here once.
        ours = {one: membership for one, membership in since.items() if self._s.belongs(self.number, one)}
        await self._announced.learn(ours, self.number, self._s.state)
        await self.courier.hand_over(Parcel((), None, (), dict(self.head.checkpoint), ()))
        self._clean = True

    async def _halt(self) -> None:
        await end(self._task, self._courier_task)
        self._task = self._courier_task = None

    def _drain(self) -> None:
        while not self._inbox.empty():
            self._inbox.get_nowait()

    def _new_courier(self) -> Courier:
        s = self._s
        return Courier(
            self.number,
            state=s.state,
            memberships=s.memberships,
            sink=s.sink,
            metrics=s.metrics,
            changes=s.changes,
            margin_seconds=s.margin_seconds,
        )

    def _evict(self) -> None:
        surplus = len(self.rows) - self._s.rows_limit()
        if surplus > 0:
            self.rows.evict(self.rows.least_recently_used(surplus))
            self._s.metrics.evictions.inc(surplus)
