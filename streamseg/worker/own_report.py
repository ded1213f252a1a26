"""Reports this worker to the store every few seconds: what it owns and what it waits for, for `streamseg status`."""

import asyncio
import logging
import time
from importlib.metadata import version
from typing import Final

from streamseg.errors import StoreLoginError, StoreUnavailableError
from streamseg.logs import KAFKA_OUTAGE, OutageLog
from streamseg.ports import Wait, WorkerReport, WorkerReports
from streamseg.worker.assignment import Assignment
from streamseg.worker.open_transactions import OpenTransactions
from streamseg.worker.pace import Pace

log = logging.getLogger(__name__)

REPORTS_KEPT: Final = 4
"""A report is gone after this many intervals, so three may be lost."""


class OwnReport:
    """The report of one worker.

    Args:
        owner: name of this worker in the store.
        assignment: its partitions.
        transactions: open ones of producers.
        reports: where to.
        pace: how often.
        probe_seconds: between two probes of a partition, 0 for none.
    """

    def __init__(
        self,
        owner: str,
        assignment: Assignment,
        transactions: OpenTransactions,
        reports: WorkerReports,
        pace: Pace,
        *,
        probe_seconds: float = 0.0,
    ) -> None:
        self._owner = owner
        self._assignment = assignment
        self._transactions = transactions
        self._reports = reports
        self._interval = pace.report
        self._probe_seconds = probe_seconds
        self._started_at = time.time()
        self._refusal = OutageLog(log, "the report for `streamseg status`", "Redis")

    def written(self) -> WorkerReport:
        """Return the report of this moment."""
        kafka = KAFKA_OUTAGE.seconds
        waits = [] if kafka is None else [Wait(None, "Kafka", kafka)]
        return WorkerReport(
            self._owner,
            version("streamseg"),
            self._started_at,
            time.time(),
            self._assignment.trains,
            self._assignment.reports(),
            (*waits, *self._assignment.waits(), *self._transactions.waits()),
            self._probe_seconds,
        )

    async def repeat(self) -> None:
        """Report for ever. A report that is lost costs nothing: the next one says the same."""
        while True:
            try:
                await self._reports.put(self.written(), max(1, round(REPORTS_KEPT * self._interval)))
            except StoreLoginError as error:
                self._refusal.waits(error)
            except StoreUnavailableError:
                pass  # partitions log that the store is away
            else:
                self._refusal.over()
            await asyncio.sleep(self._interval)
