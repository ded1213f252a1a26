"""One run: load, faults, calm, comparison."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from streamseg import wiring
from streamseg.commands._sending import wait_until_absorbed
from streamseg.errors import StreamsegError
from streamseg.repair.single_pass import Kind, RowDifference
from streamseg.repair.verifier import copy_partition
from streamseg.sources.fitgear import FitGear
from tests.chaos.load import Load
from tests.chaos.recovery import Recoveries
from tests.chaos.reference import compare_with_sent
from tests.chaos.schedule import WORKERS, Fault, schedule
from tests.chaos.stage import PARTITIONS, Stage, WorkerProcess

CUSTOMERS = 1_500
DAYS = 90
RATE = 300.0
AFTER_SECONDS = 20.0
"""Load after the last blow, so that its recovery is seen too."""
PATIENCE_SECONDS = 60.0
LAST_WORDS = 3_000
"""Characters of each worker's log that are shown when they do not come to rest."""


@dataclass
class Outcome:
    """What a run found. Differences are those of `verify` and of the comparison with what was sent."""

    faults: int
    events: int
    differences: list[RowDifference] = field(default_factory=list)
    changes_missing: list[str] = field(default_factory=list)
    recovery_seconds: dict[Any, Any] = field(default_factory=dict)
    crashes: int = 0
    stop_seconds: list[float] = field(default_factory=list)

    def customers_with(self, kind: Kind) -> int:
        """Customers with a difference of this kind."""
        return len({one.customer_id for one in self.differences if one.kind == kind})

    def told(self) -> dict[str, Any]:
        """The last line."""
        return {
            "faults": self.faults,
            "events": self.events,
            "lost": self.customers_with("lost"),
            "doubled": self.customers_with("doubled"),
            "different": self.customers_with("different"),
            "changes_missing": len(self.changes_missing),
            "recovery_seconds": self.recovery_seconds,
        }


