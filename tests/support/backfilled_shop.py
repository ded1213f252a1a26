"""A shop whose history is replayed to a worker and a trainer, as fast as they take it."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from itertools import count, islice
from typing import Any

import msgspec
import numpy as np

from streamseg.clustering.assign import Assigner
from streamseg.clustering.encode import standardised
from streamseg.clustering.params import LearnerParams
from streamseg.clustering.snapshot import Snapshot
from streamseg.evaluation.measures import ceiling, inertia
from streamseg.features.rows import Rows
from streamseg.features.vector import vectors
from streamseg.kafka.partitioner import partition_of
from streamseg.pipeline import IN_STEP, is_end
from streamseg.ports import Clock
from streamseg.sources.sending import heartbeats
from streamseg.topics import CLICKS, INPUT_TOPICS, PURCHASES
from tests.support.partition import DAY, FEATURES, LAYOUT, NOON, QUICK, MemoryLog, OnePartition, Servers, until
from tests.support.trainer import OneTrainer, SamplesTopic

CUSTOMERS = 100
DAYS = 150
FULL_SPEED = 1_000
"""Records at once: the whole history in eight polls."""
FASTER_THAN_SWEEPS = 200
"""Records at once: some days of the shop."""
PARAMS = LearnerParams("behaviour", FEATURES, (True, True), k=4)
KINDS = ((0.05, 0.0), (0.6, 0.01), (0.1, 0.15), (1.0, 0.4))
"""Views and orders per day."""


def play(log: MemoryLog, number: int, partitions: int, days: range) -> None:
    """Add the events of some days to a partition of a shop that ends at noon; half of the customers change once."""
    rng = np.random.default_rng([number, 0])
    belonging = (one for one in (f"c-{n}" for n in count()) if partition_of(one, partitions) == number)
    names = list(islice(belonging, CUSTOMERS))
    kind = rng.integers(0, 4, (2, CUSTOMERS))
    kind[1] = np.where(rng.random(CUSTOMERS) < 0.5, kind[0], kind[1])
    busy = rng.lognormal(0.0, 0.5, CUSTOMERS)
    for day in days:
        rng = np.random.default_rng([number, 1, day])
        rates = np.array(KINDS)[kind[int(day >= DAYS // 2)]] * busy[:, None]
        counts = rng.poisson(rates)
        for customer in rng.permutation(CUSTOMERS).tolist():
            name, at = names[customer], -(DAYS - day - rng.random()) * DAY
            for n in range(int(counts[customer, 0])):
                log.event(CLICKS, name, f"v-{name}-{day}-{n}", at, event_name="view_item")
            for n in range(int(counts[customer, 1])):
                money = {"currency": "EUR", "value": 20.0, "transaction_id": f"t-{name}-{day}-{n}"}
                log.event(PURCHASES, name, f"p-{name}-{day}-{n}", at, **money)


class Backfilled(OnePartition):
    """A partition that knows when its logs have more to read."""

    def behind(self, partition: int, reached: Mapping[str, int]) -> Collection[str]:
        return [topic for topic in INPUT_TOPICS if reached.get(topic, 0) < len(self.servers.log.records[topic])]


class Shop:
    """Partitions with a log each, on one store, and their trainer."""

    def __init__(self, partitions: int = 1) -> None:
        self.servers = [Servers() for _ in range(partitions)]
        for one in self.servers[1:]:
            one.state, one.memberships, one.models = (
                self.servers[0].state,
                self.servers[0].memberships,
                self.servers[0].models,
            )
        self.topic = SamplesTopic([one.log for one in self.servers])
        self.workers: dict[int, Backfilled] = {}
        self.trainer: OneTrainer | None = None
        self._watching: list[asyncio.Task[None]] = []

    def end_history(self) -> None:
        """Tell every partition that all of the history was sent, as `replay` does."""
        for one in self.servers:
            for beat in heartbeats(NOON - 60.0, 1, ends_history=True):
                one.log.append(beat.topic, beat.key, beat.value, beat.headers)

    def play(self, days: range = range(DAYS), partitions: Sequence[int] | None = None) -> None:
        """Write days of history to the logs of partitions, of all by default."""
        for number in partitions if partitions is not None else range(len(self.servers)):
            play(self.servers[number].log, number, len(self.servers), days)

    async def start(self, run: int, clock: Clock | None = None, *, trainer: bool = True) -> None:
        """Start the workers, and a trainer."""
        for number, servers in enumerate(self.servers):
            worker = Backfilled(
                servers,
                f"worker-{number}",
                run=run,
                pace=replace(QUICK, model_poll=0.01),
                clock=clock,
                number=number,
                partitions=len(self.servers),
            )
            self.workers[number] = worker
            await worker.begin()
            self._watching.append(asyncio.create_task(worker.models.watch()))
        if trainer:
            self.start_trainer()

    def start_trainer(self) -> None:
        """Start a trainer, if another one was closed."""
        self.trainer = OneTrainer(self.servers[0], self.topic, PARAMS, len(self.servers))
        self.trainer.start()

    async def kill(self) -> None:
        """End all processes."""
        for task in self._watching:
            task.cancel()
        for worker in self.workers.values():
            await worker.close()
        if self.trainer is not None:
            await self.trainer.close()

    @property
    def failures(self) -> list[Exception]:
        return [failure for worker in self.workers.values() for failure in worker.failures]

    async def closed(self) -> None:
        """Wait until the store says that every partition is in step, and customers are in their nearest segment.

        All but a few: the last samples of another partition have moved River's centres a little.
        """
        async with asyncio.timeout(60):
            while not (
                all([await self.in_step(number) for number in self.workers])
                and self.trainer is not None
                and self.trainer.is_done
                and await self._is_settled()
            ):
                assert not self.failures
                await asyncio.sleep(0.02)

    async def in_step_again(self) -> None:
        """Wait until the trainer has answered to everything that was played, with segments or without."""
        async with asyncio.timeout(60):
            while not all([await self.in_step(number) for number in self.workers]):
                await asyncio.sleep(0.02)

    async def worked_off(self, sweeps: int) -> None:
        """Wait until the first partition has taken all and made so many sweeps."""
        await until(lambda: self.workers[0].is_done and self.workers[0].sweeps >= sweeps)

    async def in_step(self, number: int) -> bool:
        """Whether the store says that a partition is in step at the end of the history."""
        return await self.stored_step(number) > NOON - 2 * DAY

    async def stored_step(self, number: int) -> float:
        """Until when the store says that the sweeps of a partition kept up, epoch seconds."""
        metadata = await self.servers[0].state.metadata(number)
        return 0.0 if metadata is None else float(metadata.checkpoint.get(IN_STEP, 0))

    @property
    def ends_told(self) -> int:
        """How many ends of backfills are on the samples topic."""
        return sum(is_end(record.key) for record in self.topic.gather())

    async def _is_settled(self) -> bool:
        snapshot, rows = await self.snapshot(), await self.rows()
        nearest = Assigner(snapshot).assign(self.vectors(rows)).nearest_code
        return bool((rows.segment[: len(rows), 0] == nearest).mean() >= 0.95)

    async def snapshot(self) -> Snapshot:
        stored = await self.servers[0].models.snapshot("behaviour")
        assert stored is not None
        return Snapshot.from_json(stored)

    async def rows(self) -> Rows:
        """All stored rows."""
        rows = Rows(LAYOUT)
        for number in range(len(self.servers)):
            cursor = -1
            while cursor != 0:
                cursor, listed = await self.servers[0].state.scan(number, max(cursor, 0), 1_000)
                found = {customer: row for customer, row in listed if customer not in rows.slots}
                rows.load(list(found), list(found.values()))
        return rows

    def vectors(self, rows: Rows) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return vectors(rows, np.arange(len(rows), dtype=np.intp), NOON, FEATURES)

    async def ratio(self, least: float = 0.9 * CUSTOMERS) -> float:
        """Inertia of the best offline k-means on everybody, as a share of that of the memberships.

        `least`: customers of each partition that there must be.
        """
        rows = await self.rows()
        scaled = standardised(self.vectors(rows), PARAMS.skewed)
        members = rows.segment[: len(rows), 0].astype(np.intp)
        assert len(rows) > least * len(self.servers)
        return inertia(scaled, ceiling(scaled, PARAMS.k, [members])) / inertia(scaled, members)

    async def catalogue(self) -> dict[str, dict[str, Any]]:
        """Entries of the segments that are not retired."""
        stored = {one: msgspec.json.decode(entry) for one, entry in (await self.servers[0].models.catalogue()).items()}
        return {one: entry for one, entry in stored.items() if entry["retired"] is None}
