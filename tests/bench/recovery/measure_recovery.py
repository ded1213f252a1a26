"""Kill a worker under a steady load (kill -9) and measure how long it takes until all of the load is carried again.

One of two workers is killed, and the other takes over. Or the only one is killed and started again at once: so our
worker is compared with the peers on the JVM, of which Flink's cluster of one process has nobody who could take over.
Probes are new customers, 10 a second on each partition; their membership strings are polled in Redis. The idiomatic
Faust app writes the same strings and restores its state from its table's changelog. It gets fewer customers and a rate
that it can carry, so its result is a lower bound. At the end the events that are missing in the store are counted, by
customer: a peer that came back with empty state would be quick.

The kill waits until all customers are older than `redis.failover_margin_seconds`, so that their first memberships have
left the outbox. With `at_once` it comes right after them.
"""

import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.click_load import CUSTOMER, first_clicks
from tests.bench.machine import machine, versions
from tests.bench.peers import jvm_build
from tests.bench.process_usage import end, wait
from tests.bench.recovery.probes import recovery
from tests.bench.recovery.steady_load import SteadyLoad
from tests.bench.testbed import Testbed
from tests.bench.throughput.contestants import CONTESTANTS, Contestant, Say
from tests.support.processes import settings_of

START_SECONDS: Final = 180.0
STEADY_SECONDS: Final = 5.0
"""Time without a late probe after the kill, until the load counts as carried."""
SETTLED_SECONDS: Final = 10.0
"""Time without a late probe before the kill, in addition to the redelivery window."""
AT_ONCE_SECONDS: Final = 1.0
"""The same, for a kill right after the customers came."""
LONGEST_SECONDS: Final = 400.0
SLOWEST_EVENTS_PER_SECOND: Final = 300
POLL_SECONDS: Final = 0.05
STATIC_MEMBER: Final = {"STREAMSEG_KAFKA__MEMBERSHIP_PROFILE": "rolling", "STREAMSEG_KAFKA__INSTANCE_ID": "bench"}
LOOKS: Final = 6
LOOK_SECONDS: Final = 10.0


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured, and how."""

    name: str
    contestant: str
    workers: int
    """2: one is killed, and the other takes over. 1: the only one is killed and started again."""
    customers: int
    """Known customers."""
    rate: float
    """Events per second."""
    static: bool
    """Ours is a static member of its group, as Kafka Streams is: its partitions are kept for it."""
    at_once: bool
    """Do not wait until the customers are older than the redelivery window."""


def measure(*, cases: Sequence[Mapping[str, Any]], say: Say) -> dict[str, Any]:
    """Measure each case on servers of its own; `cases` are fields of `Case`. Returns the `--json` document."""
    measured: dict[str, Any] = {}
    used: dict[str, str] = {}
    for case in (Case(**fields) for fields in cases):
        CONTESTANTS[case.contestant].program(say)
        with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Testbed(Path(folder)) as testbed:
            testbed.given = STATIC_MEMBER if case.static else {}
            measured[case.name] = _recovered(testbed, case, say)
            used = versions(testbed) | jvm_build.versions()
    return {"machine": machine(), "versions": used, "recovery": measured}


def _recovered(testbed: Testbed, case: Case, say: Say) -> dict[str, Any]:
    contestant = CONTESTANTS[case.contestant]
    testbed.empty()
    testbed.clear()
    with ExitStack() as stack:
        processes = [_started(stack, testbed, contestant, say) for _ in range(case.workers)]
        if contestant.grouped:
            wait(processes[0], lambda: testbed.is_assigned(case.workers), START_SECONDS, case.name)
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
        _until_steady(load, case.name, AT_ONCE_SECONDS if case.at_once else redelivered + SETTLED_SECONDS)
        processes[-1].kill()
        killed_at = time.monotonic()
        if case.workers == 1:
            processes = [_started(stack, testbed, contestant, say)]
        _until_steady(load, case.name, STEADY_SECONDS, after_late_probe=True)
        found = recovery([one for one in load.probes if one.seen_at is not None], killed_at)
        load.stop()
        expected = Counter({f"{CUSTOMER}{number}": 1 for number in range(case.customers)})
        lost = _lost(testbed, contestant, expected + load.sent_to)
    times = f"first memberships after {found.taken_over:.1f} s, full rate after {found.full_rate:.1f} s"
    say(f"{case.name}: {times}, {lost:,} events lost")
    return {
        "workers": case.workers,
        "customers": case.customers,
        "events_per_second": case.rate,
        "taken_over_seconds": round(found.taken_over, 2),
        "full_rate_seconds": round(found.full_rate, 2),
        "lost_events": lost,
    }


def _started(stack: ExitStack, testbed: Testbed, contestant: Contestant, say: Say) -> "subprocess.Popen[bytes]":
    process = contestant.start(testbed, say)
    stack.callback(end, process)
    return process


def missing(sent: Mapping[str, int], held: Mapping[str, int]) -> int:
    """Events by customer that are not held; another customer's that count twice do not make up for them."""
    return sum(max(0, events - held.get(customer, 0)) for customer, events in sent.items())


def _lost(testbed: Testbed, contestant: Contestant, sent: Mapping[str, int]) -> int:
    """Events that are not in the store even after a minute."""
    assert contestant.kept is not None
    lost = 0
    for _ in range(LOOKS):
        lost = missing(sent, {customer: kept[0] for customer, kept in contestant.kept(testbed).items()})
        if not lost:
            break
        time.sleep(LOOK_SECONDS)
    return lost


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
