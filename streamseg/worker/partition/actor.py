"""One partition number across all input topics: the single writer of its customers (design: mechanism 3).

    run -> take -> load rows -> absorb -> look -> publish -> flush -> courier -> commit

A task works off the inbox; a second one, the courier, delivers what flushes decided. Any doubt about who owns the
partition or what the store holds ends in a *reset*: forget, claim, read on from the checkpoint.
"""

import asyncio
import logging
import time
from contextlib import suppress

from streamseg.clustering.budget import LearnBudget
from streamseg.errors import (
    FlushRefusedError,
    LayoutMismatchError,
    SettingsError,
    StoreUnavailableError,
    StreamsegError,
)
from streamseg.events.record import RecordBatch
from streamseg.topics import INPUT_TOPICS, MEMBERSHIPS
from streamseg.worker.context import Batch, Head, Surroundings
from streamseg.worker.partition.catch_up import lost_changes
from streamseg.worker.partition.dead_letters import MostlyRejectedError
from streamseg.worker.partition.lease import Lease
from streamseg.worker.partition.outbox_relay import OutboxRelay, PendingDelivery
from streamseg.worker.partition.state import PartitionState
from streamseg.worker.partition.sweep import Sweep
from streamseg.worker.run_sequence import MissingRunError, RunSequence
from streamseg.worker.tasks import end

log = logging.getLogger(__name__)

IDLE_SECONDS = 0.2
SWEEPING_IDLE_SECONDS = 0.02
"""Between two pieces of a sweep: a million customers are through in half a minute, and events still get their turn."""
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
        self._entitled = False
        self._sequence = RunSequence(number, surroundings.session)
        self._ownership = Lease(number, surroundings)
        self._budget = LearnBudget(surroundings.learns_per_second)
        self._keeper = PartitionState(self._ownership, self._budget, surroundings)

    @property
    def head(self) -> Head:
        """What this worker last wrote of the partition beside its rows."""
        return self._ownership.head

    @property
    def courier(self) -> OutboxRelay:
        """Who delivers what was decided, and knows up to where it is."""
        return self._keeper.courier

    @property
    def customers_in_memory(self) -> int:
        """How many rows there are."""
        return len(self._keeper.rows)

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
        """The partition is no longer ours: forget it, and let everybody go who waits to offer a run."""
        self._closed = True
        await self._halt()
        self._ownership.patience.ends()
        while not self._inbox.empty():
            # One agent per topic may wait, and there is room for two: who waits puts theirs as soon as we let them.
            self._drain()
            await asyncio.sleep(0)

    async def finish(self, timeout_seconds: float) -> None:
        """Let what is under way reach the store and its readers, as far as the time allows."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while (
                    self._task is not None
                    and not self._task.done()
                    and not (self._keeper.clean and self.courier.is_idle)
                ):
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
            self._keeper.clean = False
            await asyncio.sleep(RETRY_SECONDS)

    async def _cycles(self) -> None:
        keeper, taken_over = self._keeper, False
        sweeper = Sweep(keeper, self._s)
        checked_at, unseen = time.monotonic(), set[tuple[str, int, int]]()
        while True:
            try:
                async with asyncio.timeout(SWEEPING_IDLE_SECONDS if sweeper.under_way else IDLE_SECONDS):
                    run = await self._inbox.get()
            except TimeoutError:
                pass
            else:
                await self.work_off(run)
            if not taken_over and self._s.clock.now(self.number) > 0:
                await keeper.take_over_announced()
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
        keeper, batch = self._keeper, Batch()
        keeper.clean = False
        while not self._inbox.empty():
            runs = (*runs, self._inbox.get_nowait())
        checkpoint = keeper.checkpoint()
        for run in runs:
            if self._sequence.accepts(run):
                self._check_gap(run)
                await keeper.absorb(run, batch)
                position = run.records[-1].offset + 1
                checkpoint[run.topic] = max(checkpoint.get(run.topic, 0), position)
        self._s.clock.advance(self.number, batch.latest, self._s.behind(self.number, checkpoint))
        if batch.dead_letters:
            # Before the checkpoint passes them: afterwards nobody would read the rejected records again.
            await self._s.sink.send(batch.dead_letters)
        await keeper.settle_and_flush(batch, checkpoint)
        keeper.evict()

    def _check_gap(self, run: RecordBatch) -> None:
        """Say so when the log begins after the checkpoint: nobody can read what retention has removed."""
        start, first = self.head.checkpoint.get(run.topic), run.records[0].offset
        if run.number == 0 and start is not None and first > start:
            log.error(
                "%s, partition %d: offsets %d to %d were not read yet and are not in the log any more: they are lost "
                "(keep the log for as long as an outage may last)",
                run.topic,
                self.number,
                start,
                first - 1,
            )
            self._s.metrics.missed.labels(topic=run.topic).inc(first - start)

    # -- reset -------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        """Keep what is in memory if the store agrees with it, else reset; then read on."""
        if not (self._keeper.clean and self.courier.is_idle and await self._ownership.is_current()):
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
        keeper = self._keeper = PartitionState(self._ownership, self._budget, self._s)
        await self._ownership.claim()
        await self.courier.deliver_outbox()
        since = await self._s.changes.since(self.number, self.head.checkpoint.get(MEMBERSHIPS, 0))
        # Where the topics were grown, customers who have moved elsewhere were announced here once.
        misrouted = self._s.misrouted_of(self.number, list(since))
        ours = {one: membership for one, membership in since.items() if one not in misrouted}
        keeper.catch_up = await lost_changes(ours, self.number, self._s.layout, self._s.state)
        await self.courier.hand_over(PendingDelivery((), None, (), dict(self.head.checkpoint), ()))
        keeper.clean = True

    async def _halt(self) -> None:
        await end(self._task, self._courier_task)
        self._task = self._courier_task = None

    def _drain(self) -> None:
        while not self._inbox.empty():
            self._inbox.get_nowait()
