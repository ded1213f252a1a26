"""The same work as a Bytewax dataflow: Kafka in, state per key, a Redis sink, changes out to Kafka.

After Bytewax's documentation: https://docs.bytewax.io (Kafka connectors, `stateful_map`, custom sinks, recovery).

In its favour: the sink writes a whole batch in one Redis pipeline, events are decoded by our fast validating decoder,
and the recovery store is written every ten seconds, the default, while our worker moves its checkpoint with each flush.
Recovery is on, because without it a dataflow starts with empty state after a crash; its snapshots correspond to our
rows and commits.
"""

import sys
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path
from typing import Any

import bytewax.operators as op
import msgspec
import redis
from bytewax.connectors.kafka import KafkaSinkMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

from streamseg.events.structs import struct_of
from streamseg.events.types import Click
from streamseg.store import key_names as keys
from streamseg.topics import MEMBERSHIPS
from tests.bench.peers.customer import MEMBERSHIP_SECONDS, ROW_PREFIX, Customer, Model, Outcome, fresh, take

Kept = tuple[str, Outcome | None]


class RedisPartition(StatelessSinkPartition[Kept]):  # type: ignore[misc]  # only in the peers' environment, which mypy does not see
    """Writes the rows and memberships of a batch in one pipeline."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)

    def write_batch(self, items: list[Kept]) -> None:
        """See Bytewax's documentation."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for customer_id, outcome in items:
                if outcome is None:
                    continue
                pipeline.set(ROW_PREFIX + customer_id, outcome.row)
                if outcome.membership is not None:
                    pipeline.setex(keys.membership(customer_id), MEMBERSHIP_SECONDS, outcome.membership)
            pipeline.execute()

    def close(self) -> None:
        """See Bytewax's documentation."""
        self._redis.close()


class RedisSink(DynamicSink[Kept]):  # type: ignore[misc]  # as above
    """One connection per worker."""

    def __init__(self, url: str) -> None:
        self._url = url

    def build(self, step_id: str, worker_index: int, worker_count: int) -> RedisPartition:
        """See Bytewax's documentation."""
        return RedisPartition(self._url)


def keep(model: Model, customer: Customer | None, click: Any) -> tuple[Customer, Outcome | None]:
    """Add one click to its customer."""
    state = fresh() if customer is None else customer
    return state, take(state, click, model, time.time())


def changed(kept: Kept) -> Iterable[KafkaSinkMessage[bytes, bytes]]:
    """The change record, if the customer moved."""
    customer_id, outcome = kept
    if outcome is not None and outcome.changes:
        yield KafkaSinkMessage(customer_id.encode(), msgspec.json.encode(outcome.change_record))


def flow_of(bootstrap: str, redis_url: str, topic: str) -> Dataflow:
    """Build the dataflow."""
    with redis.Redis.from_url(redis_url) as client:
        model = Model(client.hget(keys.model("behaviour"), "snapshot"))
    decode = msgspec.json.Decoder(struct_of(Click)).decode
    flow = Dataflow("customers")
    clicks = kop.input("clicks", flow, brokers=[bootstrap], topics=[topic])
    op.inspect("errors", clicks.errs).then(op.raises, "stop-on-error")
    decoded = op.map("decode", clicks.oks, lambda message: decode(message.value))
    by_customer = op.key_on("customer", decoded, lambda click: click.customer_id)
    kept = op.stateful_map("keep", by_customer, partial(keep, model))
    op.output("store", kept, RedisSink(redis_url))
    changes = op.flat_map("changes", kept, changed)
    kop.output("memberships", changes, brokers=[bootstrap], topic=MEMBERSHIPS)
    return flow


def main(bootstrap: str, redis_url: str, _group: str, topic: str, folder: str) -> None:
    """Run until killed, as `python -m bytewax.recovery` and `python -m bytewax.run -r` would."""
    Path(folder).mkdir(parents=True)
    init_db_dir(Path(folder), 1)
    cli_main(flow_of(bootstrap, redis_url, topic), recovery_config=RecoveryConfig(folder))


if __name__ == "__main__":
    main(*sys.argv[1:])
