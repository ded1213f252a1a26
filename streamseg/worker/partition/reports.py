"""Reports what a partition notices in the records that it reads."""

import logging
from collections.abc import Sequence

from streamseg.events.record import RecordBatch
from streamseg.metrics import Metrics
from streamseg.pipeline.event_time import SUPPORT
from streamseg.time_units import DAY_SECONDS

log = logging.getLogger(__name__)


def report_gap(run: RecordBatch, checkpoint: int | None, metrics: Metrics) -> None:
    """Report when the log begins after the checkpoint: retention has removed records that were not read.

    Args:
        run: which begins a session, or does not count.
        checkpoint: next offset of the run's topic; None if nothing was read yet.
        metrics: of this process.
    """
    first = run.start
    if run.number == 0 and checkpoint is not None and first > checkpoint:
        log.error(
            "%s, partition %d: offsets %d to %d were not read yet and are no longer in the log: they are lost "
            "(keep the log for longer than an outage may last)",
            run.topic,
            run.partition,
            checkpoint,
            first - 1,
        )
        metrics.missed.labels(topic=run.topic).inc(first - checkpoint)


def report_outliers(times: Sequence[float], now: float, partition: int, metrics: Metrics) -> None:
    """Report event times that lie too far ahead of the others to move the clock.

    Args:
        times: of the outliers, epoch seconds.
        now: the clock, epoch seconds; 0 before it has started.
        partition: that they are in.
        metrics: of this process.
    """
    if not times:
        return
    metrics.time_outliers.inc(len(times))
    if now > 0:
        log.warning(
            "partition %d: %d events lie up to %.0f days ahead of all others; the clock waits for %d such records",
            partition,
            len(times),
            (max(times) - now) / DAY_SECONDS,
            SUPPORT,
        )
