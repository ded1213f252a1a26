"""The system under test: a real Kafka, a real Redis, worker processes, and proxies between them."""

import asyncio
import os
import re
import time
from collections import deque
from pathlib import Path
from typing import Final, Self

from streamseg.embedded import RedisServer
from streamseg.settings import Settings, load_settings
from tests.chaos.audiences import TRACKED
from tests.chaos.load import REMEMBERED_EVENT_IDS
from tests.chaos.schedule import WORKERS
from tests.chaos.worker_process import WorkerProcess
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics
from tests.support.redis_cluster import RedisCluster

PARTITIONS: Final = 4
FAILOVER_SECONDS: Final = 3.0
"""Of a node of the Cluster, with its short node timeout."""
TAIL_SECONDS: Final = 1.0
"""Seconds of writes that a power cut loses when the append-only file is synced every second."""
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
[segmentations.behaviour]
pack = "behaviour"
[segmentations.status]
pack = "status"
[segmentations.journey]
pack = "journey"
[audiences]
tracked = {tracked}
identifiers = ["email"]
[worker]
metrics_port = 0
"""


class System:
    """Kafka, Redis and the workers. `async with` starts and stops all of them."""

    def __init__(self, folder: Path, *, in_cluster: bool = False) -> None:
        self.redis = RedisServer()
        self.cluster = RedisCluster() if in_cluster else None
        """Used instead of `redis`; workers reach its nodes without proxies."""
        self.redis_lock, self.kafka_lock = asyncio.Lock(), asyncio.Lock()
        self._settings_file = folder / "streamseg.toml"
        through_proxies = self.cluster is None
        self.workers = [
            WorkerProcess(number, self._settings_file, redis_proxy=through_proxies) for number in range(WORKERS + 1)
        ]
        """The permanent workers, and one for `rebalance`."""
        self.kafka = KafkaServer(advertised=[worker.to_kafka.port for worker in self.workers])
        self._settings_file.write_text(
            SETTINGS.format(
                bootstrap=self.kafka.bootstrap,
                partitions=PARTITIONS,
                url=self.redis.url if self.cluster is None else self.cluster.url,
                remembered=REMEMBERED_EVENT_IDS,
                tracked="{ " + ", ".join(f"{event} = {times}" for event, times in TRACKED.items()) + " }",
            )
        )
        self._aof_sizes: deque[tuple[float, Path, int]] = deque(maxlen=200)
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def settings(self) -> Settings:
        """The settings of the workers, but without the proxies."""
        return load_settings(self._settings_file)

    async def __aenter__(self) -> Self:
        await asyncio.gather(asyncio.to_thread(self.kafka.start), asyncio.to_thread(self._start_redis))
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
        if self.cluster is not None:
            await asyncio.to_thread(self.cluster.close)

    def _start_redis(self) -> None:
        if self.cluster is None:
            self.redis.start()
        else:
            self.cluster.__enter__()

    async def restart_redis(self, seconds: float, *, cut_tail: bool = False) -> None:
        """Kill Redis and start it after some seconds; with `cut_tail` its file loses the last second of writes."""
        await asyncio.to_thread(self.redis.kill)
        if cut_tail:
            self._cut_tail()
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.redis.start)

    async def disturb_cluster(self, kind: str, seconds: float, target: int) -> None:
        """Kill or freeze a primary until its replica has its place and some seconds more, or fail it over by hand."""
        assert self.cluster is not None
        await asyncio.to_thread(self.cluster.wait_until_whole)
        primaries = await asyncio.to_thread(self.cluster.primaries)
        node = primaries[target % len(primaries)]
        if kind == "cut_redis_tail":
            await asyncio.to_thread(self.cluster.fail_over, node)
            return
        (node.kill if kind == "kill_redis" else node.pause)()
        await asyncio.sleep(seconds + FAILOVER_SECONDS)
        await asyncio.to_thread(node.start if kind == "kill_redis" else node.resume)
        await asyncio.to_thread(self.cluster.wait_until_whole)

    async def restart_kafka(self, seconds: float) -> None:
        """Kill Kafka and start it after some seconds."""
        await asyncio.to_thread(self.kafka.kill)
        await asyncio.sleep(seconds)
        await asyncio.to_thread(self.kafka.start)

    def _cut_tail(self) -> None:
        last = self._aof()
        until = time.monotonic() - TAIL_SECONDS
        sizes = [size for at, file, size in self._aof_sizes if file == last and at <= until]
        if sizes:
            os.truncate(last, sizes[-1])

    def _aof(self) -> Path:
        return max(self.redis.folder.glob("appendonlydir/*.incr.aof"), key=lambda file: _generation(file.name))

    async def _watch_aof(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.redis.running:
                file = self._aof()
                self._aof_sizes.append((time.monotonic(), file, file.stat().st_size))

    async def _supervise(self) -> None:
        """Restart workers that exit by themselves, as a supervisor in production does."""
        while True:
            await asyncio.sleep(0.5)
            for worker in self.workers:
                if worker.should_run and not worker.running and not worker.lock.locked():
                    async with worker.lock:
                        worker.crashes += 1
                        await worker.start()


def _generation(name: str) -> int:
    found = re.search(r"\.(\d+)\.incr", name)
    return int(found[1]) if found else 0
