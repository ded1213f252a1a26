"""One partition of a worker on stores in memory, fed from a log in memory, that can be stopped at any call."""

import asyncio
import math
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from functools import partial

import msgspec

from streamseg.clustering.encode import Scale
from streamseg.clustering.identity import id_of
from streamseg.clustering.snapshot import Snapshot, WarmUp
from streamseg.events.decode import Decoder
from streamseg.events.money import Money
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.layout import Layout
from streamseg.kafka.change_topic import ChangeTopic
from streamseg.membership.types import Consent
from streamseg.metrics import Metrics
from streamseg.pipeline import PublishingRules, Segmentation
from streamseg.ports import Clock, OutgoingRecord
from streamseg.repair.set_aside import LogWithoutSetAside, set_aside_places
from streamseg.repair.verifier import Verifier, VerifyReport
from streamseg.sources.event import rfc3339
from streamseg.store.memory import MemoryMembershipStore, MemoryModelStore, MemoryStateStore
from streamseg.topics import CLICKS, CONSENTS, ERASURES, INPUT_TOPICS, PURCHASES, SAMPLES
from streamseg.wiring.declared_audiences import NONE, Segmentations, live_audiences
from streamseg.worker.clock import EventClock, WallClock
from streamseg.worker.context import Ports, RowLimit, Rules
from streamseg.worker.layout_check import RowLayouts
from streamseg.worker.model_cache import ModelCache
from streamseg.worker.pace import Pace
from streamseg.worker.partition.actor import Partition
from streamseg.worker.shared_cycle import SharedCycle
from streamseg.worker.stop_signal import StopSignal
from streamseg.worker.trainer.late_samples import LateSamples
from tests.support.gate import Gate

NOON = 1_717_416_000.0
DAY = 86_400.0
NUMBER = 0
RUN = 40
LOOKS = 3
LAYOUT = Layout.of(remembered_event_ids=16)
MONEY = Money("EUR")
FEATURES = ("views", "purchases")
SNAPSHOT = Snapshot(
    segmentation="behaviour",
    version=1,
    parent=0,
    generation=1,
    clusterer="kmeans",
    features=FEATURES,
    skewed=(True, True),
    scale=Scale.of([1.0, 0.5], [1.0, 1.0]),
    centres=((-0.3, -0.3), (0.6, 0.0), (1.4, 0.4), (2.0, 0.7)),
    segments=tuple(id_of("behaviour", code) for code in (11, 22, 33, 44)),
    counts=(1, 1, 1, 1),
    learned=100,
    samples_offset=-1,
    first_sample_at=None,
    learned_until=None,
    last_challenge_at=None,
    warm_up=WarmUp(0, 0, 0.0, 0),
)


QUICK = Pace(
    retry=0.01,
    idle=0.005,
    health_check=0.02,
    sweep_pause=0.005,
    due_pause=0.005,
    sweep_piece=5,
    sweep_piece_between=3,
    quiet=0.005,
    change_topic_end=0.02,
    outbox_trim=0.0,
    relay_idle=0.02,
)
"""Waits of a partition under test."""


class MemoryLog:
    """Topic partitions in memory; also the sink, as far as records of our partition go into it."""

    def __init__(self) -> None:
        self.records: defaultdict[str, list[MemoryRecord]] = defaultdict(list)

    def append(
        self, topic: str, key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes | None], ...] = ()
    ) -> None:
        records = self.records[topic]
        records.append(MemoryRecord(topic, NUMBER, len(records), int((NOON + 1e6) * 1000), key, value, headers))

    def event(self, topic: str, customer: str, event_id: str, at: float, **fields: object) -> None:
        head = {"event_id": event_id, "customer_id": customer, "occurred_at": rfc3339(NOON + at)}
        self.append(topic, customer.encode(), msgspec.json.encode(head | fields))

    async def send(self, records: Sequence[OutgoingRecord]) -> None:
        for record in records:
            self.append(record.topic, record.key, record.value, record.headers)

    async def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        return 0, len(self.records[topic])

    async def read(self, topic: str, partition: int, start: int, end: int) -> AsyncIterator[list[MemoryRecord]]:
        if start < end:
            yield self.records[topic][start:end]


