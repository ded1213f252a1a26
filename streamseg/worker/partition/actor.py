"""One partition number across all input topics: the single writer of its customers (DESIGN.md, Exactly-once effect).

    run -> take -> load rows -> (with other partitions: absorb -> look -> publish) -> flush -> relay -> commit

One task works off the inbox; a second one, the relay, delivers what flushes decided. Any doubt about who owns the
partition or what the store holds ends in a *reset*: forget all rows, claim, continue from the checkpoint.
"""

import asyncio
import logging
import math
import time
from collections.abc import Mapping, Sequence
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
from streamseg.metrics import Metrics
from streamseg.ports import PartitionReport, Wait
from streamseg.tasks import end
from streamseg.topics import INPUT_TOPICS
from streamseg.worker.context import Ports, RowLimit, Rules
from streamseg.worker.inbox import Inbox
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import PRODUCTION, Pace
from streamseg.worker.partition.absorbed import Absorbed
from streamseg.worker.partition.dead_letters import MostlyRejectedError, RejectedShare
from streamseg.worker.partition.due_looks import DueLooks
from streamseg.worker.partition.lease import Lease
from streamseg.worker.partition.outbox_relay import OutboxRelay
from streamseg.worker.partition.quarantine import Quarantine
from streamseg.worker.partition.reports import report_gap, report_outliers
from streamseg.worker.partition.signs import Signs
from streamseg.worker.partition.state import PartitionState
from streamseg.worker.partition.sweep import Sweep
from streamseg.worker.run_sequence import RunSequence
from streamseg.worker.shared_cycle import SharedCycle
from streamseg.worker.stop_signal import StopSignal

log = logging.getLogger(__name__)


