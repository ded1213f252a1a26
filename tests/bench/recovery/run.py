"""Kill -9 of one of two workers under a steady load: how long until the other carries all of it.

The effect is looked for where readers look: a few customers a second and partition are new, and their membership
strings are asked for in Redis. The idiomatic Faust app writes the same strings; its state comes back from the changelog
of its table. It is given fewer customers and a lower rate, which it can carry, so its figure is at best too low.

The kill comes when the customers have been known for longer than `redis.failover_margin_seconds`: who takes over first
delivers once more what was decided within that margin, and right after the load that is every customer's first
membership (a million of them took 33 s).
"""

import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.load import first_clicks
from tests.bench.machine import machine, versions
from tests.bench.processes import end, wait
from tests.bench.recovery.feed import Feed
from tests.bench.recovery.probes import recovery
from tests.bench.stage import Stage
from tests.bench.throughput.contestants import CONTESTANTS, Contestant
from tests.support.processes import settings_of

WORKERS: Final = 2
START_SECONDS: Final = 180.0
STEADY_SECONDS: Final = 5.0
"""Without a late probe after the kill, until the load counts as carried."""
SETTLED_SECONDS: Final = 10.0
"""Without a late probe before the kill, beyond the margin."""
LONGEST_SECONDS: Final = 400.0
SLOWEST_EVENTS_PER_SECOND: Final = 300
POLL_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Case:
    """Who, how many known customers, and how many events a second."""

    name: str
    customers: int
    rate: float


def measure(*, cases: Sequence[Case], say: Callable[[str], None]) -> dict[str, Any]:
    """Measure each case on a stage of its own; the document that `--json` prints."""
    told: dict[str, Any] = {}
    used: dict[str, str] = {}
    for case in cases:
        with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Stage(Path(folder)) as stage:
            told[case.name] = _recovered(stage, case, say)
            used = versions(stage)
    return {"machine": machine(), "versions": used, "workers": WORKERS, "recovery": told}


def _recovered(stage: Stage, case: Case, say: Callable[[str], None]) -> dict[str, Any]:
    contestant = CONTESTANTS[case.name]
    stage.empty()
    stage.clear()
    with ExitStack() as stack:
        processes = [_started(stack, stage, contestant) for _ in range(WORKERS)]
        wait(processes[0], lambda: stage.is_assigned(WORKERS), START_SECONDS, case.name)
        stage.send(list(first_clicks(range(case.customers))))
        limit = START_SECONDS + case.customers / SLOWEST_EVENTS_PER_SECOND
        wait(processes[0], lambda: contestant.done(stage) >= case.customers, limit, case.name)
        say(f"{case.name}: {case.customers:,} customers are known; {case.rate:,.0f} events/s from now on")
        feed = stack.enter_context(
            Feed(
                stage.kafka.bootstrap,
                stage.redis.url,
                rate=case.rate,
                customers=case.customers,
                partitions=stage.partitions,
            )
        )
        margin = settings_of(stage.environment).redis.failover_margin_seconds
        _until_steady(feed, case.name, margin + SETTLED_SECONDS)
        processes[1].kill()
        killed_at = time.monotonic()
        _until_steady(feed, case.name, STEADY_SECONDS, after_a_late_one=True)
        found = recovery([one for one in feed.probes if one.seen_at is not None], killed_at)
    say(f"{case.name}: taken over after {found.taken_over:.1f} s, full rate after {found.full_rate:.1f} s")
    return {
        "customers": case.customers,
        "events_per_second": case.rate,
        "taken_over_seconds": round(found.taken_over, 2),
        "full_rate_seconds": round(found.full_rate, 2),
    }


def _started(stack: ExitStack, stage: Stage, contestant: Contestant) -> "subprocess.Popen[bytes]":
    process = contestant.start(stage, None)
    stack.callback(end, process)
    return process


def _until_steady(feed: Feed, name: str, seconds: float, *, after_a_late_one: bool = False) -> None:
    """Until no probe has been late for so long. Raises `RuntimeError` when it takes too long."""
    began = steady_since = time.monotonic()
    waiting = after_a_late_one
    while waiting or time.monotonic() - steady_since < seconds:
        if feed.look():
            waiting, steady_since = False, time.monotonic()
        if time.monotonic() - began > LONGEST_SECONDS:
            raise RuntimeError(f"{name} does not carry the load: give it a lower rate")
        time.sleep(POLL_SECONDS)