class Chaos:
    """Deals the blows of a schedule."""

    def __init__(self, stage: Stage, load: Load, recoveries: Recoveries, say: Callable[[str], None]) -> None:
        self._stage = stage
        self._load = load
        self._recoveries = recoveries
        self._say = say
        self.stop_seconds: list[float] = []

    async def deal(self, faults: list[Fault]) -> None:
        """All of them, each at its time; returns when the last has ended."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, fault in enumerate(faults):
                await asyncio.sleep(max(0.0, fault.at - (time.monotonic() - began)))
                self._say(f"{time.monotonic() - began:6.1f} s  {number + 1}/{len(faults)}  {fault.kind}")
                group.create_task(self._one(fault))

    async def _one(self, fault: Fault) -> None:
        stage, worker = self._stage, self._stage.workers[fault.target]
        match fault.kind:
            case "kill_worker":
                await self._kill_worker(worker, fault.seconds, fault.kind)
            case "kill_trainer":
                owner = next((one for one in stage.workers[:WORKERS] if one.trains), worker)
                await self._kill_worker(owner, fault.seconds, fault.kind)
            case "kill_redis" | "cut_redis_tail":
                async with stage.redis_lock:
                    self._recoveries.blow("redis", fault.kind)
                    await stage.restart_redis(fault.seconds, cut_tail=fault.kind == "cut_redis_tail")
                    self._recoveries.end("redis", "redis back")
            case "kill_broker":
                async with stage.kafka_lock:
                    self._recoveries.blow("broker", fault.kind)
                    await stage.restart_kafka(fault.seconds)
                    self._recoveries.end("broker", "broker back")
            case "freeze_worker":
                async with worker.lock, self._disturbance(fault.kind):
                    worker.freeze()
                    await asyncio.sleep(fault.seconds)
                    worker.thaw()
            case "cut_worker_from_redis":
                async with worker.lock, self._disturbance(fault.kind):
                    worker.to_redis.cut()
                    await asyncio.sleep(fault.seconds)
                    worker.to_redis.mend()
            case "cut_worker_from_broker":
                async with worker.lock, self._disturbance(fault.kind):
                    worker.to_kafka.cut()
                    await asyncio.sleep(fault.seconds)
                    worker.to_kafka.mend()
            case "erase":
                self._load.erase()
            case "rebalance":
                third = stage.workers[WORKERS]
                async with third.lock, self._disturbance(fault.kind):
                    await third.start()
                    await asyncio.sleep(fault.seconds)
                    self.stop_seconds.append(await third.stop())

    async def _kill_worker(self, worker: WorkerProcess, seconds: float, fault: str) -> None:
        async with worker.lock:
            await worker.kill()
            self._recoveries.blow("worker", fault)
            await asyncio.sleep(seconds)
            await worker.start()

    @asynccontextmanager
    async def _disturbance(self, fault: str) -> AsyncIterator[None]:
        self._recoveries.disturb(fault)
        yield
        self._recoveries.disturb(f"{fault} ended")


async def run(faults: int, seed: int, say: Callable[[str], None], keep: Path | None = None) -> Outcome:
    """Deal the faults, wait for calm, and compare. `keep`: a folder for the workers' logs."""
    shop = FitGear(CUSTOMERS, DAYS, seed, ends_at=time.time())
    with tempfile.TemporaryDirectory(prefix="streamseg-chaos-") as folder:
        async with Stage(Path(folder)) as stage:
            settings = stage.settings
            load = Load(stage.kafka.bootstrap, PARTITIONS, shop, RATE, seed)
            recoveries = Recoveries(settings.kafka, PARTITIONS, say)
            stop = asyncio.Event()
            sending = asyncio.create_task(load.run(stop))
            watching = asyncio.create_task(recoveries.watch())
            chaos = Chaos(stage, load, recoveries, say)
            try:
                await chaos.deal(schedule(faults, seed))
                await asyncio.sleep(AFTER_SECONDS)
                stop.set()
                await sending
                say(f"{len(load.sent)} events sent, {load.doubles} of them doubles; waiting for calm")
                if load.failed:
                    raise RuntimeError(f"Kafka did not take {load.failed} records: nothing can be compared")
                await asyncio.to_thread(wait_until_absorbed, settings, PATIENCE_SECONDS)
                outcome = Outcome(faults, len(load.sent), recovery_seconds=recoveries.told())
                outcome.stop_seconds = chaos.stop_seconds
                # In a thread with a loop of its own: the proxies run in this one, and the workers must not feel it.
                await asyncio.to_thread(asyncio.run, compare(outcome, settings, load))
            except StreamsegError:
                for worker in stage.workers:
                    say(f"the last words of worker {worker.number}:\n{worker.log[-LAST_WORDS:]}")
                raise
            finally:
                stop.set()
                sending.cancel()
                watching.cancel()
                if keep is not None:
                    await asyncio.to_thread(keep_logs, keep, stage)
            outcome.crashes = sum(worker.crashes for worker in stage.workers)
            return outcome


def keep_logs(folder: Path, stage: Stage) -> None:
    """Save what the workers said."""
    folder.mkdir(parents=True, exist_ok=True)
    for worker in stage.workers:
        (folder / f"worker-{worker.number}.log").write_text(worker.log)


async def compare(outcome: Outcome, settings: Any, load: Load) -> None:
    """Verify on the log, then the pass over what was sent."""
    live: dict[str, bytes] = {}
    async with wiring.verifier(settings) as (verifier, partitions):
        for partition in range(partitions):
            await verifier.verify(partition)
    async with wiring.stores(settings) as (state, _, _):
        for partition in range(partitions):
            live |= (await copy_partition(state, partition)).rows
    outcome.differences = verifier.verdict.differences + compare_with_sent(settings, load.sent, live)
    outcome.changes_missing = verifier.verdict.changes_missing


def say(line: str) -> None:
    """Progress, on stderr."""
    click.echo(line, err=True)
