"""What grows with the number of known customers, and what does not.

One worker and one store that are never emptied: at each size the missing customers are sent, one click each, until all
are known; then loads are sent on top, as fast as can be. The worker keeps as many rows in memory as its setting allows;
here all of them, so that a row is there when its event comes. What a row that is not there costs is measured apart, by
a second worker that may keep a tenth.
"""

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import redis

from streamseg import wiring
from streamseg.features.codec import field_table
from tests.bench.growth.miss import cost_of_a_miss
from tests.bench.growth.stored import bytes_per_customer
from tests.bench.growth.sweep import listed, publish_generation, until_swept
from tests.bench.load import Load, first_clicks
from tests.bench.machine import machine, versions
from tests.bench.processes import available_bytes, resident_bytes, spent_until, wait
from tests.bench.stage import Stage
from tests.support.processes import worker

BYTES_PER_CUSTOMER: Final = 2_500
"""Of the worker, of Redis and of the log of first clicks together, generously."""
AT_ONCE: Final = 200_000
"""First clicks that are made before they are sent."""
STANDSTILL_SECONDS: Final = 120.0
SLOWEST_EVENTS_PER_SECOND: Final = 500


def fitting(sizes: Sequence[int], available: int) -> list[int]:
    """The sizes, ascending, that memory allows."""
    return [size for size in sorted(set(sizes)) if size * BYTES_PER_CUSTOMER <= available]


def measure(*, sizes: Sequence[int], events: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure at each number of customers; the document that `--json` prints."""
    fit = fitting(sizes, available_bytes())
    for left_out in sorted(set(sizes) - set(fit)):
        say(f"{left_out:,} customers: left out, as this machine has not enough memory")
    if not fit:
        raise RuntimeError("there is not enough memory for any of the sizes")
    grown: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Stage(Path(folder)) as stage:
        stage.empty()
        stage.clear()
        empty_bytes = _used(stage)
        stage.given = {"STREAMSEG_WORKER__ROWS_IN_MEMORY": str(max(1_000, *fit) * 2)}
        with worker(stage.environment, stage.folder / "worker.log") as process:
            wait(process, stage.is_assigned, 60.0, "streamseg")
            known = 0
            for size in fit:
                one = _at(stage, process, known=known, size=size, smallest=fit[0], events=events)
                one["redis_bytes_per_customer"] = bytes_per_customer(
                    stage.redis.url, stage.partitions, size, empty_bytes
                )
                grown.append(one)
                known = size
                say(
                    f"{size:,} customers: {one['cpu_seconds_per_event'] * 1e6:.2f} us of CPU per event, "
                    f"{one['resident_bytes'] / 1e6:,.0f} MB resident, sweep {one['sweep_seconds']:.1f} s"
                )
        miss = cost_of_a_miss(stage, fit[-1], events)
        say(f"a row that is not in memory: {miss['cpu_seconds_per_miss'] * 1e6:.1f} us of CPU")
        row = [
            {"field": name, "type": kind, "bytes": size, "meaning": meaning}
            for name, kind, size, meaning in field_table(wiring.layout_of(stage.settings))
        ]
        used = versions(stage)
    return {"machine": machine(), "versions": used, "events": events, "sizes": grown, "miss": miss, "row": row}


def _at(
    stage: Stage, process: "subprocess.Popen[bytes]", *, known: int, size: int, smallest: int, events: int
) -> dict[str, Any]:
    def drain() -> float:
        limit = STANDSTILL_SECONDS + stage.sent / SLOWEST_EVENTS_PER_SECOND
        return spent_until(process, stage.is_drained, limit, "streamseg").cpu

    for start in range(known, size, AT_ONCE):
        stage.send(list(first_clicks(range(start, min(size, start + AT_ONCE)))))
        drain()
    cpu = []
    before = listed(stage.redis.url)
    for among in (size, smallest):
        load = Load("skewed", events, among, skewed=True, seed=size)
        records = list(load.records(time.time()))
        stage.send(records)
        cpu.append(drain() / events)
    swept_beside = listed(stage.redis.url) > before
    asyncio.run(publish_generation(stage))
    swept = until_swept(stage.redis.url)
    return {
        "customers": size,
        "cpu_seconds_per_event": round(cpu[0], 9),
        "cpu_seconds_per_event_of_the_smallest": round(cpu[1], 9),
        "a_sweep_ran_beside": swept_beside,
        "resident_bytes": resident_bytes(process.pid),
        "sweep_seconds": round(swept, 2),
    }


def _used(stage: Stage) -> int:
    with redis.Redis.from_url(stage.redis.url) as client:
        return int(client.info("memory")["used_memory"])
