"""Says, in logs and metrics, that a partition waits for the store: once, then once a minute, and when it goes on."""

import logging
import time

from streamseg.errors import StoreUnavailableError
from streamseg.logs import REMINDER_SECONDS
from streamseg.metrics import Metrics

log = logging.getLogger(__name__)


class Outage:
    """The waiting of one partition. Meanwhile it takes no runs, and memory holds what it held."""

    def __init__(self, partition: int, metrics: Metrics) -> None:
        self._partition = partition
        self._metrics = metrics
        self._since: float | None = None
        self._said_at = 0.0

    def waits(self, error: StoreUnavailableError, operation: str) -> None:
        """The store did not answer."""
        now = time.monotonic()
        self._metrics.store_errors.labels(operation=operation).inc()
        if self._since is None:
            self._since = self._said_at = now
            self._metrics.paused.labels(partition=str(self._partition)).set(1)
            log.warning("partition %d waits for the store: %s", self._partition, error)
        elif now - self._said_at >= REMINDER_SECONDS:
            self._said_at = now
            log.warning("partition %d has waited for the store for %.0f s", self._partition, now - self._since)

    def goes_on(self) -> None:
        """The store answers."""
        if self._since is not None:
            log.info("partition %d goes on after %.1f s", self._partition, time.monotonic() - self._since)
        self.ends()

    def ends(self) -> None:
        """There is nothing to wait for any more."""
        self._since = None
        self._metrics.paused.labels(partition=str(self._partition)).set(0)
