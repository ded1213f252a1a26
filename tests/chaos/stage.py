"""The system under test: a real broker, a real Redis, real workers, and the wires between them."""

import asyncio
import os
import re
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Final, Self

from streamseg.embedded import RedisServer
from streamseg.embedded.child import Child, ServerError
from streamseg.settings import Settings, load_settings
from tests.chaos.load import REMEMBERED_EVENT_IDS
from tests.chaos.proxy import Proxy
from tests.chaos.schedule import WORKERS
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics

PARTITIONS: Final = 4
WORKER_START_SECONDS: Final = 60.0
START_ATTEMPTS: Final = 5
TAIL_SECONDS: Final = 1.0
"""What a power cut takes of an AOF that is synced every second."""
SETTINGS: Final = """
clock = "event"
[kafka]
bootstrap = "{bootstrap}"
partitions = {partitions}
[redis]
url = "{url}"
timeout_seconds = 2.0
[features]
remembered_event_ids = {remembered}
[worker]
metrics_port = 0
"""


class WorkerProcess:
    """A worker with wires of its own to broker and Redis."""

    def __init__(self, number: int, settings: Path) -> None:
        self.number = number
        self.lock = asyncio.Lock()
        """Held by the fault that has this worker."""
        self.to_kafka, self.to_redis = Proxy(), Proxy()
        self.wanted = False
        self.crashes = 0
        command = [
            "/usr/bin/env",
            f"STREAMSEG_KAFKA__BOOTSTRAP=127.0.0.1:{self.to_kafka.port}",
            f"STREAMSEG_REDIS__URL=redis://127.0.0.1:{self.to_redis.port}/0",
            sys.executable, "-m", "streamseg.commands", "--settings", str(settings), "worker",
        ]  # fmt: skip
        self._child = Child(f"worker-{number}", command, Path(tempfile.mkdtemp(prefix="streamseg-worker-")))
        self._read = 0

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._child.running

    @property
    def log(self) -> str:
        """Everything the worker has said, over all its lives."""
        return self._child.log.read_text(errors="replace") if self._child.log.exists() else ""

    @property
    def trains(self) -> bool:
        """Whether its latest assignment has the trainer role."""
        lines = [line for line in self.log.splitlines() if "assigned partitions" in line]
        return self.running and bool(lines) and "trainer role" in lines[-1]

    async def start(self) -> None:
        """Start the process, again and again where it gives up because a server is away; returns when it is up."""
        self.wanted = True
        for _ in range(START_ATTEMPTS):
            self._read = len(self.log)
            try:
                await asyncio.to_thread(self._child.start, self._is_up, WORKER_START_SECONDS)
            except ServerError:
                await asyncio.sleep(1.0)
            else:
                return
        raise ServerError(f"worker {self.number} did not start: {self.log[-500:]}")

    def _is_up(self) -> bool:
        return "worker is up" in self.log[self._read :]

    async def kill(self) -> None:
        """Kill -9."""
        self.wanted = False
        await asyncio.to_thread(self._child.kill)

    async def stop(self) -> float:
        """SIGTERM; the seconds until it was gone."""
        self.wanted = False
        began = time.monotonic()
        await asyncio.to_thread(self._child.stop, 30.0)
        return time.monotonic() - began

    def freeze(self) -> None:
        """Let it stand still without knowing."""
        if self.running:
            self._child.send(SIGSTOP)

    def thaw(self) -> None:
        """Let it go on."""
        if self.running:
            self._child.send(SIGCONT)

    async def close(self) -> None:
        """Remove it and its wires."""
        await asyncio.to_thread(self._child.close)
        await self.to_kafka.close()
        await self.to_redis.close()


class Stage:
    """All of it, for as long as the block lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.redis = RedisServer()
        self.redis_lock, self.kafka_lock = asyncio.Lock(), asyncio.Lock()
        settings = folder / "streamseg.toml"
        self.workers = [WorkerProcess(number, settings) for number in range(WORKERS + 1)]
        self.kafka = KafkaServer(advertised=[worker.to_kafka.port for worker in self.workers])
        settings.write_text(
            SETTINGS.format(
                bootstrap=self.kafka.bootstrap,
                partitions=PARTITIONS,
                url=self.redis.url,
                remembered=REMEMBERED_EVENT_IDS,
            )
        )
        self._file = settings
        self._sizes: deque[tuple[float, Path, int]] = deque(maxlen=200)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def settings(self) -> Settings:
        """As the workers have them, but for the wires."""
        return load_settings(self._file)

    async def __aenter__(self) -> Self:
        await asyncio.gather(asyncio.to_thread(self.kafka.start), asyncio.to_thread(self.redis.start))
        await asyncio.to_thread(remake_topics, self.kafka.bootstrap, PARTITIONS)
        for worker, port in zip(self.workers, self.kafka.behind, strict=True):
            worker.to_kafka.to, worker.to_redis.to = port, self.redis.port
            await worker.to_kafka.start()
            await worker.to_redis.start()
        self._tasks = [asyncio.create_task(self._watch_aof())]
        await asyncio.gather(*(worker.start() for worker in self.workers[:WORKERS]))
        self._tasks.append(asyncio.create_task(self._supervise()))
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(worker.close() for worker in self.workers), return_exceptions=True)
        await asyncio.to_thread(self.kafka.close)
        await asyncio.to_thread(self.redis.close)

    async def restart_redis(self, seconds: float, *, cut_tail: bool = False) -> None:
        """Kill -9, and start again after some seconds; with `cut_tail` from an AOF without its last second."""
        await asyncio.to_thread(self.redis.kill)
        if cut_tail:
            self._cut_tail()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.redis.start)

    async def restart_kafka(self, seconds: float) -> None:
        """Kill -9, and start again after some seconds."""
        await asyncio.to_thread(self.kafka.kill)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.kafka.start)

    def _cut_tail(self) -> None:
        last = self._aof()
        before = [size for at, file, size in self._sizes if file == last and at <= time.monotonic() - TAIL_SECONDS]
        if before:
            os.truncate(last, before[-1])

    def _aof(self) -> Path:
        return max(self.redis.folder.glob("appendonlydir/*.incr.aof"), key=lambda file: _generation(file.name))

    async def _watch_aof(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.redis.running:
                file = self._aof()
                self._sizes.append((time.monotonic(), file, file.stat().st_size))

    async def _supervise(self) -> None:
        """Start workers again that end by themselves, as whoever runs them in production would."""
        while True:
            await asyncio.sleep(0.5)
            for worker in self.workers:
                if worker.wanted and not worker.running and not worker.lock.locked():
                    async with worker.lock:
                        worker.crashes += 1
                        await worker.start()


def _generation(name: str) -> int:
    found = re.search(r"\.(\d+)\.incr", name)
    return int(found[1]) if found else 0
