"""What it costs when a row is not in the worker's memory: it is asked for in Redis and another one leaves."""

import time
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families

from streamseg.embedded.child import free_port
from tests.bench.growth.sweep import until_swept
from tests.bench.load import click
from tests.bench.processes import spent_until, wait
from tests.bench.stage import Stage
from tests.support.processes import worker

SHARE: Final = 10
SMALLEST_BOUND: Final = 1_000
EVICTIONS: Final = "streamseg_store_evictions"


def cost_of_a_miss(stage: Stage, customers: int, events: int) -> dict[str, Any]:
    """Known customers by turns, each once a pass; once with room for all of them and once with room for a tenth.

    Every worker starts with nothing in memory: the first pass fills it, the second is measured. Whoever comes by turns
    has always just left a memory that is too small. Rows that leave are counted, so that the cost is that of real
    misses.
    """
    taking_turns = min(customers, events)
    bound = max(SMALLEST_BOUND, taking_turns // SHARE)
    roomy, none_left = _passes(stage, taking_turns, max(customers, SMALLEST_BOUND) * 2, 1)
    tight, left = _passes(stage, taking_turns, bound, 2)
    if none_left or not left:
        raise RuntimeError(f"{none_left} rows left a memory with room and {left} one without")
    return {
        "customers": taking_turns,
        "rows_in_memory": bound,
        "cpu_seconds_per_event_with_room": round(roomy / taking_turns, 9),
        "cpu_seconds_per_event_without": round(tight / taking_turns, 9),
        "misses_per_event": round(left / taking_turns, 4),
        "cpu_seconds_per_miss": round((tight - roomy) / left, 9),
    }


def _passes(stage: Stage, customers: int, bound: int, turn: int) -> tuple[float, int]:
    """CPU seconds and evictions of the second pass."""
    port = free_port()
    stage.given = {"STREAMSEG_WORKER__ROWS_IN_MEMORY": str(bound), "STREAMSEG_WORKER__METRICS_PORT": str(port)}
    with worker(stage.environment, Path(stage.folder) / f"worker-miss-{turn}.log") as process:
        wait(process, stage.is_assigned, 60.0, "streamseg")
        until_swept(stage.redis.url)  # the one that every worker begins with
        cpu, before = 0.0, 0
        for number in range(2):
            before = _evictions(port)
            now, first = time.time(), (2 * turn + number) * 1_000_000_000
            stage.send([(f"c-{whose}".encode(), click(first + whose, whose, now)) for whose in range(customers)])
            cpu = spent_until(process, stage.is_drained, 120.0 + customers / 500, "streamseg").cpu
        return cpu, _evictions(port) - before


def _evictions(port: int) -> int:
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
    return sum(
        int(one.value)
        for family in families
        if family.name == EVICTIONS
        for one in family.samples
        if one.name == f"{EVICTIONS}_total"
    )
