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
from tests.bench.processes import end, frozen, spent_until, until_quiet, wait
from tests.bench.stage import Stage
from tests.bench.throughput.contestants import CONTESTANTS, Contestant

START_SECONDS: Final = 60.0
STANDSTILL_SECONDS: Final = 120.0
SLOWEST_EVENTS_PER_SECOND: Final = 300
PATIENT: Final = {
    "STREAMSEG_KAFKA__MEMBERSHIP_PROFILE": "rolling",
    "STREAMSEG_KAFKA__INSTANCE_ID": "bench",
}
"""Our worker's group waits 45 s for it, as those of the others do: it keeps its place while it is frozen."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One round of one contestant."""

    events_per_second: float
    cpu_seconds_per_event: float


@dataclass(frozen=True, slots=True)
class Turn:
    """Some contestants on one load."""

    load: Load
    names: tuple[str, ...]


def turns(name: str, events: int, customers: int, slow_events: int, names: Sequence[str]) -> Iterator[Turn]:
    """Who runs on what. The slow ones get a smaller load of the same kind, with as many events per customer."""
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
    say: Callable[[str], None],
) -> dict[str, Any]:
    """Measure the contestants `names` on `loads`; the document that `--json` prints."""
    peers = environment.python(say) if any(CONTESTANTS[one].apart for one in names) else None
    told: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="streamseg-bench-") as folder, Stage(Path(folder)) as stage:
        stage.given = PATIENT
        for name in loads:
            taken: defaultdict[str, list[Measured]] = defaultdict(list)
            for number in range(rounds):
                for turn in turns(name, events, customers, slow_events, names):
                    for contestant in (CONTESTANTS[one] for one in turn.names):
                        one = race(stage, contestant, peers, turn.load)
                        taken[contestant.name].append(one)
                        say(
                            f"{name}, round {number + 1}, {contestant.name}, {turn.load.events:,} events: "
                            f"{one.events_per_second:,.0f} events/s, "
                            f"{one.cpu_seconds_per_event * 1e6:.2f} us of CPU per event"
                        )
            told[name] = {one: _median(taken[one]) for one in names}
        found = versions(stage)
    if peers is not None:
        found |= environment.versions(environment.LOCK.read_text())
    return {
        "machine": machine(),
        "versions": found,
        "events": events,
        "slow_events": slow_events,
        "customers": customers,
        "rounds": rounds,
        "loads": told,
    }


def race(stage: Stage, contestant: Contestant, peers: Path | None, load: Load) -> Measured:
    """One run over a load that stands in the topic before the clock starts.

    The contestant is started on empty topics and frozen, once it is still, while they are filled: so nobody's start is
    measured, neither Python's imports nor joining a group. Raises `RuntimeError`, and `AssertionError` for a wrong end
    state.
    """
    stage.empty()
    stage.clear()
    process = contestant.start(stage, peers)
    try:
        if contestant.grouped:
            wait(process, stage.is_assigned, START_SECONDS, contestant.name)
        until_quiet(process)
        with frozen(process):
            stage.pour(load)
        limit = STANDSTILL_SECONDS + load.events / SLOWEST_EVENTS_PER_SECOND
        spent = spent_until(process, lambda: contestant.done(stage) >= load.events, limit, contestant.name)
    finally:
        end(process)
    contestant.check(stage)
    return Measured(spent.per_second(load.events), spent.cpu / load.events)


def _median(rounds: Sequence[Measured]) -> dict[str, Any]:
    return {
        "events_per_second": round(statistics.median(one.events_per_second for one in rounds), 1),
        "cpu_seconds_per_event": round(statistics.median(one.cpu_seconds_per_event for one in rounds), 9),
    }
