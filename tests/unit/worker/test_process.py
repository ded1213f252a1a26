"""A worker ends when it is told to, also while it still waits for its group. Issue 15."""

import asyncio
from typing import Any, cast

import pytest
from typing_extensions import override

from streamseg.errors import StreamsegError
from streamseg.metrics import Metrics
from streamseg.store.memory import MemoryModelStore, MemoryWorkerReports
from streamseg.worker.health import Health
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import Pace
from streamseg.worker.process import WorkerProcess
from streamseg.worker.stop_signal import StopSignal


class NobodyAnswers:
    """A stream whose group never answers."""

    def __init__(self) -> None:
        self.started = asyncio.Event()

    async def start(self, handler: object) -> None:
        self.started.set()
        await asyncio.Event().wait()

    async def commit(self) -> None:
        """Nothing to commit."""

    async def stop(self) -> None:
        """Nothing to leave."""

    def crashed(self) -> str | None:
        return None

    def backlog(self) -> dict[tuple[str, int], int]:
        return {}

    def held_back(self) -> dict[tuple[str, int], int]:
        return {}


class Idle(NobodyAnswers):
    """A stream that starts and brings nothing."""

    @override
    async def start(self, handler: object) -> None:
        """Nothing to join."""


class NoPartitions:
    trains = False

    def cold(self) -> str | None:
        return "no partitions are assigned yet"

    def gauge(self, metrics: Metrics, backlog: object) -> None:
        """Nothing to show."""

    def reports(self) -> tuple[()]:
        return ()

    def waits(self) -> list[Any]:
        return []

    async def finish(self, timeout_seconds: float) -> None:
        """Nothing to finish."""


def test_a_worker_that_waits_for_its_group_ends_when_it_is_told_to() -> None:
    async def go() -> None:
        stream, stop, metrics = NobodyAnswers(), StopSignal(), Metrics()
        assignment: Any = NoPartitions()
        health = Health(assignment)
        worker = WorkerProcess(
            stream=stream,  # type: ignore[arg-type]  # what it calls
            assignment=assignment,
            models=ModelCache(MemoryModelStore(), (), metrics),
            stop=stop,
            metrics=metrics,
            checks=(),
            closing=(),
            owner="w",
            reports=MemoryWorkerReports(),
            probe_seconds=0.0,
            health=health,
            pace=Pace(finish=0.1, commit=0.1, leave=0.1, close=0.1),
        )
        running = asyncio.create_task(worker.run())
        await asyncio.wait_for(stream.started.wait(), 10)
        assert health.live() is None
        stop.stop()
        await asyncio.wait_for(running, 10)
        assert health.ready() == "shutting down"

    asyncio.run(go())


def test_an_error_in_a_task_beside_the_stream_stops_the_worker() -> None:
    """It ended unseen, and the gauges stood still for ever."""

    async def broken() -> None:
        raise ValueError("odd")

    async def go() -> None:
        metrics, assignment = Metrics(), cast("Any", NoPartitions())
        worker = WorkerProcess(
            stream=Idle(),  # type: ignore[arg-type]  # what it calls
            assignment=assignment,
            models=ModelCache(MemoryModelStore(), (), metrics),
            stop=StopSignal(),
            metrics=metrics,
            checks=(),
            closing=(),
            owner="w",
            reports=MemoryWorkerReports(),
            probe_seconds=0.0,
            health=Health(assignment),
            beside=[broken],
            pace=Pace(finish=0.1, commit=0.1, leave=0.1, close=0.1),
        )
        await asyncio.wait_for(worker.run(), 20)

    with pytest.raises(StreamsegError, match="a task of the worker ended: ValueError"):
        asyncio.run(go())
