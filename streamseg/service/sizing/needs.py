"""Computes what a load needs. Rules of thumb are constants with their reason; all else is measured."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

from streamseg.service.sizing.figures import Measured, Prices
from streamseg.time_units import DAY_SECONDS

BUSY: Final = 0.6
"""Share of a core in use at the peak; the rest is for failures and catching up."""
PEAK: Final = 3.0
"""Events of a shop's busiest hour, as a multiple of its average hour."""
FILLED: Final = 0.7
"""Share of a Redis server's memory in use: a rewrite of its file copies pages, and memory fragments."""
PARTITIONS_PER_WORKER: Final = 3
"""So that twice as many workers still share them evenly, and one that fails burdens several others a little."""
PARTITIONS_PER_SHARD: Final = 8
"""All keys of a partition lie in one slot, so few partitions on a shard would fill it unevenly."""
LEAST_PARTITIONS: Final = 8
ROUNDED_TO: Final = 8
KAFKA_REPLICAS: Final = 3
REDIS_REPLICAS: Final = 2
"""Each Redis server and its replica."""
RETENTION_DAYS: Final = 7.0
"""Of clicks, which are nearly all events."""
GIB: Final = 2.0**30
SECONDS_PER_MONTH: Final = 30.44 * DAY_SECONDS


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked for. `events_per_second` is that of the busiest time; `rows_in_memory` of one worker."""

    customers: float
    events_per_second: float
    bound_seconds: float
    redelivery_seconds: float
    rows_in_memory: float


@dataclass(frozen=True, slots=True)
class Sizing:
    """What the load needs on a single Redis server, or on a Cluster. Bytes; rates are those of the busiest time."""

    cluster: bool
    fits: bool
    """False when a single server is not enough; the figures say by how much."""
    workers: int
    partitions: int
    worker_bytes: int
    """Memory of each worker."""
    redis_shards: int
    redis_cores: float
    """In use, of all shards together, without replicas."""
    redis_bytes: int
    """Memory of each shard's machine."""
    kafka_cores: float
    """Of all brokers together."""
    kafka_disk_bytes: int
    events_bytes_per_second: int
    """From producers to Kafka; workers read as many."""
    redis_bytes_per_second: int
    """From workers to Redis."""
    monthly: dict[str, float]
    """By what is paid for, and `total`."""

    def as_json(self) -> dict[str, Any]:
        """Return names and values of `streamseg size --json`."""
        rounded = {name: round(value, 2) for name, value in self.monthly.items()}
        return (
            asdict(self)
            | {"monthly": rounded}
            | {name: round(getattr(self, name), 2) for name in ("redis_cores", "kafka_cores")}
        )


def sizing(load: Load, measured: Measured, prices: Prices, *, cluster: bool) -> Sizing:
    """Compute what the load needs."""
    strings = _strings_per_second(load, measured)
    workers = _workers(load, measured, strings, cluster=cluster)
    redis_us = load.events_per_second * measured.redis_us_per_event
    if cluster:
        redis_us += strings * (measured.cluster_redis_us_per_string - measured.redis_us_per_string)
    redis_cores = redis_us / 1e6
    stored = _stored_bytes(load, measured, strings)
    by_cpu = math.ceil(redis_cores / BUSY)
    by_memory = math.ceil(stored / (prices.shard_gib * GIB))
    shards = max(1, by_cpu, by_memory) if cluster else 1
    partitions = max(LEAST_PARTITIONS, PARTITIONS_PER_WORKER * workers, PARTITIONS_PER_SHARD * shards if cluster else 0)
    incoming = load.events_per_second * measured.record_bytes
    rows = min(load.rows_in_memory, load.customers / workers)
    one = Sizing(
        cluster=cluster,
        fits=cluster or max(by_cpu, by_memory) <= 1,
        workers=workers,
        partitions=math.ceil(partitions / ROUNDED_TO) * ROUNDED_TO,
        worker_bytes=math.ceil(measured.worker_bytes + rows * measured.worker_bytes_per_row),
        redis_shards=shards,
        redis_cores=redis_cores,
        redis_bytes=math.ceil(stored / shards),
        kafka_cores=KAFKA_REPLICAS * load.events_per_second * measured.kafka_us_per_event / 1e6 / BUSY,
        kafka_disk_bytes=math.ceil(KAFKA_REPLICAS * incoming / PEAK * RETENTION_DAYS * DAY_SECONDS),
        events_bytes_per_second=math.ceil(incoming),
        redis_bytes_per_second=math.ceil(load.events_per_second * measured.row_bytes + strings * measured.string_bytes),
        monthly={},
    )
    return _priced(one, prices)


def _strings_per_second(load: Load, measured: Measured) -> float:
    """A string is written when its content changes, and again when it is older than half of the bound."""
    return load.events_per_second * measured.strings_per_event + load.customers / (load.bound_seconds / 2)


def _workers(load: Load, measured: Measured, strings: float, *, cluster: bool) -> int:
    """Workers of one core. Their rows in memory bound the misses, so their number is found step by step."""
    per_second = load.events_per_second * measured.worker_us_per_event
    per_second += load.customers / (load.bound_seconds / 4) * measured.worker_us_per_swept_row
    if cluster:
        per_second += strings * (measured.cluster_worker_us_per_string - measured.worker_us_per_string)
    workers = max(1, math.ceil(per_second / 1e6 / BUSY))
    while True:
        missed = max(0.0, 1.0 - workers * load.rows_in_memory / load.customers)
        misses_us = missed * load.events_per_second * measured.worker_us_per_miss
        wanted = max(1, math.ceil((per_second + misses_us) / 1e6 / BUSY))
        if wanted <= workers:
            return workers
        workers += 1


def _stored_bytes(load: Load, measured: Measured, strings: float) -> float:
    """Memory of all Redis servers without replicas: customers, and the outbox of the redelivery window."""
    outbox = strings * load.redelivery_seconds * measured.string_bytes
    return (load.customers * measured.redis_bytes_per_customer + outbox) / FILLED


def _priced(one: Sizing, prices: Prices) -> Sizing:
    redis = one.redis_shards * REDIS_REPLICAS
    crossing = one.events_bytes_per_second * KAFKA_REPLICAS + one.redis_bytes_per_second * REDIS_REPLICAS
    monthly = {
        "workers": one.workers * (prices.core + one.worker_bytes / GIB * prices.gib_memory),
        "redis": redis * (prices.core + one.redis_bytes / GIB * prices.gib_memory),
        "kafka": max(KAFKA_REPLICAS, one.kafka_cores) * prices.core + one.kafka_disk_bytes / GIB * prices.gib_disk,
        "traffic": crossing / PEAK * SECONDS_PER_MONTH / GIB * prices.gib_traffic,
    }
    values = asdict(one) | {"monthly": monthly | {"total": sum(monthly.values())}}
    return Sizing(**values)
