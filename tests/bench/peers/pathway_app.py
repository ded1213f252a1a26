"""The same work as a Pathway graph: Kafka in, a stateful reducer per customer, Redis and Kafka out.

After Pathway's documentation: https://pathway.com/developers (Kafka connectors, `stateful_many`, `to_stream`,
`subscribe`, persistence). It runs without a license key, as it comes.

How it is tuned, and what is in its favour: one worker thread, the default, since events are taken in Python; the
connector reads in a thread of its own. A batch ends when the connector commits, every 1.5 s, the default: so a customer
is read, decoded and written once per batch, as our worker does it once per run. `max_backlog_size` is in the range that
the connector's documentation advises for a backlog. The customer is kept as its row, which msgspec decodes, and events
are validated by our decoder.

State is durable in Pathway's default mode: what the connector read is written to disk once a second, and is taken again
from the beginning after a crash. To persist by operator, which it calls the most efficient, it asks for a key ("the
feature(s) you used ["FULL-PERSISTENCE"] require a Pathway license key").
"""

import operator
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pathway as pw
import redis

from streamseg.events.structs import struct_of
from streamseg.events.types import Click
from streamseg.store import key_names as keys
from streamseg.topics import MEMBERSHIPS
from tests.bench.peers.customer import DONE, MEMBERSHIP_SECONDS, ROW_PREFIX, Model, fresh, take

BACKLOG: Final = 50_000
"""Events between the connector and the outputs, at most."""
SNAPSHOT_MILLISECONDS: Final = 1_000

Kept = tuple[bytes, str, tuple[bytes, ...], int]
"""What a batch left of a customer: the row, the membership or "", the change records, the number of clicks."""


def keeper(model: Model) -> Callable[[Kept | None, list[Any]], Kept]:
    """Return the function that adds a batch of clicks to their customer."""
    decode = msgspec.json.Decoder(struct_of(Click)).decode

    def keep(kept: Kept | None, batch: list[Any]) -> Kept:
        row = b"" if kept is None else kept[0]
        customer = msgspec.json.decode(row.split(b" ", 3)[3]) if row else fresh()
        membership, changes = "", list[bytes]()
        clicks: list[Any] = [decode(values[0]) for values, _ in batch]
        for click in sorted(clicks, key=operator.attrgetter("occurred_at")):  # a batch has no order
            outcome = take(customer, click, model, time.time())
            if outcome is None:
                continue
            row, membership = outcome.row.encode(), outcome.membership or membership
            if outcome.changes:
                changes.append(msgspec.json.encode(outcome.change_record))
        return row, membership, tuple(changes), len(clicks)

    return keep


class RedisOutput:
    """Writes the rows and memberships of a batch in one pipeline."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(url)
        self._pipeline = self._redis.pipeline(transaction=False)

    def add(self, key: Any, row: dict[str, Any], time: int, is_addition: bool) -> None:
        """See `pathway.io.subscribe`."""
        customer_id = row["key"].decode()
        stored, membership, _, clicks = row["kept"]
        self._pipeline.set(ROW_PREFIX + customer_id, stored)
        if membership:
            self._pipeline.setex(keys.membership(customer_id), MEMBERSHIP_SECONDS, membership)
        self._pipeline.incrby(DONE, clicks)

    def write(self, time: int) -> None:
        """See `pathway.io.subscribe`."""
        self._pipeline.execute()


def build(bootstrap: str, redis_url: str, group: str, topic: str) -> None:
    """Build the graph that `pathway.run` runs."""
    with redis.Redis.from_url(redis_url) as client:
        model = Model(client.hget(keys.model("behaviour"), "snapshot"))
    servers = {"bootstrap.servers": bootstrap}
    consumer = {**servers, "group.id": group, "auto.offset.reset": "earliest"}
    clicks = pw.io.kafka.read(consumer, topic, format="raw", name="clicks", max_backlog_size=BACKLOG)
    keep = pw.reducers.stateful_many(keeper(model))
    kept = clicks.groupby(pw.this.key).reduce(pw.this.key, kept=keep(pw.this.data))
    written = kept.to_stream().filter(pw.this.is_upsert)
    output = RedisOutput(redis_url)
    pw.io.subscribe(written, output.add, on_time_end=output.write)
    changes = written.select(pw.this.key, record=pw.this.kept[2]).flatten(pw.this.record)
    pw.io.kafka.write(changes, servers, MEMBERSHIPS, format="raw", key=changes.key, value=changes.record)


def main(bootstrap: str, redis_url: str, group: str, topic: str, folder: str) -> None:
    """Run until killed."""
    build(bootstrap, redis_url, group, topic)
    storage = pw.persistence.Backend.filesystem(Path(folder))
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        persistence_config=pw.persistence.Config(
            storage, snapshot_interval_ms=SNAPSHOT_MILLISECONDS, persistence_mode=pw.PersistenceMode.PERSISTING
        ),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
