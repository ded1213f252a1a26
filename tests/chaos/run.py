"""One chaos run: load, faults, a pause to catch up, and the comparison."""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from streamseg.commands._sending import wait_until_absorbed
from streamseg.errors import StreamsegError
from streamseg.repair.row_comparison import customers_with
from streamseg.sources.fitgear import FitGear
from tests.chaos.audiences import Declaring
from tests.chaos.comparison import Outcome, compare
from tests.chaos.faults import FaultInjector
from tests.chaos.load import Load
from tests.chaos.recovery import Recoveries
from tests.chaos.schedule import schedule
from tests.chaos.system import PARTITIONS, System

CUSTOMERS = 1_500
DAYS = 90
EVENTS_PER_SECOND = 300.0
LOAD_AFTER_SECONDS = 20.0
"""Load after the last fault, so that its recovery is measured too."""
NO_PROGRESS_SECONDS = 60.0
"""The run fails when workers absorb nothing for this time while records are waiting."""
LOG_TAIL = 3_000
"""Characters of each worker's log that are shown then."""


@dataclass
class ChaosReport:
    """Result of a run. Differences come from `verify` and from the comparison with the sent events."""

    faults: int
    events: int
    outcome: Outcome = field(default_factory=Outcome)
    injected: Mapping[str, int] = field(default_factory=dict)
    """How often what the outcome speaks of has happened."""
    recovery_seconds: Mapping[Any, Any] = field(default_factory=dict)
    crashes: int = 0
    """How often a worker ended by itself; the supervisor starts it again, which hid a fault once."""
    stop_seconds: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return the content of the last line; differences are counted in customers."""
        return {
            "faults": self.faults,
            "events": self.events,
            "lost": customers_with(self.outcome.differences, "lost"),
            "doubled": customers_with(self.outcome.differences, "doubled"),
            "different": customers_with(self.outcome.differences, "different"),
            "changes_missing": len(self.outcome.changes_missing),
            "sizes_wrong": len(self.outcome.sizes_wrong),
            "erased_left": len(self.outcome.erased_left),
            "withdrawn_shown": len(self.outcome.withdrawn_shown),
            "set_aside_wrong": len(self.outcome.set_aside_wrong),
            "audiences_wrong": len(self.outcome.audiences_wrong),
            "crashes": self.crashes,
            "injected": self.injected,
            "recovery_seconds": self.recovery_seconds,
        }


async def run(faults: int, seed: int, log_folder: Path | None = None, *, in_cluster: bool = False) -> ChaosReport:
    """Inject the faults under load, wait until all events are absorbed, and compare.

    `log_folder`: where to save the workers' logs. `in_cluster`: on a Redis Cluster instead of one server.
    """
    shop = FitGear(CUSTOMERS, DAYS, seed, ends_at=time.time())
    with tempfile.TemporaryDirectory(prefix="streamseg-chaos-") as folder:
        async with System(Path(folder), in_cluster=in_cluster) as system:
            settings = system.settings
            load = Load(system.kafka.bootstrap, PARTITIONS, shop, EVENTS_PER_SECOND, seed)
            recoveries = Recoveries(settings.kafka, PARTITIONS, say)
            stop = asyncio.Event()
            sending = asyncio.create_task(load.run(stop))
            watching = asyncio.create_task(recoveries.watch())
            declaring = Declaring(settings, seed)
            declares = asyncio.create_task(declaring.run())
            injector = FaultInjector(system, load, recoveries, say)
            try:
                await injector.inject(schedule(faults, seed))
                await asyncio.sleep(LOAD_AFTER_SECONDS)
                stop.set()
                await sending
                _end(declares)
                say(f"{len(load.sent)} events sent, {load.duplicates} of them duplicates; waiting for the workers")
                if load.failed:
                    raise RuntimeError(f"Kafka did not accept {load.failed} records: cannot compare")
                await asyncio.to_thread(wait_until_absorbed, settings, NO_PROGRESS_SECONDS)
                report = ChaosReport(faults, len(load.sent), recovery_seconds=recoveries.summary())
                report.stop_seconds = injector.stop_seconds
                # In a thread with its own event loop: the proxies run in this loop and must not be slowed down.
                report.outcome = await asyncio.to_thread(asyncio.run, compare(settings, load))
                report.injected = _injected(system, load, injector) | {"declarations": declaring.declarations}
            except StreamsegError:
                for worker in system.workers:
                    say(f"end of the log of worker {worker.number}:\n{worker.log[-LOG_TAIL:]}")
                raise
            finally:
                stop.set()
                sending.cancel()
                declares.cancel()
                watching.cancel()
                if log_folder is not None:
                    await asyncio.to_thread(save_logs, log_folder, system)
            report.crashes = sum(worker.crashes for worker in system.workers)
            return report


def _end(task: "asyncio.Task[None]") -> None:
    """Cancel a task that runs for ever; raise what has ended it before."""
    if task.done():
        task.result()
    task.cancel()


def _injected(system: System, load: Load, injector: FaultInjector) -> dict[str, int]:
    return {
        "erased": len(load.erased),
        "withdrawn": len(load.withdrawn),
        "poisoned": len(load.poisoned),
        "aborted_events": injector.transactions.aborted,
        "held_transactions": injector.held,
        "failed_producers": sum(worker.failed_producers for worker in system.workers),
    }


def save_logs(folder: Path, system: System) -> None:
    """Write the log of each worker into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for worker in system.workers:
        (folder / f"worker-{worker.number}.log").write_text(worker.log)


def say(line: str) -> None:
    """Print a line of progress to stderr."""
    click.echo(line, err=True)
