"""Who may listen to whose changes, and the notices themselves, on Redis.

The script that writes a membership string publishes an empty message on the channel of the same name. One connection
per process listens to the channels of the customers that are watched.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from streamseg.store import key_names as keys
from streamseg.store.redis.connection import Client

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 0.5
SILENCE_SECONDS: Final = 5.0
"""After this long without a word the store is asked for one, and after as long again given up."""
KEPT_OPEN: Final = f"{keys.PREFIX}notices"
"""A channel on which nobody publishes: a connection without any subscription cannot be read."""


class RedisChangeNotices:
    """The `ChangeNotices` of production; listens while `listening` is open."""

    def __init__(self, redis: Client, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._redis = redis
        self._silence_seconds = silence_seconds
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._pubsub: PubSub | None = None

    @asynccontextmanager
    async def watch(self, customer_id: str) -> AsyncIterator[asyncio.Event]:
        """See the port."""
        channel, event = keys.membership(customer_id), asyncio.Event()
        watchers = self._watchers.setdefault(channel, set())
        watchers.add(event)
        if len(watchers) == 1:
            await self._say("subscribe", channel)
        try:
            yield event
        finally:
            watchers.discard(event)
            if not watchers and self._watchers.get(channel) is watchers:
                del self._watchers[channel]
                await self._say("unsubscribe", channel)

    async def _say(self, verb: str, channel: str) -> None:
        # Without a connection there is nothing to say: the next one subscribes to all that are watched then.
        if self._pubsub is not None:
            with suppress(RedisError, OSError):
                await getattr(self._pubsub, verb)(channel)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Listen until the end of the context, connecting anew whenever the connection breaks."""
        task = asyncio.create_task(self._listen())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _listen(self) -> None:
        while True:
            try:
                async with _one_node(self._redis).pubsub() as pubsub:
                    await pubsub.subscribe(KEPT_OPEN, *self._watchers)
                    self._pubsub = pubsub
                    self._wake_all()
                    await self._hear(pubsub)
            except (RedisError, OSError) as error:
                log.warning("change notices: %s; connecting anew", type(error).__name__)
            finally:
                self._pubsub = None
            await asyncio.sleep(RETRY_SECONDS)

    async def _hear(self, pubsub: PubSub) -> None:
        """Take messages until the connection breaks, or answers nothing any more."""
        asked = False
        while True:
            message = await pubsub.get_message(timeout=self._silence_seconds)
            if message is None:
                if asked:
                    raise ConnectionError("the store is silent")
                await pubsub.ping()
                asked = True
                continue
            asked = False
            if message["type"] in ("message", "subscribe"):  # what was written before it stood may have been missed
                for event in self._watchers.get(message["channel"].decode(), ()):
                    event.set()

    def _wake_all(self) -> None:
        """Whatever happened before the connection stood may have been missed."""
        for watchers in self._watchers.values():
            for event in watchers:
                event.set()


def _one_node(redis: Client) -> Redis:
    """A Cluster passes every message to all its nodes, so one of them is enough."""
    if isinstance(redis, RedisCluster):
        node = redis.get_default_node()
        assert node is not None
        return Redis(
            host=str(node.host),
            port=int(node.port),
            **{
                name: value for name, value in node.connection_kwargs.items() if name in ("username", "password", "ssl")
            },
        )
    return redis
