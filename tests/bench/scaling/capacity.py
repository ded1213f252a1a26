"""Calculate the cores that a number of events a day needs, from the measured cost of one event."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from streamseg.time_units import DAY_SECONDS

PEAK: Final = 3.0
"""Events of a shop's busiest hour, as a multiple of its average hour."""
BUSY: Final = 0.6
"""Share of a core in use at the peak; the rest is for failures and catching up."""


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds per event of each process, and bytes per record."""

    worker: float
    redis: float
    kafka: float
    record_bytes: float


def needed(events_per_day: float, cost: Cost) -> dict[str, Any]:
    """Whole cores needed at a peak of `PEAK` times the average, with a share of `BUSY` of each core in use.

    A worker process uses one core. So does a Redis server, so its cores are shards of a Cluster: all keys of a
    partition share a slot, and partitions spread over the shards. Kafka's numbers are without replication; multiply
    bytes and cores by the number of replicas.
    """
    average = events_per_day / DAY_SECONDS
    peak = average * PEAK
    return {
        "events_per_day": events_per_day,
        "average_events_per_second": round(average, 1),
        "peak_events_per_second": round(peak, 1),
        "peak_over_average": PEAK,
        "share_of_a_core_in_use": BUSY,
        "workers": math.ceil(peak * cost.worker / BUSY),
        "redis_shards": math.ceil(peak * cost.redis / BUSY),
        "kafka_cores": math.ceil(peak * cost.kafka / BUSY),
        "kafka_bytes_per_second_at_peak": round(peak * cost.record_bytes),
        "kafka_bytes_per_day": round(events_per_day * cost.record_bytes),
        "cost": {name: round(value, 9) for name, value in asdict(cost).items()},
    }
