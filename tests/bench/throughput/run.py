"""The measurement: contestants by turns on the same load, medians over rounds."""

import os
import platform
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import redis

from tests.bench.throughput.contestants import CONTESTANTS, Contestant
from tests.bench.throughput.load import Load
from tests.bench.throughput.stage import POLL_SECONDS, Stage
from tests.support.kafka.server import VERSION

START_SECONDS: Final = 60.0
STANDSTILL_SECONDS: Final = 120.0
PACKAGES: Final = ("streamseg", "faust-streaming", "aiokafka", "confluent-kafka", "redis", "numpy", "river", "msgspec")


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one contestant."""

    events_per_second: float
    cpu_seconds_per_event: float


def measure(
    *,
    events: int,
    customers: int,
    rounds: int,
    loads: Sequence[str],
    names: Sequence[str],
    peer_events: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure the contestants `names` on `loads`; the document that `--json` prints."""
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Stage(Path(folder)) as stage:
        for name in loads:
            taken: defaultdict[str, list[Measured]] = defaultdict(list)
            sizes = {one: peer_events if one == "faust" else events for one in names}
            for number in range(rounds):
                for size in sorted(set(sizes.values()), reverse=True):
                    stage.fill(Load(name, size, customers, skewed=name == "skewed"))
                    for contestant in (CONTESTANTS[one] for one in names if sizes[one] == size):
                        one = _round(stage, contestant)
                        taken[contestant.name].append(one)
                        say(
                            f"{name}, round {number + 1}, {contestant.name}: {one.events_per_second:,.0f} events/s, "
                            f"{one.cpu_seconds_per_event * 1e6:.2f} us of CPU per event"
                        )
            told[name] = {one: _median(taken[one]) for one in names}
        versions = _versions(stage)
    return {"machine": _machine(), "versions": versions, "events": events, "customers": customers, "loads": told}


def _round(stage: Stage, contestant: Contestant) -> Measured:
    assert stage.load is not None
    stage.clear()
    process = contestant.start(stage)
    try:
        _wait(process, stage.is_assigned, START_SECONDS, contestant.name)
        began, before = time.perf_counter(), _cpu_seconds(process.pid)
        size = stage.load.events
        _wait(process, lambda: stage.committed() >= size, STANDSTILL_SECONDS + size / 500, contestant.name)
        elapsed, spent = time.perf_counter() - began, _cpu_seconds(process.pid) - before
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    contestant.check(stage)
    return Measured(size / elapsed, spent / size)


def _cpu_seconds(pid: int) -> float:
    """User and system time of all threads (proc(5): the 14th and 15th field, in clock ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _wait(process: "subprocess.Popen[bytes]", met: Callable[[], bool], seconds: float, name: str) -> None:
    until = time.monotonic() + seconds
    while not met():
        if process.poll() is not None:
            raise RuntimeError(f"{name} ended by itself")
        if time.monotonic() > until:
            raise RuntimeError(f"{name} takes longer than {seconds:g} s")
        time.sleep(POLL_SECONDS)


def _median(rounds: Sequence[Measured]) -> dict[str, float]:
    return {
        "events_per_second": round(statistics.median(one.events_per_second for one in rounds), 1),
        "cpu_seconds_per_event": round(statistics.median(one.cpu_seconds_per_event for one in rounds), 9),
    }


def _machine() -> dict[str, Any]:
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        model = named[0].partition(":")[2].strip() if named else ""
    return {
        "system": platform.platform(),
        "processor": model or platform.processor(),
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "load_average": round(os.getloadavg()[0], 2),
    }


def _versions(stage: Stage) -> dict[str, str]:
    with redis.Redis.from_url(stage.redis.url) as client:
        server = str(client.info("server")["redis_version"])
    packages = {name: version(name) for name in PACKAGES}
    return {"python": platform.python_version(), "kafka": VERSION, "redis-server": server} | packages
