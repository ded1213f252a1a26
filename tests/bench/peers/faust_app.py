"""The same work as an idiomatic Faust app: models, a table of customers, one event at a time.

After Faust's user guide: https://faust-streaming.github.io/faust/userguide/ (models, tables, agents).

In its favour: the table is in memory and only its changelog is written, while our worker writes rows and an outbox; and
Faust commits acknowledged events, not those that the store has confirmed. Events are validated, and every event ends in
the same row, membership and change record.
"""

import sys
import time
from datetime import datetime
from typing import Any

import faust
from redis.asyncio import Redis

from streamseg.store import key_names as keys
from streamseg.topics import MEMBERSHIPS
from tests.bench.peers.customer import MEMBERSHIP_SECONDS, ROW_PREFIX, Model, fresh, take


class Item(faust.Record):  # type: ignore[misc]  # Faust is untyped
    """One item of a click."""

    item_id: str
    item_category: str | None = None
    price: float | None = None


class Click(faust.Record, coerce=True, validation=True):  # type: ignore[misc,call-arg]  # Faust is untyped
    """A click, validated."""

    event_id: str
    customer_id: str
    occurred_at: datetime
    event_name: str
    device_category: str | None = None
    items: list[Item] = []  # noqa: RUF012  Faust copies defaults


def app_of(bootstrap: str, redis_url: str, group: str, topic: str, folder: str) -> Any:
    """Build the app."""
    app = faust.App(
        group, broker=f"kafka://{bootstrap}", store="memory://", topic_partitions=4, topic_disable_leader=True,
        web_enabled=False, consumer_auto_offset_reset="earliest", datadir=folder,
    )  # fmt: skip
    clicks = app.topic(topic, key_type=bytes, value_type=Click)
    changes = app.topic(MEMBERSHIPS, key_type=bytes, value_serializer="json")
    customers = app.Table("customers", default=fresh)
    redis = Redis.from_url(redis_url)
    models: list[Model] = []

    @app.agent(clicks)  # type: ignore[untyped-decorator]  # Faust is untyped
    async def take_clicks(stream: Any) -> None:
        if not models:
            snapshot = await redis.hget(keys.model("behaviour"), "snapshot")
            assert isinstance(snapshot, bytes)
            models.append(Model(snapshot))
        model = models[0]
        async for click in stream:
            customer = customers[click.customer_id]
            outcome = take(customer, click, model, time.time())
            if outcome is None:
                continue
            customers[click.customer_id] = customer
            await redis.set(ROW_PREFIX + click.customer_id, outcome.row)
            if outcome.membership is not None:
                await redis.setex(keys.membership(click.customer_id), MEMBERSHIP_SECONDS, outcome.membership)
            if outcome.changes:
                await changes.send(key=click.customer_id.encode(), value=outcome.change_record)

    return app


if __name__ == "__main__":
    faust.Worker(app_of(*sys.argv[1:]), loglevel="WARNING").execute_from_commandline()
