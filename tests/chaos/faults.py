"""Inject the faults of a schedule into the system."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from tests.chaos.load import Load
from tests.chaos.recovery import Recoveries
from tests.chaos.schedule import WORKERS, Fault
from tests.chaos.system import System
from tests.chaos.transactions import EVENTS, Transactions
from tests.chaos.worker_process import WorkerProcess

IN_CLUSTER = ("kill_redis", "cut_redis_tail", "cut_worker_from_redis")
"""The faults that are those of one node there: killed, failed over by hand, frozen."""


class FaultInjector:
    """Injects faults, and reports them to `recoveries`. Faults of the same process wait for each other."""

    def __init__(self, system: System, load: Load, recoveries: Recoveries, say: Callable[[str], None]) -> None:
        self._system = system
        self._load = load
        self._recoveries = recoveries
        self._say = say
        self.stop_seconds: list[float] = []
        """Durations of the graceful stops."""
        self.transactions = Transactions(system.kafka.bootstrap)
        self.held = 0
        """Transactions that stayed open for a while and were committed."""

    async def inject(self, faults: Sequence[Fault]) -> None:
        """Inject all faults at their times; return when the last has ended."""
        began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number, fault in enumerate(faults):
                await asyncio.sleep(max(0.0, fault.at - (time.monotonic() - began)))
                self._say(f"{time.monotonic() - began:6.1f} s  {number + 1}/{len(faults)}  {fault.kind}")
                in_cluster = self._system.cluster is not None and fault.kind in IN_CLUSTER
                group.create_task(self._disturb_cluster(fault) if in_cluster else self._inject_one(fault))

    async def _inject_one(self, fault: Fault) -> None:
        system, worker = self._system, self._system.workers[fault.target]
        match fault.kind:
            case "kill_worker":
                await self._kill_worker(worker, fault.seconds, fault.kind)
            case "kill_trainer":
                trainer = next((one for one in system.workers[:WORKERS] if one.trains), worker)
                await self._kill_worker(trainer, fault.seconds, fault.kind)
            case "kill_redis" | "cut_redis_tail":
                await self._kill_redis(fault)
            case "kill_broker":
                async with system.kafka_lock:
                    self._recoveries.killed("broker", fault.kind)
                    await system.restart_kafka(fault.seconds)
                    self._recoveries.restarted("broker", "broker back")
            case "freeze_worker":
                async with worker.lock, self._disturbance(fault.kind):
                    worker.freeze()
                    await asyncio.sleep(fault.seconds)
                    worker.resume()
            case "cut_worker_from_redis":
                async with worker.lock, self._disturbance(fault.kind):
                    worker.to_redis.cut()
                    await asyncio.sleep(fault.seconds)
                    worker.to_redis.restore()
            case "cut_worker_from_broker":
                async with worker.lock, self._disturbance(fault.kind):
                    worker.to_kafka.cut()
                    await asyncio.sleep(fault.seconds)
                    worker.to_kafka.restore()
            case "fail_producer":
                async with worker.lock, self._disturbance(fault.kind):
                    worker.fail_producer()
            case "rebalance":
                extra = system.workers[WORKERS]
                async with extra.lock, self._disturbance(fault.kind):
                    await extra.start()
                    await asyncio.sleep(fault.seconds)
                    self.stop_seconds.append(await extra.stop())
            case _:
                await self._inject_into_input(fault)

    async def _kill_redis(self, fault: Fault) -> None:
        async with self._system.redis_lock:
            self._recoveries.killed("redis", fault.kind)
            await self._system.restart_redis(fault.seconds, cut_tail=fault.kind == "cut_redis_tail")
            self._recoveries.restarted("redis", "redis back")

    async def _disturb_cluster(self, fault: Fault) -> None:
        async with self._system.redis_lock:
            self._recoveries.killed("redis", fault.kind)
            await self._system.disturb_cluster(fault.kind, fault.seconds, fault.target)
            self._recoveries.restarted("redis", "redis back")

    async def _inject_into_input(self, fault: Fault) -> None:
        """Inject a fault of those who send events."""
        match fault.kind:
            case "erase":
                self._load.erase()
            case "withdraw_ads":
                self._load.withdraw_ads(fault.seconds)
            case "poison_record":
                self._load.poison()
            case "abort_transaction" | "hold_transaction":
                events = self._load.copies(EVENTS, f"copy-{fault.at}")
                if await self.transactions.write(events, fault.seconds, commit=fault.kind == "hold_transaction"):
                    self._load.was_sent(events)
                    self.held += 1
            case _:
                raise ValueError(fault.kind)

    async def _kill_worker(self, worker: WorkerProcess, seconds: float, fault: str) -> None:
        async with worker.lock:
            await worker.kill()
            self._recoveries.killed("worker", fault)
            await asyncio.sleep(seconds)
            await worker.start()

    @asynccontextmanager
    async def _disturbance(self, fault: str) -> AsyncIterator[None]:
        self._recoveries.disturbed(fault)
        yield
        self._recoveries.disturbed(f"{fault} ended")
