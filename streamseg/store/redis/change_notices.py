"""Change notices on one Redis server, by publish and subscribe.

The script that writes a membership string publishes an empty message on the channel named like its key. One connection
per process subscribes to the channels of all watched customers.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from streamseg.logs import OutageLog
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.cluster import Cluster
from streamseg.store.redis.servers.connection import Client
from streamseg.store.redis.shard_notices import ShardNotices
from streamseg.store.redis.watchers import RETRY_SECONDS, SILENCE_SECONDS, Watchers, messages
from streamseg.tasks import end

log = logging.getLogger(__name__)

PLACEHOLDER_CHANNEL: Final = f"{keys.PREFIX}notices"
"""Nobody publishes on it. redis-py cannot read from a connection without a subscription."""


class RedisChangeNotices:
    """`ChangeNotices` on Redis; they arrive while the context `listening` is open."""

    def __init__(self, redis: Redis, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._redis = redis
        self._silence_seconds = silence_seconds
        self._watchers = Watchers()
        self._pubsub: PubSub | None = None

    @asynccontextmanager
    async def watch(self, customer_id: str) -> AsyncIterator[asyncio.Event]:
        """See the port."""
        channel = keys.membership(customer_id)
        event, first = self._watchers.add(channel)
        if first:
            await self._send("subscribe", channel)
        try:
            yield event
        finally:
            if self._watchers.remove(channel, event):
                await self._send("unsubscribe", channel)

    async def _send(self, verb: str, channel: str) -> None:
        # Without a connection, do nothing: the next one subscribes to all channels watched by then.
        if self._pubsub is not None:
            with suppress(RedisError, OSError):
                await getattr(self._pubsub, verb)(channel)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive notices until the context ends; reconnect when the connection breaks."""
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            await end(task)

    async def _listen(self) -> None:
        outage = OutageLog(log, "the listener for changes", "Redis")
        while True:
            try:
                async with self._redis.pubsub() as pubsub:
                    await pubsub.subscribe(PLACEHOLDER_CHANNEL, *self._watchers)
                    self._pubsub = pubsub
                    self._watchers.wake_all()
                    outage.over()
                    await self._receive(pubsub)
            except (RedisError, OSError) as error:
                outage.waits(error)
            finally:
                self._pubsub = None
            await asyncio.sleep(RETRY_SECONDS)

    async def _receive(self, pubsub: PubSub) -> None:
        """Handle messages until the connection breaks or falls silent. Raises `ConnectionError` or `RedisError`."""
        async for message in messages(pubsub, self._silence_seconds):
            if message["type"] in ("message", "subscribe"):  # a write before the subscription gave no notice
                self._watchers.wake(message["channel"].decode())


def change_notices(redis: Client) -> RedisChangeNotices | ShardNotices:
    """Return `ChangeNotices` on one server or on a Cluster."""
    return ShardNotices(redis) if isinstance(redis, Cluster) else RedisChangeNotices(redis)
