"""Reports that a partition waits for the store: in the log at once, then once a minute, and in a metric."""

import logging
import time

from streamseg.errors import StoreUnavailableError
from streamseg.logs import REMINDER_SECONDS
from streamseg.metrics import Metrics

log = logging.getLogger(__name__)


class Outage:
    """One partition's waiting for the store. Meanwhile it takes no runs and keeps its rows."""

    def __init__(self, partition: int, metrics: Metrics) -> None:
        self._partition = partition
        self._metrics = metrics
        self._since: float | None = None
        self._logged_at = 0.0

    def waits(self, error: StoreUnavailableError, operation: str) -> None:
        """Report that the store did not answer an operation."""
        now = time.monotonic()
        self._metrics.store_errors.labels(operation=operation).inc()
        if self._since is None:
            self._since = self._logged_at = now
            self._metrics.paused.labels(partition=str(self._partition)).set(1)
            log.warning("partition %d waits for the store: %s", self._partition, error)
        elif now - self._logged_at >= REMINDER_SECONDS:
            self._logged_at = now
            log.warning("partition %d has waited for the store for %.0f s", self._partition, now - self._since)

    def over(self) -> None:
        """Report that the store answers again."""
        if self._since is not None:
            log.info("partition %d continues after %.1f s", self._partition, time.monotonic() - self._since)
        self.end()

    def end(self) -> None:
        """Stop reporting, also when the partition is closed during an outage."""
        self._since = None
        self._metrics.paused.labels(partition=str(self._partition)).set(0)
