"""Measure the time from an event's due time until its membership can be read in Redis, under load.

Some clicks are probes: each is the first click of a customer, so its effect is a new membership string. The script that
writes the string also publishes on a channel of the same name, and the observer subscribes to it; nothing is polled. A
latency starts when the click was *due*, not when it was sent, so that a slow generator or broker counts (no coordinated
omission); the generator's lateness is reported too. A probe needs its row loaded and its membership written, so no
other event takes longer.
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
from tests.bench.click_load import Load
from tests.bench.latency.generator import probes
from tests.bench.machine import machine, versions
from tests.bench.percentiles import percentiles
from tests.bench.process_usage import Spent, spent_until, wait
from tests.bench.testbed import Testbed
from tests.support.processes import worker

WARM_UP_SECONDS: Final = 2.0
"""Start of each load; probes in it do not count."""
AHEAD_SECONDS: Final = 0.5
LAST_SECONDS: Final = 15.0
"""Time after the end of the load until a missing probe is an error."""


def measure(
    *, events: int, customers: int, seconds: float, shares: Sequence[float], say: Callable[[str], None]
) -> dict[str, Any]:
    """Measure the throughput, then the latency at each share of it. Returns the `--json` document."""
    loads: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Testbed(Path(folder)) as testbed:
        testbed.fill(Load("skewed", events, customers, skewed=True))
        testbed.clear()
        with worker(testbed.environment, testbed.folder / "worker.log") as process:
            found = throughput(testbed, process)
            say(f"throughput: {found.per_second(events):,.0f} events/s")
            for number, share in enumerate(shares):
                rate = found.per_second(events) * share
                one = _at(
                    testbed,
                    process,
                    rate=rate,
                    seconds=seconds + WARM_UP_SECONDS,
                    customers=customers,
                    name=f"probe{number}",
                )
                loads.append({"share": share, **one})
                say(f"{share:.0%}: p50 {one['p50_seconds'] * 1000:.1f} ms, p99 {one['p99_seconds'] * 1000:.1f} ms")
        used = versions(testbed)
    return {
        "machine": machine(),
        "versions": used,
        "events": events,
        "customers": customers,
        "events_per_second": round(found.per_second(events), 1),
        "loads": loads,
    }


def throughput(testbed: Testbed, process: "subprocess.Popen[bytes]") -> Spent:
    """Time that the worker needs for the load in the topic."""
    wait(process, testbed.is_assigned, 60.0, "streamseg")
    return spent_until(process, testbed.is_drained, 120.0 + testbed.sent / 500, "streamseg")


def _at(
    testbed: Testbed, process: "subprocess.Popen[bytes]", *, rate: float, seconds: float, customers: int, name: str
) -> dict[str, Any]:
    sent = probes(rate, seconds)
    command = [sys.executable, "-m", "tests.bench.latency.generator", testbed.kafka.bootstrap]
    command += [str(rate), str(seconds), str(customers), name]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator,
        redis.Redis.from_url(testbed.redis.url) as client,
        client.pubsub(ignore_subscribe_messages=True) as channel,
    ):
        assert generator.stdin is not None
        assert generator.stdout is not None
        prefix = keys.membership(f"{name}-")
        channel.psubscribe(f"{prefix}*")
        if generator.stdout.readline() != b"ready\n":
            raise RuntimeError("the generator did not start")
        began = time.monotonic() + AHEAD_SECONDS
        generator.stdin.write(f"{began!r}\n".encode())
        generator.stdin.flush()
        seen = _observe(channel, prefix, len(sent), began + seconds + LAST_SECONDS)
        late = msgspec.json.decode(generator.stdout.readline())
    missing = len(sent) - len(seen)
    if missing:
        raise RuntimeError(
            f"at {rate:,.0f} events/s {missing} of {len(sent)} probes had no effect {LAST_SECONDS:g} s after the load"
        )
    testbed.sent += int(rate * seconds)
    wait(process, testbed.is_drained, 120.0, "streamseg")
    counted = [seen[number] - (began + number / rate) for number in sent if number / rate >= WARM_UP_SECONDS]
    latencies = {f"{share}_seconds": value for share, value in percentiles(counted).items()}
    return {
        "events_per_second": round(rate, 1),
        **latencies,
        "probes": len(counted),
        "generator_late_p99_seconds": late["p99"],
    }


def _observe(channel: Any, prefix: str, count: int, until: float) -> dict[int, float]:
    """When each probe's membership became readable (monotonic clock), by click number."""
    seen: dict[int, float] = {}
    while len(seen) < count and time.monotonic() < until:
        message = channel.get_message(timeout=0.5)
        if message is not None:
            seen.setdefault(int(message["channel"][len(prefix) :]), time.monotonic())
    return seen
