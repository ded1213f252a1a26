"""A worker process that can be killed, frozen, cut off from Kafka or Redis, and lose its producer."""

import asyncio
import sys
import tempfile
import time
from pathlib import Path
from signal import SIGCONT, SIGSTOP
from typing import Final

from streamseg.embedded.child import Child, ServerError
from tests.chaos.faulty_worker import FATAL_LINE, FATAL_SIGNAL
from tests.chaos.proxy import Proxy

ROOT: Final = Path(__file__).parents[2]
START_SECONDS: Final = 60.0
START_ATTEMPTS: Final = 5


class WorkerProcess:
    """A worker whose connections to Kafka and, unless `redis_proxy` is off, Redis go through proxies of its own."""

    def __init__(self, number: int, settings: Path, *, redis_proxy: bool = True) -> None:
        self.number = number
        self.lock = asyncio.Lock()
        """Held by the fault that affects this worker."""
        self.to_kafka, self.to_redis = Proxy(), Proxy()
        self.should_run = False
        self.crashes = 0
        command = [
            "/usr/bin/env",
            f"STREAMSEG_KAFKA__BOOTSTRAP=127.0.0.1:{self.to_kafka.port}",
            *([f"STREAMSEG_REDIS__URL=redis://127.0.0.1:{self.to_redis.port}/0"] if redis_proxy else []),
            f"PYTHONPATH={ROOT}",
            sys.executable, "-m", "tests.chaos.faulty_worker", "--settings", str(settings), "worker",
        ]  # fmt: skip
        self._child = Child(f"worker-{number}", command, Path(tempfile.mkdtemp(prefix="streamseg-worker-")))
        self._read = 0

    @property
    def running(self) -> bool:
        """True while the process exists."""
        return self._child.running

    @property
    def log(self) -> str:
        """The log of the worker, over all its starts."""
        return self._child.log.read_text(errors="replace") if self._child.log.exists() else ""

    @property
    def trains(self) -> bool:
        """True if its latest assignment includes the trainer role."""
        lines = [line for line in self.log.splitlines() if "assigned partitions" in line]
        return self.running and bool(lines) and "trainer role" in lines[-1]

    async def start(self) -> None:
        """Start the process and wait until it is up. Retry when it exits because a server is away."""
        self.should_run = True
        for _ in range(START_ATTEMPTS):
            self._read = len(self.log)
            try:
                await asyncio.to_thread(self._child.start, self._is_up, START_SECONDS)
            except ServerError:
                await asyncio.sleep(1.0)
            else:
                return
        raise ServerError(f"worker {self.number} did not start: {self.log[-500:]}")

    def _is_up(self) -> bool:
        return "worker is up" in self.log[self._read :]

    async def kill(self) -> None:
        """Send SIGKILL."""
        self.should_run = False
        await asyncio.to_thread(self._child.kill)

    async def stop(self) -> float:
        """Send SIGTERM; return the seconds until the process exits."""
        self.should_run = False
        began = time.monotonic()
        await asyncio.to_thread(self._child.stop, 30.0)
        return time.monotonic() - began

    def fail_producer(self) -> None:
        """Force a fatal error of the worker's producer."""
        if self.running:
            self._child.send(FATAL_SIGNAL)

    @property
    def failed_producers(self) -> int:
        """Fatal errors of producers so far."""
        return self.log.count(FATAL_LINE)

    def freeze(self) -> None:
        """Send SIGSTOP."""
        if self.running:
            self._child.send(SIGSTOP)

    def resume(self) -> None:
        """Send SIGCONT."""
        if self.running:
            self._child.send(SIGCONT)

    async def close(self) -> None:
        """Remove the process and its proxies."""
        await asyncio.to_thread(self._child.close)
        await self.to_kafka.close()
        await self.to_redis.close()
