"""The servers of a measurement: Kafka with a load, an empty Redis, and a published model.

A benchmark starts both servers once, then calls `empty` and `clear` before each run.
"""

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

import numpy as np
import redis
from confluent_kafka import ConsumerGroupState, ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from streamseg import pipeline
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.clustering.snapshot import Snapshot
from streamseg.embedded import RedisServer
from streamseg.embedded.redis_server import DURABLE
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.rows import Rows
from streamseg.features.vector import vectors
from streamseg.settings import Settings
from streamseg.topics import CLICKS, DEAD_LETTERS, MEMBERSHIPS, MODELS, SAMPLES
from streamseg.wiring.derived import derive
from streamseg.wiring.stores import stores
from tests.bench.audience_rules import SETTINGS, declared
from tests.bench.click_load import Load, fill, send
from tests.bench.peers.customer import DONE
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics
from tests.support.processes import settings_of

PARTITIONS: Final = 4
OUTPUTS: Final = (MEMBERSHIPS, SAMPLES, MODELS, DEAD_LETTERS)
REWRITTEN_FROM: Final = "1gb"
"""Size of the append-only file at which Redis rewrites it, which takes a core for a second. At the default of 64 MB a
small store under full load rewrites it every few seconds."""
MODEL_CUSTOMERS: Final = 500
MODEL_EVENTS: Final = 10_000


def learned(settings: Settings, now: float | None = None) -> Snapshot:
    """Learn a model from customers like those of a load, as the trainer does, now or at this epoch second."""
    now = time.time() if now is None else now
    (params,) = derive(settings).learner_params
    rows = Rows(derive(settings).layout)
    sent = Load("model", MODEL_EVENTS, MODEL_CUSTOMERS, skewed=True, seed=7).records(now)
    now_ms = int(now * 1000)
    records = [MemoryRecord(CLICKS, 0, offset, now_ms, key, value) for offset, (key, value) in enumerate(sent)]
    batch = RecordBatch.of(CLICKS, 0, 0, 0, records)
    taken = pipeline.take(derive(settings).decoder, 0, batch, rows, lambda _: ())
    customers = taken.missing
    rows.load(customers, [None] * len(customers))
    pipeline.absorb(rows, 0, taken, derive(settings).money)
    learner = Learner(replace(params, warm_up_events=1))
    slots = rows.slots_of(customers)
    values = vectors(rows, slots, now, params.features)
    for offset, (customer, slot) in enumerate(zip(customers, slots.tolist(), strict=True)):
        learner.learn(Sample(customer, now, tuple(values[offset].tolist()), int(rows.events[slot])), offset)
        if learner.challenge_due():
            learner.challenge()
    snapshot = learner.snapshot()
    if not snapshot.segments:
        raise RuntimeError("the model learned from the load has no segments")
    return snapshot


class Testbed:
    """A Kafka and a Redis for the duration of a `with` block."""

    def __init__(self, folder: Path, partitions: int = PARTITIONS) -> None:
        self.folder = folder
        self.partitions = partitions
        self.kafka = KafkaServer()
        self.redis = RedisServer(options=(*DURABLE, "--auto-aof-rewrite-min-size", REWRITTEN_FROM))
        self.load: Load | None = None
        self.sent = 0
        """Clicks in the topic."""
        self.group = ""
        self.given: Mapping[str, str] = {}
        """Further settings of the worker, by environment name."""
        self.audiences = 0
        """Audiences that are declared when it starts over."""

    def __enter__(self) -> Self:
        self.kafka.start()
        self.redis.start()
        self._admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap, "log_level": 0})
        self._store = redis.Redis.from_url(self.redis.url)
        return self

    def __exit__(self, *_: object) -> None:
        self._store.close()
        self.redis.close()
        self.kafka.close()

    @property
    def environment(self) -> Mapping[str, str]:
        """The worker's settings as environment variables."""
        return {
            "STREAMSEG_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "STREAMSEG_KAFKA__GROUP": self.group,
            "STREAMSEG_REDIS__URL": self.redis.url,
            "STREAMSEG_WORKER__METRICS_PORT": "0",
            **({"STREAMSEG_AUDIENCES__MOST": str(self.audiences), **SETTINGS} if self.audiences else {}),
            **self.given,
        }

    @property
    def settings(self) -> Settings:
        """The worker's settings."""
        return settings_of(self.environment)

    def fill(self, load: Load) -> None:
        """Recreate the topics and send the load."""
        self.empty()
        self.send_load(load)

    def send_load(self, load: Load) -> None:
        """Send the load."""
        fill(self.kafka.bootstrap, load)
        self.load, self.sent = load, self.sent + load.events

    def empty(self) -> None:
        """Recreate all topics."""
        remake_topics(self.kafka.bootstrap, self.partitions)
        self.load, self.sent = None, 0

    def send(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Send further clicks at full speed."""
        send(self.kafka.bootstrap, records)
        self.sent += len(records)

    def clear(self) -> None:
        """Start over: a new consumer group, an empty store with a model and the audiences, empty output topics."""
        self.group = f"bench-{uuid.uuid4().hex[:12]}"
        self._store.flushall()
        remake_topics(self.kafka.bootstrap, self.partitions, OUTPUTS)
        asyncio.run(self._publish_model())
        self._store.config_resetstat()

    async def _publish_model(self) -> None:
        snapshot = learned(self.settings)
        async with stores(self.settings) as (_, _, models):
            await models.publish(snapshot.segmentation, snapshot.version, snapshot.parent, snapshot.to_json())
            if self.audiences:
                audiences = declared(self.audiences)
                await models.declare(audiences.generation, 0, audiences.encode())

    def is_assigned(self, consumers: int = 1) -> bool:
        """Whether the group is stable, and at least `consumers` members have partitions."""
        (future,) = self._admin.describe_consumer_groups([self.group]).values()
        try:
            described = future.result(30)
        except (KafkaException, TimeoutError):  # the group has no coordinator yet, or the broker is busy
            return False
        having = [one for one in described.members if one.assignment.topic_partitions]
        return described.state == ConsumerGroupState.STABLE and len(having) == len(described.members) >= consumers

    def is_drained(self) -> bool:
        """Whether the group has committed every click sent."""
        return self.committed() >= self.sent

    def committed(self) -> int:
        """Clicks that the group has committed."""
        (future,) = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group)]).values()
        try:
            parts = future.result(30).topic_partitions
        except (KafkaException, TimeoutError):
            return 0
        return sum(max(part.offset, 0) for part in parts if part.topic == CLICKS)

    def events_done(self) -> int:
        """Events that a peer has counted as written since `clear`."""
        return int(self._store.get(DONE) or 0)

    def rows_written(self) -> int:
        """Rows that a peer has written since `clear`: peers use SET for rows only."""
        return int(self._store.info("commandstats").get("cmdstat_set", {"calls": 0})["calls"])

    def counts(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Events of the load per customer number."""
        assert self.load is not None
        return np.bincount(self.load.whose(), minlength=self.load.customers)