class Servers:
    """What outlives a worker."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.state = MemoryStateStore()
        self.memberships = MemoryMembershipStore(ttl_seconds=10**6)
        self.models = MemoryModelStore()

    def copy_store(self) -> tuple[MemoryStateStore, MemoryMembershipStore]:
        """What a store that is about to lose its last seconds has on its disk."""
        return deepcopy(self.state), deepcopy(self.memberships)

    def go_back(self, copied: tuple[MemoryStateStore, MemoryMembershipStore]) -> None:
        """Be that store, in the hands of all its clients."""
        for ours, old in zip((self.state, self.memberships), copied, strict=True):
            ours.__dict__.update(deepcopy(old.__dict__))

    async def delete_late_samples(self) -> int:
        """Do the trainer's part for samples that came after a deletion; returns how many it deletes."""
        _, tombstones = LateSamples().sort_out(self.log.records[SAMPLES])
        await self.log.send(tombstones)
        return len(tombstones)

    async def verdict(self, retention_seconds: float = math.inf, layout: Layout | None = None) -> VerifyReport:
        """Of the whole log."""
        verifier = Verifier(
            layout=layout or LAYOUT,
            decoder=Decoder(MONEY),
            money=MONEY,
            state=self.state,
            memberships=self.memberships,
            log=LogWithoutSetAside(self.log, await set_aside_places(self.log, 1)),
            belongs=lambda *_: True,
            retention_seconds=retention_seconds,
            delivery_seconds=1.0,
        )
        await verifier.verify(NUMBER)
        return verifier.report


