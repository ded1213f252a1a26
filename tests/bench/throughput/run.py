"""The measurement: contestants by turns on the same load, medians over rounds."""

import statistics
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.bench.load import Load
from tests.bench.machine import machine, versions
from tests.bench.peers import environment
from tests.bench.processes import Spent, end, spent_until, until_quiet, wait
from tests.bench.stage import Stage
from tests.bench.throughput.contestants import CONTESTANTS, Contestant

START_SECONDS: Final = 60.0
STANDSTILL_SECONDS: Final = 120.0
SLOWEST_EVENTS_PER_SECOND: Final = 300
LONG_ENOUGH: Final = 2.0
"""A run must take so many times as long as the start alone for its start to be taken off."""
NOTHING: Final = Spent(0.0, 0.0)
OURS: Final = "streamseg"


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one contestant."""

    events_per_second: float
    cpu_seconds_per_event: float
    start_counted: bool
    """Whether what the process does once is in it: the run was too short to tell it apart."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Some contestants on one load, `small` or whole."""

    load: Load
    names: tuple[str, ...]
    small: bool


def turns(name: str, events: int, customers: int, slow_events: int, names: Sequence[str]) -> Iterator[Turn]:
    """Who runs on what. The slow ones get a load of the same kind, with as many events per customer, and so do we."""
    slow = tuple(one for one in names if CONTESTANTS[one].slow)
    if not slow or slow_events >= events:
        yield Turn(Load(name, events, customers, skewed=name == "skewed"), tuple(names), small=False)
        return
    fast = tuple(one for one in names if one not in slow)
    if fast:
        yield Turn(Load(name, events, customers, skewed=name == "skewed"), fast, small=False)
    few = max(1, round(customers * slow_events / events))
    beside = tuple(one for one in names if one == OURS)
    yield Turn(Load(name, slow_events, few, skewed=name == "skewed"), beside + slow, small=True)


def measure(
    *,
    events: int,
    customers: int,
    rounds: int,
    loads: Sequence[str],
    names: Sequence[str],
    slow_events: int,
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure the contestants `names` on `loads`; the document that `--json` prints."""
    peers = environment.python(say) if any(CONTESTANTS[one].apart for one in names) else None
    told: dict[str, Any] = {}
    small: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Stage(Path(folder)) as stage:
        starts = {one: start(stage, CONTESTANTS[one], peers) for one in names if CONTESTANTS[one].grouped}
        for name in loads:
            taken: defaultdict[tuple[str, bool], list[Measured]] = defaultdict(list)
            for number in range(rounds):
                for turn in turns(name, events, customers, slow_events, names):
                    stage.fill(turn.load)
                    for contestant in (CONTESTANTS[one] for one in turn.names):
                        one = race(stage, contestant, peers, starts.get(contestant.name, NOTHING))
                        taken[contestant.name, turn.small].append(one)
                        say(
                            f"{name}, round {number + 1}, {contestant.name}, {turn.load.events:,} events: "
                            f"{one.events_per_second:,.0f} events/s, "
                            f"{one.cpu_seconds_per_event * 1e6:.2f} us of CPU per event"
                        )
            told[name] = {one: _median(taken[one, False] or taken[one, True]) for one in names}
            small[name] = {one: _median(rows) for (one, is_small), rows in taken.items() if is_small}
        found = versions(stage)
    if peers is not None:
        found |= environment.versions(environment.LOCK.read_text())
    return {
        "machine": machine(),
        "versions": found,
        "events": events,
        "customers": customers,
        "rounds": rounds,
        "loads": told,
        "start_cpu_seconds": {one: round(spent.cpu, 2) for one, spent in starts.items()},
        "slow_events": slow_events,
        "small_loads": small,
    }


def start(stage: Stage, contestant: Contestant, peers: Path | None) -> Spent:
    """What it takes once, after it got its partitions, also when there is nothing in them.

    Our worker loads River then, in a thread. It is told by itself and is no part of what an event costs.
    """
    stage.empty()
    stage.clear()
    process = contestant.start(stage, peers)
    try:
        wait(process, stage.is_assigned, START_SECONDS, contestant.name)
        return until_quiet(process)
    finally:
        end(process)


def race(stage: Stage, contestant: Contestant, peers: Path | None, once: Spent) -> Measured:
    """One run over the load that stands in the topic. `once` is what its start takes.

    Raises `RuntimeError`, and `AssertionError` for a wrong end state.
    """
    assert stage.load is not None
    stage.clear()
    process = contestant.start(stage, peers)
    try:
        wait(process, lambda: stage.is_assigned() or contestant.done(stage) > 0, START_SECONDS, contestant.name)
        first, size = contestant.done(stage), stage.load.events
        limit = STANDSTILL_SECONDS + size / SLOWEST_EVENTS_PER_SECOND
        spent = spent_until(process, lambda: contestant.done(stage) >= size, limit, contestant.name)
    finally:
        end(process)
    contestant.check(stage)
    return measured(spent, size - first, once)


def measured(spent: Spent, events: int, once: Spent) -> Measured:
    """By event. The start is taken off where the run was long enough for all of it to be over."""
    whole = spent.elapsed < LONG_ENOUGH * once.elapsed
    cpu = spent.cpu if whole else spent.cpu - once.cpu
    return Measured(spent.per_second(events), cpu / events, start_counted=whole)


def _median(rounds: Sequence[Measured]) -> dict[str, Any]:
    return {
        "events_per_second": round(statistics.median(one.events_per_second for one in rounds), 1),
        "cpu_seconds_per_event": round(statistics.median(one.cpu_seconds_per_event for one in rounds), 9),
        "start_counted": any(one.start_counted for one in rounds),
    }
