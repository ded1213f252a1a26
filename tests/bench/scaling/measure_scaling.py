"""Measure throughput and the CPU time of workers, Redis and Kafka, with one and more workers on 8 partitions."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from tests.bench.click_load import Load
from tests.bench.machine import machine, versions
from tests.bench.process_usage import cpu_seconds, until_quiet, wait
from tests.bench.scaling.capacity import Cost, needed
from tests.bench.testbed import Testbed
from tests.support.processes import worker

PARTITIONS: Final = 8

Records = Sequence[tuple[bytes, bytes]]


def measure(
    *, events: int, customers: int, workers: Sequence[int], events_per_day: float, say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure each number of workers on the same skewed load. Returns the `--json` document."""
    load = Load("skewed", events, customers, skewed=True)
    measured: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Testbed(Path(folder), PARTITIONS) as testbed:
        records = list(load.records(time.time()))
        for count in workers:
            one = _with(testbed, records, count)
            measured.append(one)
            say(
                f"workers {count}: {one['events_per_second']:,.0f} events/s, "
                f"{one['worker_cpu_seconds_per_event'] * 1e6:.2f} us of CPU per event"
            )
        used = versions(testbed)
    sizes = sum(len(key) + len(value) for key, value in records)
    last = measured[-1]
    cost = Cost(
        last["worker_cpu_seconds_per_event"],
        last["redis_cpu_seconds_per_event"],
        last["kafka_cpu_seconds_per_event"],
        sizes / events,
    )
    return {
        "machine": machine(),
        "versions": used,
        "events": events,
        "customers": customers,
        "partitions": PARTITIONS,
        "workers": measured,
        "needed": needed(events_per_day, cost),
    }


def _with(testbed: Testbed, records: Records, count: int) -> dict[str, Any]:
    """Send the load at full speed to `count` workers that are idle and have their partitions."""
    testbed.empty()
    testbed.clear()
    with ExitStack() as stack:
        processes = [
            stack.enter_context(worker(testbed.environment, testbed.folder / f"worker-{number}.log"))
            for number in range(count)
        ]
        wait(processes[0], lambda: testbed.is_assigned(count), 90.0, "streamseg")
        for process in processes:
            until_quiet(process)
        pids = {"redis": [testbed.redis.pid], "kafka": [testbed.kafka.pid], "worker": [one.pid for one in processes]}
        began, before = time.perf_counter(), _cpu_seconds(pids)
        testbed.send(records)
        wait(processes[0], testbed.is_drained, 120.0 + len(records) / 500, "streamseg")
        elapsed, after = time.perf_counter() - began, _cpu_seconds(pids)
    return {
        "workers": count,
        "events_per_second": round(len(records) / elapsed, 1),
        **{f"{name}_cpu_seconds_per_event": round((after[name] - before[name]) / len(records), 9) for name in pids},
    }


def _cpu_seconds(pids: Mapping[str, Sequence[int]]) -> dict[str, float]:
    return {name: sum(map(cpu_seconds, each)) for name, each in pids.items()}