class OnePartition:
    """A worker that has just this partition. It is also the reader of its runs."""

    def __init__(
        self,
        servers: Servers,
        owner: str,
        gate: Gate | None = None,
        run: int = RUN,
        retention_seconds: float = math.inf,
        *,
        rows: RowLayouts | None = None,
        pace: Pace = QUICK,
        rejected_share_window: int = 1_000,
        clock_step: float = 1e9,
        number: int = NUMBER,
        partitions: int = 1,
        clock: Clock | None = None,
        segmentation: Segmentation | None = None,
        redelivery_window: float = 30.0,
        waiting: int = 2,
        declared: Segmentations = NONE,
        beside: "OnePartition | None" = None,
    ) -> None:
        """`run`: records at once, which decides how often a customer is looked at; `waiting`: runs in its inbox.

        `beside`: a partition of the same worker and of wall time, with which it shares its cycles.
        """
        rows = rows or RowLayouts(LAYOUT, frozenset(), frozenset(LAYOUT.segmentations))
        gate = gate or Gate()
        self._run = run
        self._waiting = waiting
        self.number = number
        self.servers = servers
        self.stop = StopSignal()
        self._sessions: dict[str, int] = dict.fromkeys(INPUT_TOPICS, 0)
        self._handed_out: dict[str, int] = dict.fromkeys(INPUT_TOPICS, 0)
        self._feeding: asyncio.Task[None] | None = None
        self.metrics = metrics = Metrics()
        made = segmentation or Segmentation("", FEATURES, 0.05, LOOKS, 86_400.0)
        named = [
            Segmentation(name, declared=True) if name in declared else replace(made, name=name)
            for name in rows.layout.segmentations
        ]
        rules_ = partial(live_audiences, rows.layout, segmentations=declared)
        compile_audiences = rules_ if rows.layout.audiences else None
        self.models = ModelCache(servers.models, named, metrics, pace, compile_audiences)
        self.rules = rules = Rules(
            layout=rows.layout,
            replaces=rows.replaces,
            segmentations=rows.segmentations,
            topics={},
            partitions=partitions,
            decoder=Decoder(MONEY),
            money=MONEY,
            publishing=PublishingRules(86_400.0, 30 * 86_400.0, Consent(ads=False, personalisation=True)),
            learns_per_second=10.0,
            redelivery_window=redelivery_window,
            sweep_interval=6 * 3_600.0,
            retention=retention_seconds,
            rejected_share_limit=0.5,
            rejected_share_window=rejected_share_window,
        )
        self.shared_cycle: SharedCycle = (
            SharedCycle(rules, self.models, metrics, one_clock=isinstance(clock, WallClock))
            if beside is None
            else beside.shared_cycle
        )
        self.partition = Partition(
            number,
            owner=owner,
            ports=Ports(
                clock=clock or EventClock(clock_step),
                reader=self,
                state=gate.around(servers.state),
                memberships=gate.around(servers.memberships),
                sink=gate.around(servers.log),
                changes=ChangeTopic(servers.log),
            ),
            rules=rules,
            models=self.models,
            shared_cycle=self.shared_cycle,
            row_limit=RowLimit(1_000),
            stop=self.stop,
            metrics=metrics,
            pace=pace,
        )

    @property
    def failures(self) -> list[Exception]:
        """What stopped the worker, if anything did."""
        return [] if self.stop.failure is None else [self.stop.failure]

    async def begin(self) -> None:
        """As after an assignment."""
        await self.models.refresh()
        await self.partition.begin()

    def end_sessions(self) -> None:
        """Hand out nothing more, as while the group rebalances; runs under way are stale."""
        if self._feeding is not None:
            self._feeding.cancel()
        for topic in INPUT_TOPICS:
            self._sessions[topic] += 1
            self._handed_out[topic] = 0

    async def rebalance(self) -> None:
        """As when Kafka assigns the partition to the worker that has it."""
        self.end_sessions()
        await self.partition.begin()

    def rewind(self, starts: Mapping[tuple[str, int], int | None]) -> None:
        """See `ports.Reader`."""
        self.end_sessions()
        places = {topic: start or 0 for (topic, _), start in starts.items()}
        self._feeding = asyncio.create_task(self._feed(places), name="feed")

    def wake(self) -> None:
        """See `ports.Reader`; the feed looks by itself."""

    def behind(self, partition: int, reached: Mapping[str, int]) -> Collection[str]:
        """See `ports.Reader`."""
        return ()

    def session(self, topic: str, partition: int) -> tuple[int, int]:
        """See `ports.Reader`."""
        return self._sessions[topic], self._handed_out[topic]

    async def _feed(self, places: dict[str, int]) -> None:
        """Runs of all topics in turn, for ever."""
        while True:
            for topic, place in places.items():
                records = self.servers.log.records[topic][place : place + self._run]
                while records and self.partition._inbox.waiting >= self._waiting:
                    await asyncio.sleep(0.0005)
                if records:
                    run = RecordBatch.of(topic, self.number, self._sessions[topic], self._handed_out[topic], records)
                    self._handed_out[topic] += 1
                    places[topic] += len(records)
                    self.partition.offer(run)
            await asyncio.sleep(0.001)

    @property
    def sweeps(self) -> int:
        """Sweeps that were completed."""
        return int(self.metrics.sweeps._value.get())

    async def sweep(self) -> None:
        """Let the worker complete a sweep that begins now; one may be under way."""
        async with asyncio.timeout(20):
            for wanted in range(self.sweeps + 1, self.sweeps + 3):
                self.models.generation += 1
                while self.sweeps < wanted:
                    await asyncio.sleep(0.002)

    @property
    def is_done(self) -> bool:
        """Everything in the log is absorbed and delivered."""
        delivered = self.partition.relay.checkpoint
        ends = {topic: len(self.servers.log.records[topic]) for topic in INPUT_TOPICS}
        return self.partition.relay.is_idle and all(
            delivered.get(topic, 0) == end for topic, end in ends.items() if end
        )

    async def close(self) -> None:
        """End its tasks, as a kill does."""
        if self._feeding is not None:
            self._feeding.cancel()
        await self.partition.close()


async def until(met: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait for it."""
    async with asyncio.timeout(seconds):
        while not met():
            await asyncio.sleep(0.002)


def fill(log: MemoryLog, first: int, count: int, customers: int = 6) -> None:
    """Events number `first` to `first + count` of a small shop: clicks, purchases, a consent, an erasure, doubles."""
    for n in range(first, first + count):
        customer, at = f"c-{n % customers}", n * 60.0
        if customer == "c-1" and n > first + count // 2:
            continue
        log.event(CLICKS, customer, f"e-{n}", at, event_name="view_item")
        if n % 9 == 0:
            log.event(CLICKS, customer, f"e-{n}", at, event_name="view_item")
        if n % 5 == 0:
            money = {"currency": "EUR", "value": 10.0 + n, "transaction_id": f"t-{n}"}
            log.event(PURCHASES, customer, f"p-{n}", at + 1.0, **money)
        if n % 17 == 0:
            log.event(CONSENTS, customer, f"a-{n}", at + 2.0, consent={"ads": True})
    log.event(ERASURES, "c-1", f"x-{first}", (first + count) * 60.0)
