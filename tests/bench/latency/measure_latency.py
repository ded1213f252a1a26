"""Measure the time from an event's due time until its membership can be read in Redis, under load.

Some clicks are probes: each is the first click of a customer, so its effect is a new membership string. The script that
writes the string also publishes on a channel of the same name, and the observer subscribes to it; nothing is polled. A
latency starts when the click was *due*, not when it was sent, so that a slow generator or broker counts (no coordinated
omission); the generator's lateness is reported too. A probe needs its row loaded and its membership written, so no
other event takes longer.

Peers then get the same rates, one after the other. They announce nothing, so Redis does (keyspace notifications).
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import redis

from streamseg.embedded.child import free_port
from streamseg.store import key_names as keys
from tests.bench.click_load import Load
from tests.bench.latency import stages
from tests.bench.latency.generator import probes
from tests.bench.machine import machine, versions
from tests.bench.percentiles import percentiles
from tests.bench.process_usage import Spent, cpu_seconds, end, spent_until, wait
from tests.bench.testbed import Testbed
from tests.bench.throughput.contestants import CONTESTANTS, Contestant
from tests.bench.throughput.measure_throughput import START_SECONDS, WARM_UP
from tests.support.processes import worker

WARM_UP_SECONDS: Final = 2.0
"""Start of each load; probes in it do not count."""
AHEAD_SECONDS: Final = 0.5
LAST_SECONDS: Final = 15.0
"""Time after the end of the load until a missing probe is an error."""
DRAIN_SECONDS: Final = 120.0
ANNOUNCED: Final = "__keyspace@0__:"
"""How the channel begins on which Redis announces the change of a key."""


def measure(
    *,
    events: int,
    customers: int,
    partitions: int,
    seconds: float,
    shares: Sequence[float],
    peers: Sequence[str],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure the throughput, then the latency at each share of it, and that of `peers` at the same rates.

    Returns the `--json` document. `cores` is the CPU time of the process per second of the load.
    """
    loads: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Testbed(Path(folder), partitions) as testbed:
        testbed.fill(Load("skewed", events, customers, skewed=True))
        testbed.clear()
        port = free_port()
        testbed.given = {"STREAMSEG_WORKER__METRICS_PORT": str(port)}
        with worker(testbed.environment, testbed.folder / "worker.log") as process:
            found = throughput(testbed, process)
            say(f"throughput: {found.per_second(events):,.0f} events/s")
            rates = [found.per_second(events) * share for share in shares]
            given = [_Given(rate, seconds + WARM_UP_SECONDS, customers, f"probe{n}") for n, rate in enumerate(rates)]
            for share, one in zip(shares, given, strict=True):
                before = stages.read(port)
                ours = _at(testbed, CONTESTANTS["streamseg"], process, one)
                of_stages = stages.between(before, stages.read(port))
                loads.append({"share": share, **ours, "stages": of_stages, "peers": {}})
                say(f"{share:.0%}: {_told(ours)}")
        for name in peers:
            for load, beside in zip(loads, _of_peer(testbed, CONTESTANTS[name], given, say), strict=True):
                load["peers"][name] = beside
                say(f"{load['share']:.0%}, {name}: {_told(beside)}")
        used = versions(testbed)
    return {
        "machine": machine(),
        "versions": used,
        "events": events,
        "customers": customers,
        "partitions": partitions,
        "events_per_second": round(found.per_second(events), 1),
        "loads": loads,
    }


def throughput(testbed: Testbed, process: "subprocess.Popen[bytes]") -> Spent:
    """Time that the worker needs for the load in the topic."""
    wait(process, testbed.is_assigned, 60.0, "streamseg")
    return spent_until(process, testbed.is_drained, 120.0 + testbed.sent / 500, "streamseg")


@dataclass(frozen=True, slots=True)
class _Given:
    """A load at a fixed rate."""

    rate: float
    """Events per second."""
    seconds: float
    customers: int
    name: str
    """How the ids of the customers of its probes begin."""


def _of_peer(
    testbed: Testbed, peer: Contestant, loads: Sequence[_Given], say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """Measure a peer on the loads; it is warm before the first."""
    testbed.empty()
    testbed.clear()
    with redis.Redis.from_url(testbed.redis.url) as client:
        client.config_set("notify-keyspace-events", "K$")
    process = peer.start(testbed, say)
    try:
        wait(process, testbed.is_assigned, START_SECONDS, peer.name)
        if peer.warm_up:
            testbed.send_load(WARM_UP)
            wait(process, lambda: peer.done(testbed) >= testbed.sent, DRAIN_SECONDS, peer.name)
        return [_at(testbed, peer, process, one, ANNOUNCED) for one in loads]
    finally:
        end(process)


def _told(one: Mapping[str, Any]) -> str:
    return f"p50 {one['p50_seconds'] * 1000:.1f} ms, p99 {one['p99_seconds'] * 1000:.1f} ms"


def _at(
    testbed: Testbed,
    contestant: Contestant,
    process: "subprocess.Popen[bytes]",
    given: _Given,
    announced: str = "",
) -> dict[str, Any]:
    rate, seconds, name = given.rate, given.seconds, given.name
    sent = probes(rate, seconds)
    command = [sys.executable, "-m", "tests.bench.latency.generator", testbed.kafka.bootstrap]
    command += [str(rate), str(seconds), str(given.customers), name]
    with (
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as generator,
        redis.Redis.from_url(testbed.redis.url) as client,
        client.pubsub(ignore_subscribe_messages=True) as channel,
    ):
        assert generator.stdin is not None
        assert generator.stdout is not None
        prefix = announced + keys.membership(f"{name}-")
        channel.psubscribe(f"{prefix}*")
        if generator.stdout.readline() != b"ready\n":
            raise RuntimeError("the generator did not start")
        began = time.monotonic() + AHEAD_SECONDS
        generator.stdin.write(f"{began!r}\n".encode())
        generator.stdin.flush()
        before = cpu_seconds(process.pid)
        seen = _observe(channel, prefix, len(sent), began + seconds + LAST_SECONDS)
        cores = (cpu_seconds(process.pid) - before) / (time.monotonic() - began + AHEAD_SECONDS)
        late = msgspec.json.decode(generator.stdout.readline())
    missing = len(sent) - len(seen)
    if missing:
        raise RuntimeError(
            f"at {rate:,.0f} events/s {missing} of {len(sent)} probes had no effect {LAST_SECONDS:g} s after the load"
        )
    testbed.sent += int(rate * seconds)
    wait(process, lambda: contestant.done(testbed) >= testbed.sent, DRAIN_SECONDS, contestant.name)
    counted = [seen[number] - (began + number / rate) for number in sent if number / rate >= WARM_UP_SECONDS]
    latencies = {f"{share}_seconds": value for share, value in percentiles(counted).items()}
    return {
        "events_per_second": round(rate, 1),
        **latencies,
        "cores": round(cores, 3),
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
