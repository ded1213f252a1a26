"""Kill one of two workers under a steady load and measure how long the other needs to carry all of it.

Probes are new customers, 10 a second on each partition; their membership strings are polled in Redis. The idiomatic
Faust app writes the same strings and restores its state from its table's changelog. It gets fewer customers and a rate
that it can carry, so its result is a lower bound.

The kill waits until the customers are older than `redis.failover_margin_seconds`. The new owner first delivers again
all changes decided within that margin; right after the load these are the first memberships of all customers (33 s for
a million).
"""

import subprocess
import tempfile
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.click_load import first_clicks
from tests.bench.machine import machine, versions
from tests.bench.process_usage import end, wait
from tests.bench.recovery.probes import recovery
from tests.bench.recovery.steady_load import SteadyLoad
from tests.bench.testbed import Testbed
from tests.bench.throughput.contestants import CONTESTANTS, Contestant, Say
from tests.support.processes import settings_of

WORKERS: Final = 2
START_SECONDS: Final = 180.0
STEADY_SECONDS: Final = 5.0
"""Time without a late probe after the kill, until the load counts as carried."""
SETTLED_SECONDS: Final = 10.0
"""Time without a late probe before the kill, in addition to the redelivery window."""
LONGEST_SECONDS: Final = 400.0
SLOWEST_EVENTS_PER_SECOND: Final = 300
POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """A contestant with its number of known customers and its events per second."""

    name: str
    customers: int
    rate: float


def measure(*, cases: Mapping[str, tuple[int, float]], say: Say) -> dict[str, Any]:
    """Measure each case on servers of its own. Returns the `--json` document.

    `cases`: known customers and events per second, by contestant.
    """
    measured: dict[str, Any] = {}
    used: dict[str, str] = {}
    for case in (Case(name, customers, rate) for name, (customers, rate) in cases.items()):
        with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Testbed(Path(folder)) as testbed:
            measured[case.name] = _recovered(testbed, case, say)
            used = versions(testbed)
    return {"machine": machine(), "versions": used, "workers": WORKERS, "recovery": measured}


def _recovered(testbed: Testbed, case: Case, say: Say) -> dict[str, Any]:
    contestant = CONTESTANTS[case.name]
    testbed.empty()
    testbed.clear()
    with ExitStack() as stack:
        processes = [_started(stack, testbed, contestant, say) for _ in range(WORKERS)]
        wait(processes[0], lambda: testbed.is_assigned(WORKERS), START_SECONDS, case.name)
        testbed.send(list(first_clicks(range(case.customers))))
        limit = START_SECONDS + case.customers / SLOWEST_EVENTS_PER_SECOND
        wait(processes[0], lambda: contestant.done(testbed) >= case.customers, limit, case.name)
        say(f"{case.name}: {case.customers:,} customers are known; sending {case.rate:,.0f} events/s")
        load = stack.enter_context(
            SteadyLoad(
                testbed.kafka.bootstrap,
                testbed.redis.url,
                rate=case.rate,
                customers=case.customers,
                partitions=testbed.partitions,
            )
        )
        redelivered = settings_of(testbed.environment).redis.failover_margin_seconds
        _until_steady(load, case.name, redelivered + SETTLED_SECONDS)
        processes[1].kill()
        killed_at = time.monotonic()
        _until_steady(load, case.name, STEADY_SECONDS, after_late_probe=True)
        found = recovery([one for one in load.probes if one.seen_at is not None], killed_at)
    say(f"{case.name}: taken over after {found.taken_over:.1f} s, full rate after {found.full_rate:.1f} s")
    return {
        "customers": case.customers,
        "events_per_second": case.rate,
        "taken_over_seconds": round(found.taken_over, 2),
        "full_rate_seconds": round(found.full_rate, 2),
    }


def _started(stack: ExitStack, testbed: Testbed, contestant: Contestant, say: Say) -> "subprocess.Popen[bytes]":
    process = contestant.start(testbed, say)
    stack.callback(end, process)
    return process


def _until_steady(load: SteadyLoad, name: str, seconds: float, *, after_late_probe: bool = False) -> None:
    """Wait until no probe has been late for `seconds`. Raises `RuntimeError` after 400 s."""
    began = steady_since = time.monotonic()
    waiting = after_late_probe
    while waiting or time.monotonic() - steady_since < seconds:
        if load.look():
            waiting, steady_since = False, time.monotonic()
        if time.monotonic() - began > LONGEST_SECONDS:
            raise RuntimeError(f"{name} does not keep up with the load: use a lower rate")
        time.sleep(POLL_SECONDS)
