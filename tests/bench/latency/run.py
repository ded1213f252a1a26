"""From producing an event to its effect readable in Redis, under load.

Some of the clicks are probes: each is the first of a customer, so its effect is a membership that was not there. Redis
itself tells when it is written: the script that sets the string publishes on the channel of its name, which an observer
has subscribed to. Nothing is polled. A latency runs from the moment at which the click was *due*, not from when it was
sent, so a generator or a broker that falls behind counts (no coordinated omission); how late the generator was is told
beside. A probe's row has to be asked for in Redis and its membership written, so other events take no longer.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec
import redis

from streamseg.store import key_names as keys
from tests.bench.latency.generator import probes
from tests.bench.load import Load
from tests.bench.machine import machine, versions
from tests.bench.percentiles import percentiles
from tests.bench.processes import Spent, spent_until, wait
from tests.bench.stage import Stage
from tests.support.processes import worker

WARM_UP_SECONDS: Final = 2.0
"""Of each load; its probes do not count."""
AHEAD_SECONDS: Final = 0.5
LAST_SECONDS: Final = 15.0
"""How long a probe is waited for after the end of the load."""


def measure(
    *, events: int, customers: int, seconds: float, shares: Sequence[float], say: Callable[[str], None]
) -> dict[str, Any]:
    """Find the throughput, then the latency at each of these shares of it; the document that `--json` prints."""
    loads: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Stage(Path(folder)) as stage:
        stage.fill(Load("skewed", events, customers, skewed=True))
        stage.clear()
        with worker(stage.environment, stage.folder / "worker.log") as process:
            found = throughput(stage, process)
            say(f"throughput: {found.per_second(events):,.0f} events/s")
            for number, share in enumerate(shares):
                rate = found.per_second(events) * share
                one = _at(
                    stage,
                    process,
                    rate=rate,
                    seconds=seconds + WARM_UP_SECONDS,
                    customers=customers,
                    name=f"probe{number}",
                )
                loads.append({"share": share, **one})
                say(f"{share:.0%}: p50 {one['p50_seconds'] * 1000:.1f} ms, p99 {one['p99_seconds'] * 1000:.1f} ms")
        used = versions(stage)
    return {
        "machine": machine(),
        "versions": used,
        "events": events,
        "customers": customers,
        "events_per_second": round(found.per_second(events), 1),
        "loads": loads,
    }


def throughput(stage: Stage, process: "subprocess.Popen[bytes]") -> Spent:
    """What the worker takes for the load that stands in the topic."""
    wait(process, stage.is_assigned, 60.0, "streamseg")
    return spent_until(process, stage.is_drained, 120.0 + stage.sent / 500, "streamseg")


def _at(
    stage: Stage, process: "subprocess.Popen[bytes]", *, rate: float, seconds: float, customers: int, name: str
) -> dict[str, Any]:
    sent = probes(rate, seconds)
    command = [sys.executable, "-m", "tests.bench.latency.generator", stage.kafka.bootstrap]
    command += [str(rate), str(seconds), str(customers), name]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator,
        redis.Redis.from_url(stage.redis.url) as client,
        client.pubsub(ignore_subscribe_messages=True) as told,
    ):
        assert generator.stdin is not None
        assert generator.stdout is not None
        prefix = keys.membership(f"{name}-")
        told.psubscribe(f"{prefix}*")
        if generator.stdout.readline() != b"ready\n":
            raise RuntimeError("the generator did not start")
        began = time.monotonic() + AHEAD_SECONDS
        generator.stdin.write(f"{began!r}\n".encode())
        generator.stdin.flush()
        seen = _observe(told, prefix, len(sent), began + seconds + LAST_SECONDS)
        late = msgspec.json.decode(generator.stdout.readline())
    missing = len(sent) - len(seen)
    if missing:
        raise RuntimeError(f"at {rate:,.0f} events/s {missing} of {len(sent)} probes had no effect in time")
    stage.sent += int(rate * seconds)
    wait(process, stage.is_drained, 120.0, "streamseg")
    counted = [seen[number] - (began + number / rate) for number in sent if number / rate >= WARM_UP_SECONDS]
    told_of = {f"{share}_seconds": value for share, value in percentiles(counted).items()}
    return {
        "events_per_second": round(rate, 1),
        **told_of,
        "probes": len(counted),
        "generator_late_p99_seconds": late["p99"],
    }


def _observe(told: Any, prefix: str, count: int, until: float) -> dict[int, float]:
    """When each probe's membership could be read (monotonic clock)."""
    seen: dict[int, float] = {}
    while len(seen) < count and time.monotonic() < until:
        message = told.get_message(timeout=0.5)
        if message is not None:
            seen.setdefault(int(message["channel"][len(prefix) :]), time.monotonic())
    return seen
