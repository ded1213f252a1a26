"""Reports what a partition notices in the records that it reads."""

import logging
from collections import Counter
from collections.abc import Sequence

from streamseg.events.record import RecordBatch
from streamseg.features.update import Absorbed
from streamseg.membership.types import OutboxEntry
from streamseg.metrics import Metrics
from streamseg.pipeline import Taken
from streamseg.pipeline.event_time import SUPPORT
from streamseg.time_units import DAY_SECONDS
from streamseg.topics import INPUT_TOPICS

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


def report_taken(run: RecordBatch, taken: Taken, metrics: Metrics) -> None:
    """Count the records of a decoded run, and the fields that were adjusted in it."""
    metrics.records.labels(topic=run.topic).inc(len(run.records) - len(taken.probes))
    for name, count in taken.adjusted.items():
        metrics.adjusted.labels(field=name).inc(count)


def report_absorbed(parts: Sequence[tuple[int, Absorbed]], metrics: Metrics) -> None:
    """Count the events of parts of runs, each given with its source, by what became of them."""
    for source, part in parts:
        topic = INPUT_TOPICS[source]
        metrics.events.labels(topic=topic).inc(int(part.mask.sum()))
        metrics.duplicates.labels(topic=topic).inc(part.duplicates)
        metrics.replayed.labels(topic=topic).inc(part.replayed)
        if part.adjusted:
            metrics.adjusted.labels(field="traits").inc(part.adjusted)


def report_moves(entries: Sequence[OutboxEntry], metrics: Metrics) -> None:
    """Count the changes that were decided, by segmentation and kind."""
    moves = Counter((change.segmentation, change.change) for entry in entries for change in entry.changes)
    for labels, count in moves.items():
        metrics.moves.labels(*labels).inc(count)
