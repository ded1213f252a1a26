"""The same work as a Quix Streams application: a stateful streaming dataframe, a batching sink, a change topic.

After its documentation: https://quix.io/docs/quix-streams (stateful processing, custom sinks, branching).

In its favour: the sink writes all rows of a checkpoint in one Redis pipeline, and checkpoints come every five seconds,
the default, while our worker flushes many times a second. State has a changelog topic, also the default, which
corresponds to our rows and commits. Events are validated as ours are.
"""

import sys
import time
from typing import Any

import msgspec
import redis
from quixstreams import Application, State
from quixstreams.sinks import BatchingSink, SinkBatch

from streamseg.events.structs import struct_of
from streamseg.events.types import Click
from streamseg.store import key_names as keys
from streamseg.topics import MEMBERSHIPS
from tests.bench.peers.customer import MEMBERSHIP_SECONDS, ROW_PREFIX, Model, fresh, take


class RedisSink(BatchingSink):  # type: ignore[misc]  # only in the peers' environment, which mypy does not see
    """Writes rows and memberships; Quix Streams' own RedisSink cannot set an expiry."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._redis = redis.Redis.from_url(url)

    def write(self, batch: SinkBatch) -> None:
        """See Quix Streams' documentation."""
        with self._redis.pipeline(transaction=False) as pipeline:
            for item in batch:
                outcome = item.value
                pipeline.set(ROW_PREFIX + outcome["customer_id"], outcome["row"])
                if outcome["membership"] is not None:
                    name = keys.membership(outcome["customer_id"])
                    pipeline.setex(name, MEMBERSHIP_SECONDS, outcome["membership"])
            pipeline.execute()


def app_of(bootstrap: str, redis_url: str, group: str, topic: str, folder: str) -> Application:
    """Build the application."""
    with redis.Redis.from_url(redis_url) as client:
        model = Model(client.hget(keys.model("behaviour"), "snapshot"))
    app = Application(
        bootstrap, consumer_group=group, auto_offset_reset="earliest", state_dir=folder, loglevel="WARNING"
    )
    clicks = app.topic(topic, value_deserializer="json")
    memberships = app.topic(MEMBERSHIPS, value_serializer="json")

    def keep(value: dict[str, Any], state: State) -> dict[str, Any] | None:
        click: Any = msgspec.convert(value, struct_of(Click))
        customer = state.get("customer") or fresh()
        outcome = take(customer, click, model, time.time())
        if outcome is None:
            return None
        state.set("customer", customer)
        return {
            "customer_id": outcome.customer_id, "row": outcome.row, "membership": outcome.membership,
            "changes": outcome.changes,
        }  # fmt: skip

    kept = app.dataframe(clicks).apply(keep, stateful=True).filter(lambda outcome: outcome is not None)
    kept.sink(RedisSink(redis_url))
    moved = kept.filter(lambda outcome: bool(outcome["changes"]))
    moved.apply(lambda outcome: {name: outcome[name] for name in ("membership", "changes")}).to_topic(memberships)
    return app


if __name__ == "__main__":
    app_of(*sys.argv[1:]).run()
