"""The same work as an idiomatic Faust app: models, a table per customer, one event after the other.

As Faust's user guide has it: https://faust-streaming.github.io/faust/userguide/ (models, tables, agents).
"""

import sys
import time
from datetime import datetime
from typing import Any

import faust
from redis.asyncio import Redis

from streamseg.store import keys
from streamseg.topics import MEMBERSHIPS
from tests.bench.peers.customer import Model, add_click, fresh, membership, row, settle


class Item(faust.Record):  # type: ignore[misc]  # Faust is untyped
    """One line of a click."""

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
    items: list[Item] = []  # noqa: RUF012 - Faust's models copy it


def app_of(bootstrap: str, redis_url: str, group: str, topic: str) -> Any:
    """The app."""
    app = faust.App(
        group, broker=f"kafka://{bootstrap}", store="memory://", topic_partitions=4, topic_disable_leader=True,
        web_enabled=False, consumer_auto_offset_reset="earliest",
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
            now = time.time()
            if not add_click(customer, click, click.occurred_at.timestamp()):
                continue
            changed = settle(customer, model, now)
            string = membership(click.customer_id, customer, model, now, moved=bool(changed))
            customers[click.customer_id] = customer
            await redis.set(f"peer:row:{click.customer_id}", row(customer))
            if string is not None:
                await redis.set(keys.membership(click.customer_id), string, ex=30 * 86_400)
            if changed:
                await changes.send(key=click.customer_id.encode(), value={"membership": string, "changes": changed})

    return app


if __name__ == "__main__":
    faust.Worker(app_of(*sys.argv[1:]), loglevel="WARNING").execute_from_commandline()
