"""The ground of a measurement: a broker that keeps its load, a store that begins empty, a model to assign by."""

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

from streamseg import pipeline, wiring
from streamseg.clustering.learning.learner import Learner
from streamseg.clustering.sample import Sample
from streamseg.embedded import RedisServer
from streamseg.embedded.redis_server import DURABLE
from streamseg.events.record import MemoryRecord, RecordBatch
from streamseg.features.rows import Rows
from streamseg.features.vector import vectors
from streamseg.settings import Settings
from streamseg.topics import CLICKS, DEAD_LETTERS, MEMBERSHIPS, MODELS, SAMPLES
from streamseg.wiring.derived import derive
from tests.bench.load import Load, fill, send
from tests.support.kafka.server import KafkaServer
from tests.support.kafka.topics import remake_topics
from tests.support.processes import settings_of

PARTITIONS: Final = 4
OUTPUTS: Final = (MEMBERSHIPS, SAMPLES, MODELS, DEAD_LETTERS)
REWRITTEN_FROM: Final = "1gb"
"""How large the append-only file grows before Redis writes it anew, which takes a core for a second. At the default of
64 MB a small store under a full load does that all the time."""
MODEL_CUSTOMERS: Final = 500
MODEL_EVENTS: Final = 10_000


class Stage:
    """A broker and a store for as long as the block lasts; `load` stands in the topic of clicks."""

    def __init__(self, folder: Path, partitions: int = PARTITIONS) -> None:
        self.folder = folder
        self.partitions = partitions
        self.kafka = KafkaServer()
        self.redis = RedisServer(options=(*DURABLE, "--auto-aof-rewrite-min-size", REWRITTEN_FROM))
        self.load: Load | None = None
        self.sent = 0
        """Clicks that stand in the topic."""
        self.group = ""
        self.given: Mapping[str, str] = {}
        """Settings of our worker beyond where its servers are, by name of the environment."""

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
        """The settings of our worker, for a process."""
        return {
            "STREAMSEG_KAFKA__BOOTSTRAP": self.kafka.bootstrap,
            "STREAMSEG_KAFKA__GROUP": self.group,
            "STREAMSEG_REDIS__URL": self.redis.url,
            "STREAMSEG_WORKER__METRICS_PORT": "0",
            **self.given,
        }

    @property
    def settings(self) -> Settings:
        """The same as values."""
        return settings_of(self.environment)

    def fill(self, load: Load) -> None:
        """Make the topics anew and send the load."""
        self.empty()
        self.pour(load)

    def pour(self, load: Load) -> None:
        """Send the load to topics that are empty."""
        fill(self.kafka.bootstrap, load)
        self.load, self.sent = load, load.events

    def empty(self) -> None:
        """Make the topics anew."""
        remake_topics(self.kafka.bootstrap, self.partitions)
        self.load, self.sent = None, 0

    def send(self, records: Sequence[tuple[bytes, bytes]]) -> None:
        """Send clicks beside those that stand in the topic, as fast as can be."""
        send(self.kafka.bootstrap, records)
        self.sent += len(records)

    def clear(self) -> None:
        """A new group, an empty store with a model, and nothing in the topics that workers write."""
        self.group = f"bench-{uuid.uuid4().hex[:12]}"
        self._store.flushall()
        remake_topics(self.kafka.bootstrap, self.partitions, OUTPUTS)
        asyncio.run(self._publish_model())
        self._store.config_resetstat()

    async def _publish_model(self) -> None:
        """A model of customers like those of the load, learned as the trainer does it."""
        settings = self.settings
        (params,) = derive(settings).learner_params
        rows = Rows(wiring.layout_of(settings))
        sent = Load("model", MODEL_EVENTS, MODEL_CUSTOMERS, skewed=True, seed=7).records(time.time())
        now_ms = int(time.time() * 1000)
        records = [MemoryRecord(CLICKS, 0, offset, now_ms, key, value) for offset, (key, value) in enumerate(sent)]
        batch = RecordBatch(CLICKS, 0, 0, 0, records)
        taken = pipeline.take(wiring.decoder_of(settings), 0, batch, rows, lambda _: ())
        customers = taken.missing
        rows.load(customers, [None] * len(customers))
        pipeline.absorb(rows, 0, taken, wiring.money_of(settings))
        now = time.time()
        learner = Learner(replace(params, warm_up_events=1))
        slots = rows.slots_of(customers)
        values = vectors(rows, slots, now, params.features)
        for offset, (customer, slot) in enumerate(zip(customers, slots.tolist(), strict=True)):
            vector = tuple(values[offset].tolist())
            learner.learn(Sample(customer, now, vector, int(rows.events[slot])), offset)
            if learner.challenge_due():
                learner.challenge()
        snapshot = learner.snapshot()
        if not snapshot.segments:
            raise RuntimeError("the model of the load has no segments")
        async with wiring.stores(settings) as (_, _, models):
            await models.publish(params.segmentation, snapshot.version, snapshot.parent, snapshot.to_json())

    def is_assigned(self, consumers: int = 1) -> bool:
        """Whether the group's consumers have their partitions: consumption starts."""
        (future,) = self._admin.describe_consumer_groups([self.group]).values()
        try:
            described = future.result(30)
        except KafkaException:  # the group's coordinator is only just coming
            return False
        having = [one for one in described.members if one.assignment.topic_partitions]
        return described.state == ConsumerGroupState.STABLE and len(having) == len(described.members) >= consumers

    def is_drained(self) -> bool:
        """Whether everything sent is committed."""
        return self.committed() >= self.sent

    def committed(self) -> int:
        """Records of the load that the group has committed."""
        (future,) = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(self.group)]).values()
        try:
            parts = future.result(30).topic_partitions
        except KafkaException:
            return 0
        return sum(max(part.offset, 0) for part in parts if part.topic == CLICKS)

    def rows_written(self) -> int:
        """Rows that a peer has written since the stage was cleared: it uses SET for nothing else."""
        return int(self._store.info("commandstats").get("cmdstat_set", {"calls": 0})["calls"])

    def counts(self) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Events by customer's number, as the load has them."""
        assert self.load is not None
        return np.bincount(self.load.whose(), minlength=self.load.customers)