class Partition:
    """Owns one partition number: its inbox, its rows, its lease."""

    def __init__(
        self,
        number: int,
        *,
        owner: str,
        ports: Ports,
        rules: Rules,
        models: ModelCache,
        shared_cycle: SharedCycle,
        row_limit: RowLimit,
        stop: StopSignal,
        metrics: Metrics,
        pace: Pace = PRODUCTION,
    ) -> None:
        self.number = number
        self._ports = ports
        self._rules = rules
        self._models = models
        self._shared_cycle = shared_cycle
        self._row_limit = row_limit
        self._stop = stop
        self._metrics = metrics
        self._pace = pace
        self._inbox = Inbox(ports.reader, metrics.steps.labels(stage="queue").observe)
        self._fetched = metrics.steps.labels(stage="fetch").observe
        self._task: asyncio.Task[None] | None = None
        self._relay_task: asyncio.Task[None] | None = None
        self._closed = self.is_warm = False
        self._assigned = self._heard = 0
        """How often the partition was assigned to this worker, and how many of these times its task knows of."""
        self._sequence = RunSequence(number, ports.reader)
        self.signs = Signs()
        self._lease = Lease(number, owner, state=ports.state, rules=rules, metrics=metrics, pace=pace, signs=self.signs)
        self._budget = LearnBudget(rules.learns_per_second)
        self._quarantine = Quarantine()
        self._shares = {
            topic: RejectedShare(topic, rules.rejected_share_limit, rules.rejected_share_window)
            for topic in INPUT_TOPICS
        }
        self._state = self._new_state()

    def _new_state(self) -> PartitionState:
        return PartitionState(
            self._lease,
            self._budget,
            ports=self._ports,
            rules=self._rules,
            models=self._models,
            shared_cycle=self._shared_cycle,
            metrics=self._metrics,
            pace=self._pace,
            signs=self.signs,
        )

    @property
    def relay(self) -> OutboxRelay:
        """Delivers what was decided; knows the delivered checkpoint."""
        return self._state.relay

    @property
    def sizes(self) -> dict[str, int]:
        """Customers by segment id, as this worker flushed them last."""
        return self._lease.sizes

    @property
    def rows_in_memory(self) -> int:
        """Number of rows in memory."""
        return len(self._state.rows)

    def report(self) -> PartitionReport:
        """Return what `streamseg status` shows of it."""
        return PartitionReport(self.number, self._ports.clock.now(self.number), self._state.signs.oldest_as_of)

    def waits(self) -> list[Wait]:
        """Return the servers and workers that it waits for."""
        return [Wait(self.number, whom, seconds) for whom, seconds in self.signs.waited().items()]

    # -- called by the assignment ------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Start reading. After a rebalance that left the partition here, only its place in the topics is set again."""
        starts = self._assigned > self._heard
        self._assigned += 1
        if (self.is_warm or starts) and self._task is not None and not self._task.done():
            self._inbox.end_wait()
            return
        await self._halt()
        self._task = asyncio.create_task(self._work(), name=f"partition-{self.number}")

    @property
    def has_room(self) -> bool:
        """Whether a run may come. Read by the thread that polls."""
        return self._inbox.has_room

    def offer(self, run: RecordBatch) -> None:
        """Take a run. A closed partition drops it: another worker reads it."""
        if not self._closed:
            if run.records:
                appended = run.records[len(run.records) // 2].timestamp / 1000
                self._fetched(max(0.0, time.time() - appended))
            self._inbox.put(run)

    async def close(self) -> None:
        """Forget the partition, which now belongs to another worker."""
        self._closed = True
        await self._halt()
        self._lease.outage.end()
        self._inbox.empty()

    async def finish(self, timeout_seconds: float) -> None:
        """Flush and deliver what is under way, within the timeout."""
        self._closed = True
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                while (
                    self._task is not None
                    and not self._task.done()
                    and not (self._state.is_flushed and self.relay.is_idle)
                ):
                    await asyncio.sleep(0.01)
        await self._halt()

    # -- the cycle ---------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        while True:
            try:
                await self._start()
                self._lease.outage.over()
                self.is_warm = True
                await self._cycle()
            except StoreUnavailableError as error:
                self._lease.outage.waits(error, "read")
            except (MostlyRejectedError, SettingsError, LayoutMismatchError) as error:
                self._stop.fail(error)
                return
            except Exception as error:
                self._note_failure(error)
                expected = isinstance(error, StreamsegError)
                log.log(
                    logging.WARNING if expected else logging.ERROR,
                    "partition %d is read again from its checkpoint: %s",
                    self.number,
                    error if expected else type(error).__name__,
                    exc_info=None if expected else error,
                )
            self.is_warm = False
            self._state.distrust()
            await asyncio.sleep(self._pace.retry)

    async def _cycle(self) -> None:
        state, caught_up, pace = self._state, False, self._pace
        sweep = Sweep(
            state,
            self._lease.step,
            ports=self._ports,
            rules=self._rules,
            models=self._models,
            metrics=self._metrics,
            pace=pace,
        )
        due_looks = DueLooks(state, clock=self._ports.clock, store=self._ports.state, models=self._models, pace=pace)
        checked_at = time.monotonic()
        came_at, events_come = -math.inf, False
        while True:
            rest = pace.rest(events_come=events_come) if sweep.under_way else pace.idle
            if runs := await self._inbox.wait(rest):
                await self.work_off(runs)
                came_at = time.monotonic()
            if self._assigned > self._heard:
                await self._read_on()
            if not caught_up and self._ports.clock.now(self.number) > 0:
                await state.flush_caught_up()
                caught_up = True
            events_come = time.monotonic() - came_at < pace.quiet
            await sweep.step(events_come=events_come)
            await due_looks.step(events_come=events_come)
            if time.monotonic() - checked_at > pace.health_check:
                checked_at = time.monotonic()
                await self._check_health()

    async def _check_health(self) -> None:
        """Check that the lease holds and that no run is missing.

        Raises `FlushRefusedError` and `MissingRunError`.
        """
        with suppress(StoreUnavailableError):
            if not await self._lease.is_current():
                raise FlushRefusedError("the store has another owner or flush number")
        self._sequence.check(INPUT_TOPICS, inbox_empty=self._inbox.is_empty)

    async def work_off(self, runs: Sequence[RecordBatch]) -> None:
        """Take these runs through the path, and flush them together."""
        accepted = [run for run in runs if self._sequence.accepts(run)]
        for run in accepted:
            report_gap(run, self._lease.checkpoint.get(run.topic), self._metrics)
        if self._quarantine.is_searching:
            for run in accepted:
                for piece in self._quarantine.pieces(run):
                    await self._flush_together([piece])
        elif accepted:
            await self._flush_together(accepted)

    async def _flush_together(self, runs: Sequence[RecordBatch]) -> None:
        state, absorbed, quarantine = self._state, Absorbed(), self._quarantine
        checkpoint = state.checkpoint()
        quarantine.begin(runs)
        with self._shared_cycle.coming():
            with self._metrics.steps.labels(stage="take").time():
                for run in runs:
                    kept, set_aside = quarantine.sift(run)
                    if kept.records:
                        await state.take(kept, absorbed)
                    if set_aside:
                        state.reject(set_aside, run, absorbed)
                    checkpoint[run.topic] = max(checkpoint.get(run.topic, 0), run.next_offset)
            self._advance_clock(absorbed, checkpoint)
        decided = await state.absorb_and_decide(absorbed)
        for topic, seen in absorbed.seen.items():
            self._shares[topic].add(seen, absorbed.rejected[topic])
        if absorbed.dead_letters:
            # Before the checkpoint passes them: after it, nobody would read the rejected records again.
            self.signs.begin_wait("dead_letters")
            await self._ports.sink.send(absorbed.dead_letters)
        self.signs.end_wait("dead_letters")
        await state.flush(decided, checkpoint, absorbed)
        quarantine.passed()
        for run in runs:
            quarantine.release(run.topic, run.next_offset)
        state.evict(self._row_limit.per_partition)

    def _advance_clock(self, absorbed: Absorbed, checkpoint: Mapping[str, int]) -> None:
        behind = self._ports.reader.behind(self.number, checkpoint)
        outliers = self._ports.clock.advance(self.number, absorbed.times, behind)
        report_outliers(outliers, self._ports.clock.now(self.number), self.number, self._metrics)
        for seen_times in absorbed.times:
            self._lease.step.absorbed(seen_times.times, self._ports.clock.now(self.number))
        if absorbed.history_ended and self._models.lacks_segments:
            self._lease.step.end_history()

    def _note_failure(self, error: Exception) -> None:
        """Let the quarantine search for the record behind the error."""
        if (found := self._quarantine.failed(error)) is not None:
            topic, offset = found
            log.error(
                "%s, partition %d, offset %d raises %s whenever it is taken: it goes to dead letters",
                topic,
                self.number,
                offset,
                type(error).__name__,
            )

    # -- reset -------------------------------------------------------------------------------------------------

    async def _start(self) -> None:
        """Keep the rows if the store agrees with them, else reset; then read on from the checkpoint."""
        assigned = self._assigned
        if not (self._state.is_flushed and self.relay.is_idle and await self._lease.is_current()):
            if assigned == self._heard:
                await self._lease.yield_to_newer()
                self._metrics.resets.labels(partition=str(self.number)).inc()
            self.signs.begin_wait("takeover")
            await self._reset()
            self.signs.end_wait("takeover")
        self._heard = assigned
        self._quarantine.begin(())
        self._relay_task = asyncio.create_task(self.relay.run(), name=f"relay-{self.number}")
        self._rewind()

    async def _read_on(self) -> None:
        """Continue after a rebalance: rows, lease, sweep and relay stay, as nobody else wrote the partition.

        Raises `FlushRefusedError` if somebody did, and `StoreUnavailableError`.
        """
        assigned = self._assigned
        if not await self._lease.is_current():
            raise FlushRefusedError("the store has another owner or flush number")
        self._heard = assigned
        self._rewind()

    def _rewind(self) -> None:
        checkpoint = self._lease.checkpoint
        self._ports.reader.rewind({(topic, self.number): checkpoint.get(topic) for topic in INPUT_TOPICS})

    async def _reset(self) -> None:
        """Forget, claim, and only then learn where to read on and what is still to be delivered."""
        await end(self._relay_task)
        self._inbox.empty()
        self._state = self._new_state()
        await self._lease.claim()
        await self._state.restore()

    async def _halt(self) -> None:
        await end(self._task, self._relay_task)
        self._task = self._relay_task = None
