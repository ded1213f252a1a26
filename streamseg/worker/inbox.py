"""The runs that wait for a partition or for the trainer (DESIGN.md, Reading in runs)."""

import asyncio
from typing import Final

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
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._runs: asyncio.Queue[RecordBatch | None] = asyncio.Queue()
        """None ends a wait and is no run."""

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
        self._runs.put_nowait(run)

    def end_wait(self) -> None:
        """Let `wait` return at once."""
        self._runs.put_nowait(None)

    async def wait(self, seconds: float) -> list[RecordBatch]:
        """Return all runs that wait, after at most `seconds` without one; none after `end_wait`."""
        try:
            async with asyncio.timeout(seconds):
                first = await self._runs.get()
        except TimeoutError:
            return []
        rest = self.empty()
        return rest if first is None else [first, *rest]

    def empty(self) -> list[RecordBatch]:
        """Return all runs that wait, without waiting for one."""
        runs = [self._runs.get_nowait() for _ in range(self._runs.qsize())]
        if runs:
            self._reader.wake()
        return [run for run in runs if run is not None]
