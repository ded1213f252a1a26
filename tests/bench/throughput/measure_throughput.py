"""Run all contestants in turn on the same load, several rounds; report medians."""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from tests.bench.click_load import Load
from tests.bench.machine import machine, versions
from tests.bench.peers import environment, jvm_build
from tests.bench.process_usage import Spent, end, frozen, resident_bytes, spent_until, until_quiet, wait
from tests.bench.testbed import Testbed
from tests.bench.throughput.contestants import CONTESTANTS, Contestant

START_SECONDS: Final = 60.0
FIXED_SECONDS: Final = 120.0
WARM_UP_EVENTS: Final = 300_000
WARM_UP_CUSTOMERS: Final = 60_000
WARM_UP: Final = Load("warm-up", WARM_UP_EVENTS, WARM_UP_CUSTOMERS, skewed=False, seed=3, prefix="warm-")
"""What all but the slow ones take first, see README.md."""
SLOWEST_EVENTS_PER_SECOND: Final = 300
FROZEN_MEMBER: Final = {
    "STREAMSEG_KAFKA__MEMBERSHIP_PROFILE": "rolling",
    "STREAMSEG_KAFKA__INSTANCE_ID": "bench",
}
"""Settings of our worker: a session timeout of 45 s, as the peers have, so that it stays in the group while frozen."""


@dataclass(frozen=True, slots=True)
class Measured:
    """The result of one contestant in one round."""

    events_per_second: float
    cpu_seconds_per_event: float
    memory_bytes: int
    """Resident memory at the end."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A load, and the contestants that run on it."""

    load: Load
    names: tuple[str, ...]


def turns(name: str, events: int, customers: int, slow_events: int, names: Sequence[str]) -> Iterator[Turn]:
    """Assign contestants to loads: slow ones get a smaller load with as many events per customer."""
    slow = tuple(one for one in names if CONTESTANTS[one].slow)
    fast = tuple(one for one in names if one not in slow)
    if not slow or slow_events >= events:
        fast, slow = tuple(names), ()
    if fast:
        yield Turn(Load(name, events, customers, skewed=name == "skewed"), fast)
    if slow:
        few = max(1, round(customers * slow_events / events))
        yield Turn(Load(name, slow_events, few, skewed=name == "skewed"), slow)


def measure(
    *,
    events: int,
    customers: int,
    rounds: int,
    loads: Sequence[str],
    names: Sequence[str],
    slow_events: int,
    audiences: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure the contestants `names` on `loads`. Returns the `--json` document.

    With `audiences`, our worker runs once more, with so many to decide.
    """
    names = (*names, "streamseg-audiences") if audiences else names
    for needed in names:
        CONTESTANTS[needed].program(say)
    medians: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Testbed(Path(folder)) as testbed:
        testbed.given = FROZEN_MEMBER
        for name in loads:
            taken: defaultdict[str, list[Measured]] = defaultdict(list)
            for number in range(rounds):
                for turn in turns(name, events, customers, slow_events, names):
                    for contestant in (CONTESTANTS[one] for one in turn.names):
                        testbed.audiences = audiences if contestant.with_audiences else 0
                        one = race(testbed, contestant, turn.load, say)
                        taken[contestant.name].append(one)
                        say(
                            f"{name}, round {number + 1}, {contestant.name}, {turn.load.events:,} events: "
                            f"{one.events_per_second:,.0f} events/s, "
                            f"{one.cpu_seconds_per_event * 1e6:.2f} us of CPU per event"
                        )
            medians[name] = {one: _median(taken[one]) for one in names}
        found = versions(testbed) | environment.versions() | jvm_build.versions()
    return {
        "machine": machine(),
        "versions": found,
        "events": events,
        "slow_events": slow_events,
        "customers": customers,
        "rounds": rounds,
        "audiences": audiences,
        "loads": medians,
    }


def race(testbed: Testbed, contestant: Contestant, load: Load, say: Callable[[str], None]) -> Measured:
    """Measure one contestant on a load that is in the topic before the clock starts.

    The contestant starts on empty topics and is frozen as soon as it is idle, while the topic is filled. So its start
    is not measured, neither imports, joining the group nor compiling. Raises `click.ClickException` when it is too
    slow or ends, and `AssertionError` when its end state is wrong.
    """
    testbed.empty()
    testbed.clear()
    process = contestant.start(testbed, say)

    def spend(events: int) -> Spent:
        limit = FIXED_SECONDS + events / SLOWEST_EVENTS_PER_SECOND
        return spent_until(process, lambda: contestant.done(testbed) >= testbed.sent, limit, contestant.name)

    try:
        if contestant.grouped:
            wait(process, testbed.is_assigned, START_SECONDS, contestant.name)
        if contestant.warm_up:
            testbed.send_load(WARM_UP)
            spend(WARM_UP.events)
        until_quiet(process)
        with frozen(process):
            testbed.send_load(load)
        spent = spend(load.events)
        memory = resident_bytes(process.pid)
    except RuntimeError as error:
        raise click.ClickException(f"{error}; the end of its log: {contestant.log(testbed)[-2_000:]}") from None
    finally:
        end(process)
    contestant.check(testbed)
    return Measured(spent.per_second(load.events), spent.cpu / load.events, memory)


def _median(rounds: Sequence[Measured]) -> dict[str, Any]:
    return {
        "events_per_second": round(statistics.median(one.events_per_second for one in rounds), 1),
        "cpu_seconds_per_event": round(statistics.median(one.cpu_seconds_per_event for one in rounds), 9),
        "memory_bytes": round(statistics.median(one.memory_bytes for one in rounds)),
    }
