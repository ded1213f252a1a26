"""A worker process from start to graceful stop."""

import asyncio
import gc
import logging
import signal
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from streamseg.errors import StoreUnavailableError, StreamsegError
from streamseg.logs import QUIET
from streamseg.metrics import Metrics
from streamseg.worker.assignment import GRACE_SECONDS, Assignment
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.tasks import within

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

GAUGE_INTERVAL_SECONDS = 2.0
YOUNG_OBJECTS = 50_000
"""Made before the collector looks at them: a run's records and rows die by themselves. At Python's 700 it takes 7 % of
a loaded worker's time, at 10,000 still 4 %."""
START_PATIENCE_SECONDS = 15.0
"""How long a store that is away may hold up the start; Kafka has as long (`admin.TIMEOUT_SECONDS`)."""
RETRY_SECONDS = 0.25
FINISH_SECONDS = GRACE_SECONDS + 1.0
COMMIT_SECONDS = 1.0
LEAVE_SECONDS = 1.25
CLOSE_SECONDS = 0.75
"""All of them together stay within the 10 s promised, even with a broker away."""


class Worker:
    """Runs the Faust app with its partitions until a signal or a failure that only a person can mend."""

    def __init__(
        self,
        *,
        app: Any,
        consumer_of: Callable[[Any], Any],
        partitions: Assignment,
        models: ModelCache,
        metrics: Metrics,
        checks: Sequence[Callable[[], Awaitable[None]]],
        closing: Sequence[Callable[[], Coroutine[Any, Any, None]]],
    ) -> None:
        self._app = app
        self._consumer_of = consumer_of
        self._partitions = partitions
        self._models = models
        self._metrics = metrics
        self._checks = checks
        self._closing = closing
        self._stop = asyncio.Event()
        self._failure: Exception | None = None

    def fail(self, error: Exception) -> None:
        """Stop because of this error, which `run` raises in the end."""
        self._failure = self._failure or error
        self._stop.set()

    async def run(self) -> None:
        """Work until stopped. Raises what `checks` raise, and the error that the worker failed with."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        background: list[asyncio.Task[None]] = []
        try:
            for check in (*self._checks, self._models.check):
                await once_there(check)
            await self._app.start()
            background = [
                asyncio.create_task(task) for task in (self._models.watch(), self._gauge(), self._watch_app())
            ]
            # What start-up made lives until the end: without it the collector holds up a lookup for tens of ms.
            gc.collect()
            gc.freeze()
            gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
            log.info("worker is up")
            await self._stop.wait()
        finally:
            for task in background:
                task.cancel()
            await self._shut_down()
        if self._failure is not None:
            raise self._failure

    async def _shut_down(self) -> None:
        """Flush, commit, leave the group."""
        log.info("worker stops")
        await within(FINISH_SECONDS, self._partitions.finish())
        # What is ended while its broker is away complains at length, and that is of no use any more.
        for library in QUIET:
            logging.getLogger(library).setLevel(logging.CRITICAL + 1)
        threading.excepthook = lambda crash: log.debug("a thread ended with %s", crash.exc_type.__name__)
        if self._app.started:
            # The checkpoints stand in the store; Kafka's copy is a courtesy.
            await within(COMMIT_SECONDS, self._consumer_of(self._app).commit())
            await within(LEAVE_SECONDS, self._app.stop())
        for close in self._closing:
            await within(CLOSE_SECONDS / len(self._closing), close())

    async def _watch_app(self) -> None:
        while not self._app.should_stop:
            await asyncio.sleep(0.2)
        if not self._stop.is_set():
            reason = getattr(self._app, "crash_reason", None)
            self.fail(StreamsegError(f"the stream broke off: {reason or 'no reason given'}"))

    async def _gauge(self) -> None:
        while True:
            self._partitions.gauge(self._metrics, self._consumer_of(self._app).backlog())
            await asyncio.sleep(GAUGE_INTERVAL_SECONDS)


async def once_there(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask the store, again while it is away. Raises what `ask` raises, `StoreUnavailableError` only in the end."""
    until = time.monotonic() + START_PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except StoreUnavailableError as error:
            if time.monotonic() > until:
                raise
            log.debug("the start waits for the store: %s", error)
        await asyncio.sleep(RETRY_SECONDS)
