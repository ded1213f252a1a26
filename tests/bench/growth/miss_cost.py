"""Measure what an event costs whose row is not in memory: the row is loaded from Redis, another one is evicted."""

import time
from pathlib import Path
from typing import Any, Final

from streamseg.embedded.child import free_port
from tests.bench.click_load import click
from tests.bench.growth.sweep_time import until_swept
from tests.bench.growth.worker_counters import counted
from tests.bench.process_usage import spent_until, wait
from tests.bench.testbed import Testbed
from tests.support.processes import worker

SHARE: Final = 10
SMALLEST_BOUND: Final = 1_000
EVICTIONS: Final = "streamseg_store_evictions"


def cost_of_a_miss(testbed: Testbed, customers: int, events: int) -> dict[str, Any]:
    """Compare a worker with room for all rows and one with room for a tenth; returns costs in CPU seconds.

    Customers come in a fixed order, one event per pass. The first pass fills the memory, the second is measured. In
    this order a memory that is too small has always evicted the next row already. Evictions are counted, so the cost
    is that of real misses.
    """
    cycled = min(customers, events)
    bound = max(SMALLEST_BOUND, cycled // SHARE)
    roomy, roomy_evictions = _passes(testbed, cycled, max(customers, SMALLEST_BOUND) * 2, 1)
    tight, evictions = _passes(testbed, cycled, bound, 2)
    if roomy_evictions or not evictions:
        raise RuntimeError(
            f"evictions: {roomy_evictions} with room for all rows, {evictions} without; expected 0 and more than 0"
        )
    return {
        "customers": cycled,
        "rows_in_memory": bound,
        "cpu_seconds_per_event_with_room": round(roomy / cycled, 9),
        "cpu_seconds_per_event_without": round(tight / cycled, 9),
        "misses_per_event": round(evictions / cycled, 4),
        "cpu_seconds_per_miss": round((tight - roomy) / evictions, 9),
    }


def _passes(testbed: Testbed, customers: int, bound: int, turn: int) -> tuple[float, int]:
    """CPU seconds and evictions of a new worker's second pass."""
    port = free_port()
    testbed.given = {"STREAMSEG_WORKER__ROWS_IN_MEMORY": str(bound), "STREAMSEG_WORKER__METRICS_PORT": str(port)}
    with worker(testbed.environment, Path(testbed.folder) / f"worker-miss-{turn}.log") as process:
        wait(process, testbed.is_assigned, 60.0, "streamseg")
        until_swept(testbed.redis.url)  # every worker starts with a sweep
        cpu, before = 0.0, 0
        for number in range(2):
            before = counted(port, EVICTIONS)
            now, first = time.time(), (2 * turn + number) * 1_000_000_000
            testbed.send([(f"c-{whose}".encode(), click(first + whose, whose, now)) for whose in range(customers)])
            cpu = spent_until(process, testbed.is_drained, 120.0 + customers / 500, "streamseg").cpu
        return cpu, counted(port, EVICTIONS) - before
