"""Sets the gauges of the partitions that a worker owns; those of partitions that have left are removed."""

from collections import Counter
from collections.abc import Mapping

from streamseg.clustering.identity import segmentation_of
from streamseg.metrics import Metrics
from streamseg.worker.partition.actor import Partition
from streamseg.worker.partition.signs import REASONS

Place = tuple[str, int]
"""Topic and partition."""


class PartitionGauges:
    """Knows when each topic partition was last caught up with, which bounds the age of what was not read since."""

    def __init__(self) -> None:
        self._caught_up_at: dict[Place, float] = {}

    def show(self, metrics: Metrics, owned: Mapping[int, Partition], backlog: Mapping[Place, int], now: float) -> None:
        """Set the gauges.

        Args:
            metrics: of this process.
            owned: the partitions of this worker.
            backlog: uncommitted records by (topic, partition).
            now: wall time, epoch seconds.
        """
        metrics.replace(metrics.lag, {_labels(place): records for place, records in backlog.items()})
        metrics.replace(metrics.lag_seconds, self._ages(owned, backlog, now))
        metrics.partitions.set(len(owned))
        metrics.rows_in_memory.set(sum(partition.rows_in_memory for partition in owned.values()))
        members: Counter[str] = Counter()
        for one in owned.values():
            members.update(one.sizes)
        metrics.replace(
            metrics.segment_members,
            {(segmentation_of(segment), segment): count for segment, count in members.items()},
        )
        signs = {str(number): one.signs for number, one in owned.items()}
        metrics.replace(
            metrics.probe_timestamp,
            {(stage, number): at for number, one in signs.items() for stage, at in one.probes.items()},
        )
        metrics.replace(
            metrics.waiting,
            {(number, reason): one.waits_for(reason) for number, one in signs.items() for reason in REASONS},
        )
        metrics.replace(metrics.outbox, {(number,): one.outbox_flushes for number, one in signs.items()})
        metrics.replace(
            metrics.checkpoint_timestamp,
            {(number,): one.delivered_at for number, one in signs.items() if one.delivered_at},
        )
        metrics.replace(
            metrics.oldest_membership,
            {(number,): one.oldest_membership for number, one in signs.items() if one.oldest_membership is not None},
        )

    def _ages(
        self, owned: Mapping[int, Partition], backlog: Mapping[Place, int], now: float
    ) -> dict[tuple[str, ...], float]:
        """Return how old the oldest uncommitted record may be, by topic and partition; none where it is unknown.

        It was appended after the last delivered record, and after the partition was last caught up with.
        """
        ages: dict[tuple[str, ...], float] = {}
        caught_up_at = {}
        for place, records in backlog.items():
            topic, number = place
            if not records:
                caught_up_at[place] = now
                ages[_labels(place)] = 0.0
                continue
            delivered = owned[number].signs.read_until.get(topic, 0.0) if number in owned else 0.0
            since = max(delivered, self._caught_up_at.get(place, 0.0))
            if place in self._caught_up_at:
                caught_up_at[place] = self._caught_up_at[place]
            if since:
                ages[_labels(place)] = max(0.0, now - since)
        self._caught_up_at = caught_up_at
        return ages


def _labels(place: Place) -> tuple[str, str]:
    topic, number = place
    return topic, str(number)
