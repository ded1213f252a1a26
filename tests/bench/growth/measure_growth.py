"""Measure CPU, memory, stored bytes and the time of a sweep at growing numbers of customers.

One worker and one store are kept throughout. At each size the missing customers are added with one click each; then
loads are sent at full speed. The worker has room for all rows, so that no event has to load its row from Redis, or for
a given number of them. A second worker with room for a tenth of the rows measures what such a load costs.
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import redis

from streamseg.embedded.child import free_port
from streamseg.features.codec import field_table
from streamseg.wiring.derived import derive
from tests.bench.click_load import Load, first_clicks
from tests.bench.growth.miss_cost import cost_of_a_miss
from tests.bench.growth.stored_bytes import bytes_per_customer
from tests.bench.growth.sweep_time import listed, time_of_a_sweep, until_quiet
from tests.bench.machine import machine, versions
from tests.bench.process_usage import available_bytes, resident_bytes, spent_until, wait
from tests.bench.testbed import Testbed
from tests.support.processes import worker

BYTES_PER_CUSTOMER: Final = 2_500
"""Memory of the worker, Redis and Kafka together, rounded up."""
BYTES_IN_THE_STORE: Final = 1_700
"""Memory of Redis and Kafka alone, rounded up."""
AT_ONCE: Final = 200_000
"""First clicks that are generated before they are sent."""
FIXED_SECONDS: Final = 120.0
SLOWEST_EVENTS_PER_SECOND: Final = 500


def fitting(sizes: Sequence[int], available: int, rows: int | None = None) -> list[int]:
    """The distinct sizes that fit into `available` bytes, ascending; with so many rows in the worker's memory."""
    ascending = sorted(set(sizes))
    if rows is None:
        return [size for size in ascending if size * BYTES_PER_CUSTOMER <= available]
    beside = rows * (BYTES_PER_CUSTOMER - BYTES_IN_THE_STORE)
    return [size for size in ascending if size * BYTES_IN_THE_STORE + beside <= available]


def measure(*, sizes: Sequence[int], rows: int | None, events: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure at each number of customers. Returns the `--json` document; `say` receives progress lines.

    `rows` is how many rows the worker keeps in memory; None: all.
    """
    fit = fitting(sizes, available_bytes(), rows)
    for left_out in sorted(set(sizes) - set(fit)):
        say(f"{left_out:,} customers: skipped, this machine has too little memory")
    if not fit:
        raise RuntimeError("this machine has too little memory for any of the sizes")
    grown: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Testbed(Path(folder)) as testbed:
        testbed.empty()
        testbed.clear()
        empty_bytes = _used(testbed)
        room = rows or max(1_000, *fit) * 2
        port = free_port()
        testbed.given = {
            "STREAMSEG_WORKER__ROWS_IN_MEMORY": str(room),
            "STREAMSEG_WORKER__METRICS_PORT": str(port),
        }
        with worker(testbed.environment, testbed.folder / "worker.log") as process:
            wait(process, testbed.is_assigned, 60.0, "streamseg")
            known = 0
            for size in fit:
                one = _at(testbed, process, port, known=known, size=size, smallest=fit[0], events=events)
                one["redis_bytes_per_customer"] = bytes_per_customer(
                    testbed.redis.url, testbed.partitions, size, empty_bytes
                )
                grown.append(one)
                known = size
                say(
                    f"{size:,} customers: {one['cpu_seconds_per_event'] * 1e6:.2f} us of CPU per event, "
                    f"{one['resident_bytes'] / 1e6:,.0f} MB resident, sweep {one['sweep_seconds']:.1f} s"
                )
        miss = cost_of_a_miss(testbed, fit[-1], events)
        say(f"a row that must be loaded: {miss['cpu_seconds_per_miss'] * 1e6:.1f} us of CPU")
        row = [
            {"field": name, "type": kind, "bytes": size, "meaning": meaning}
            for name, kind, size, meaning in field_table(derive(testbed.settings).layout)
        ]
        used = versions(testbed)
    return {
        "machine": machine(),
        "versions": used,
        "events": events,
        "rows_in_memory": room,
        "sizes": grown,
        "miss": miss,
        "row": row,
    }


def _at(
    testbed: Testbed,
    process: "subprocess.Popen[bytes]",
    port: int,
    *,
    known: int,
    size: int,
    smallest: int,
    events: int,
) -> dict[str, Any]:
    def drain() -> float:
        limit = FIXED_SECONDS + testbed.sent / SLOWEST_EVENTS_PER_SECOND
        return spent_until(process, testbed.is_drained, limit, "streamseg").cpu

    for start in range(known, size, AT_ONCE):
        testbed.send(list(first_clicks(range(start, min(size, start + AT_ONCE)))))
        drain()
    cpu = []
    before = listed(testbed.redis.url)
    for among in (size, smallest):
        load = Load("skewed", events, among, skewed=True, seed=size)
        records = list(load.records(time.time()))
        testbed.send(records)
        cpu.append(drain() / events)
    swept_beside = listed(testbed.redis.url) > before
    until_quiet(testbed.redis.url)
    swept = time_of_a_sweep(testbed, port)
    return {
        "customers": size,
        "cpu_seconds_per_event": round(cpu[0], 9),
        "cpu_seconds_per_event_of_the_smallest": round(cpu[1], 9),
        "a_sweep_ran_beside": swept_beside,
        "resident_bytes": resident_bytes(process.pid),
        "sweep_seconds": round(swept, 2),
    }


def _used(testbed: Testbed) -> int:
    with redis.Redis.from_url(testbed.redis.url) as client:
        return int(client.info("memory")["used_memory"])
