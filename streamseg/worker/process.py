"""A worker process from start to graceful stop."""

import asyncio
import gc
import logging
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.logs import QUIET, OutageLog
from streamseg.metrics import Metrics
from streamseg.ports import RunStream, WorkerReports
from streamseg.tasks import within
from streamseg.worker.assignment import Assignment
from streamseg.worker.health import Health
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.open_transactions import OpenTransactions
from streamseg.worker.own_report import OwnReport
from streamseg.worker.pace import PRODUCTION, Pace
from streamseg.worker.stop_signal import StopSignal

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

YOUNG_OBJECTS = 50_000
"""Allocations between two garbage collections: records and rows of a run are freed without one. At Python's default of
700, collections take 7 % of a loaded worker's time; at 10,000 still 4 %."""
SWITCH_SECONDS = 0.001
"""After how long a thread may take over. The thread that fetches has little to do, and does it in many small steps: at
Python's default of 5 ms it waits for the partitions before each."""
FINISH_SLACK_SECONDS = 1.0
"""Beyond `Pace.finish`, for the tasks that are cancelled then."""
WATCH_SECONDS = 0.2
BEAT_SECONDS = 1.0


class WorkerProcess:
    """Runs the stream with its partitions until a signal, or an error that only a person can fix.

    Args:
        stream: reads the topics.
        assignment: takes what the stream reads.
        models: checked at the start, then kept current.
        stop: set by signals and by failures of the partitions.
        metrics: of this process.
        checks: run before the start; each may raise.
        closing: clients to close at the end.
        beside: what runs for ever beside the stream.
        owner: name of this worker in the store.
        reports: where it reports itself for `streamseg status`.
        probe_seconds: between two probes of a partition, 0 for none.
        health: told that the event loop comes round, and that the worker stops.
        pace: waits and intervals.
    """

    def __init__(
        self,
        *,
        stream: RunStream,
        assignment: Assignment,
        models: ModelCache,
        stop: StopSignal,
        metrics: Metrics,
        checks: Sequence[Callable[[], Awaitable[None]]],
        closing: Sequence[Callable[[], Coroutine[Any, Any, None]]],
        owner: str,
        reports: WorkerReports,
        probe_seconds: float,
        health: Health,
        beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
        pace: Pace = PRODUCTION,
    ) -> None:
        self._stream = stream
        self._assignment = assignment
        self._models = models
        self._stop = stop
        self._metrics = metrics
        self._checks = checks
        self._closing = closing
        self._beside = beside
        self._health = health
        self._transactions = OpenTransactions(metrics)
        self._report = OwnReport(owner, assignment, self._transactions, reports, pace, probe_seconds=probe_seconds)
        self._pace = pace

    async def run(self) -> None:
        """Work until stopped. Raises what `checks` raise, and the error that stopped the worker."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.stop)
        background = [asyncio.create_task(self._beat())]
        try:
            for check in (*self._checks, self._models.check):
                await once_available(check, self._pace)
            await self._start_stream()
            if not self._stop.is_set:
                background += [
                    self._watched(run())
                    for run in (self._models.watch, self._gauge, self._watch_stream, self._report.repeat, *self._beside)
                ]
                # Objects of the start-up live until the end: collecting them would delay lookups by tens of ms.
                gc.collect()
                gc.freeze()
                gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
                sys.setswitchinterval(SWITCH_SECONDS)
                log.info("worker is up")
            await self._stop.wait()
        finally:
            for task in background:
                task.cancel()
            await self._shut_down()
        if self._stop.failure is not None:
            raise self._stop.failure

    async def _start_stream(self) -> None:
        """Join the group; a signal ends the wait for a broker that went away meanwhile."""
        starting = asyncio.create_task(self._stream.start(self._assignment))
        stopping = asyncio.create_task(self._stop.wait())
        await asyncio.wait((starting, stopping), return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if starting.done():
            starting.result()
        else:
            _silence_libraries()  # a connection that is being made is not closed, and says so
            starting.cancel()

    async def _shut_down(self) -> None:
        """Flush, commit, leave the group."""
        log.info("worker stops")
        self._health.stop()
        pace = self._pace
        await within(pace.finish + FINISH_SLACK_SECONDS, self._assignment.finish(pace.finish))
        _silence_libraries()
        threading.excepthook = lambda crash: log.debug("a thread ended with %s", crash.exc_type.__name__)
        # The checkpoints are in the store; Kafka's copy is a courtesy to tools that show the lag.
        await within(pace.commit, self._stream.commit())
        await within(pace.leave, self._stream.stop())
        for close in self._closing:
            await within(pace.close / len(self._closing), close())

    def _watched(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start work that never ends. An error in it stops the worker: its gauges would stand still unseen."""
        task = asyncio.create_task(work)
        task.add_done_callback(self._note_end)
        return task

    def _note_end(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None and not self._stop.is_set:
            log.error("a task of the worker ended", exc_info=error)
            self._stop.fail(StreamsegError(f"a task of the worker ended: {type(error).__name__}"))

    async def _watch_stream(self) -> None:
        while (reason := self._stream.crashed()) is None:
            await asyncio.sleep(WATCH_SECONDS)
        if not self._stop.is_set:
            self._stop.fail(StreamsegError(f"the stream crashed: {reason}"))

    async def _beat(self) -> None:
        while True:
            self._health.beat()
            await asyncio.sleep(BEAT_SECONDS)

    async def _gauge(self) -> None:
        while True:
            self._assignment.gauge(self._metrics, self._stream.backlog())
            self._transactions.note(self._stream.held_back())
            await asyncio.sleep(self._pace.gauges)


def _silence_libraries() -> None:
    """Let libraries log nothing: those that end while their broker is away do so at length, and nobody needs it."""
    for library in QUIET:
        logging.getLogger(library).setLevel(logging.CRITICAL + 1)


async def once_available(ask: Callable[[], Awaitable[Answer]], pace: Pace = PRODUCTION) -> Answer:
    """Ask the store, again while it is away, for at most `pace.start_limit` seconds.

    Raises what `ask` raises; `StoreUnavailableError` only at the end.
    """
    until, outage = time.monotonic() + pace.start_limit, OutageLog(log, "the start", "the store")
    while True:
        try:
            answer = await ask()
        except StoreUnavailableError as error:
            if time.monotonic() > until:
                raise
            outage.waits(error)
        else:
            outage.over()
            return answer
        await asyncio.sleep(pace.retry)
