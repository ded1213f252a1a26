"""The runs that wait for a partition or for the trainer (DESIGN.md, Reading in runs)."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final

from streamseg.events.record import RecordBatch
from streamseg.ports import Reader

WAITING_RUNS: Final = 8
"""Runs that wait while others are worked off. While there are so many, the reader polls no further ones.

With 2, a worker on a backlog waited for polls: 17,000 to 19,000 events/s, with 8 30,000 (DESIGN.md, Reading in runs).
"""


class Inbox:
    """Takes runs without ever making their bringer wait: a full inbox shows in `has_room`, which the reader asks.

    Args:
        reader: brings the runs, and hears at once of new room.
        waited: is told how long each run has waited, in seconds.
    """

    def __init__(self, reader: Reader, waited: Callable[[float], Any] = lambda _: None) -> None:
        self._reader = reader
        self._waited = waited
        self._runs: asyncio.Queue[tuple[float, RecordBatch | None]] = asyncio.Queue()
        """When each came, and the run; None ends a wait and is no run."""

    @property
    def has_room(self) -> bool:
        """Whether a run may come. Read by the thread that polls."""
        return self.waiting < WAITING_RUNS

    @property
    def waiting(self) -> int:
        """Number of runs that wait."""
        return self._runs.qsize()

    @property
    def is_empty(self) -> bool:
        """Whether no run waits."""
        return self._runs.empty()

    def put(self, run: RecordBatch) -> None:
        """Take a run, also one that was polled before the inbox was full."""
        self._runs.put_nowait((time.perf_counter(), run))

    def end_wait(self) -> None:
        """Let `wait` return at once."""
        self._runs.put_nowait((time.perf_counter(), None))

    async def wait(self, seconds: float) -> list[RecordBatch]:
        """Return all runs that wait, after at most `seconds` without one; none after `end_wait`."""
        try:
            async with asyncio.timeout(seconds):
                first = await self._runs.get()
        except TimeoutError:
            return []
        return self._given([first, *self._all()])

    def empty(self) -> list[RecordBatch]:
        """Return all runs that wait, without waiting for one."""
        return self._given(self._all())

    def _all(self) -> list[tuple[float, RecordBatch | None]]:
        waiting = [self._runs.get_nowait() for _ in range(self._runs.qsize())]
        if waiting:
            self._reader.wake()
        return waiting

    def _given(self, waiting: list[tuple[float, RecordBatch | None]]) -> list[RecordBatch]:
        now, runs = time.perf_counter(), []
        for came, run in waiting:
            if run is not None:
                self._waited(now - came)
                runs.append(run)
        return runs
