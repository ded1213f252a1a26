"""Reports of workers in memory."""

import time
from collections.abc import Callable, Sequence

from streamseg.ports import WorkerReport


class MemoryWorkerReports:
    """`WorkerReports` in memory. `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._reports: dict[str, tuple[float, WorkerReport]] = {}

    async def put(self, report: WorkerReport, ttl_seconds: int) -> None:
        """See the port."""
        self._reports[report.owner] = self._clock() + ttl_seconds, report

    async def read(self, owners: Sequence[str]) -> dict[str, WorkerReport]:
        """See the port."""
        now = self._clock()
        found = {owner: self._reports[owner] for owner in owners if owner in self._reports}
        return {owner: report for owner, (until, report) in found.items() if now < until}
