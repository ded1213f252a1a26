"""Reports that a partition waits for the store: in the log at once, then once a minute, and in a metric."""

import logging

from streamseg.errors import StoreUnavailableError
from streamseg.logs import OutageLog
from streamseg.metrics import Metrics
from streamseg.worker.partition.signs import Signs

log = logging.getLogger(__name__)


class Outage:
    """One partition's waiting for the store. Meanwhile it takes no runs and keeps its rows."""

    def __init__(self, partition: int, metrics: Metrics, signs: Signs) -> None:
        self._signs = signs
        self._metrics = metrics
        self._log = OutageLog(log, f"partition {partition}", "the store")

    def waits(self, error: StoreUnavailableError, operation: str) -> None:
        """Report that the store did not answer an operation."""
        self._metrics.store_errors.labels(operation=operation).inc()
        self._signs.begin_wait("store")
        self._log.waits(error)

    def over(self) -> None:
        """Report that the store answers again."""
        self._log.over()
        self.end()

    def end(self) -> None:
        """Stop reporting, also when the partition is closed during an outage."""
        self._log.end()
        self._signs.end_wait("store")
