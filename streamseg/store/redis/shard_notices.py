"""Change notices on a Redis Cluster, by SPUBLISH and SSUBSCRIBE.

PUBLISH goes to all nodes of a Cluster, whoever listens; SPUBLISH only to those that serve the channel's slot, which is
the slot of the membership. So there is one connection per node that serves a watched customer, and a channel follows
its slot when that moves or fails over.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from redis.exceptions import RedisError

from streamseg.logs import OutageLog
from streamseg.store import key_names as keys
from streamseg.store.redis.servers.cluster import Cluster
from streamseg.store.redis.servers.slots import Address, slot_of
from streamseg.store.redis.watchers import RETRY_SECONDS, SILENCE_SECONDS, Watchers, messages

log = logging.getLogger(__name__)

MOVED: Final = "the slot of a channel has moved"


class ShardNotices:
    """`ChangeNotices` on a Cluster; they arrive while the context `listening` is open."""

    def __init__(self, cluster: Cluster, *, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._cluster = cluster
        self._silence_seconds = silence_seconds
        self._watchers = Watchers()
        self._listeners: dict[Address, _Listener] = {}
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def watch(self, customer_id: str) -> AsyncIterator[asyncio.Event]:
        """See the port."""
        channel = keys.membership(customer_id)
        event, _ = self._watchers.add(channel)
        self._changed.set()
        try:
            yield event
        finally:
            if self._watchers.remove(channel, event):
                self._changed.set()

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Receive notices until the context ends; follow slots and reconnect when a connection breaks."""
        task = asyncio.create_task(self._follow())
        try:
            yield
        finally:
            await _cancelled(task)
            for listener in self._listeners.values():
                await listener.close()

    async def _follow(self) -> None:
        """Keep each watched channel subscribed on the node that serves it."""
        outage = OutageLog(log, "the listener for changes", "the Redis Cluster")
        while True:
            self._changed.clear()
            try:
                wanted: dict[Address, set[str]] = {}
                for channel in self._watchers:
                    address = await self._cluster.serving(slot_of(channel.encode()))
                    wanted.setdefault(address, set()).add(channel)
                for address in wanted.keys() | self._listeners.keys():
                    await self._direct(address, wanted.get(address, set()))
                outage.over()
            except (RedisError, OSError) as error:
                outage.waits(error)
            with suppress(TimeoutError):
                async with asyncio.timeout(RETRY_SECONDS):
                    await self._changed.wait()

    async def _direct(self, address: Address, channels: set[str]) -> None:
        """Make the listener of a node listen to these channels; end it when there are none, or when it broke."""
        listener = self._listeners.get(address)
        if listener is not None and (not channels or listener.broken is not None):
            del self._listeners[address]
            await listener.close()
            if listener.broken is not None:
                self._cluster.distrust(address)
                raise listener.broken
        elif channels:
            if listener is None:
                pubsub = self._cluster.node(address).pubsub()
                listener = self._listeners[address] = _Listener(pubsub, self._wake, self._silence_seconds)
            await listener.listen_to(channels)

    def _wake(self, channel: str | None) -> None:
        """Set the events of a channel; None says that a listener broke."""
        if channel is None:
            self._changed.set()
        else:
            self._watchers.wake(channel)


class _Listener:
    """One connection to one node."""

    def __init__(self, pubsub: Any, wake: Any, silence_seconds: float) -> None:
        self._pubsub = pubsub
        self._wake = wake
        self._silence_seconds = silence_seconds
        self._channels: set[str] = set()
        self._task: asyncio.Task[None] | None = None
        self.broken: Exception | None = None

    async def listen_to(self, channels: set[str]) -> None:
        """Subscribe to what is new among the channels, and unsubscribe from the others."""
        try:
            if begun := channels - self._channels:
                await self._pubsub.ssubscribe(*begun)
            if ended := self._channels - channels:
                await self._pubsub.sunsubscribe(*ended)
        except (RedisError, OSError) as error:
            self._end(error)
            return
        self._channels = set(channels)
        if self._task is None:
            self._task = asyncio.create_task(self._receive())

    async def _receive(self) -> None:
        try:
            async for message in messages(self._pubsub, self._silence_seconds):
                if message["type"] == "sunsubscribe" and message["channel"].decode() in self._channels:
                    raise ConnectionError(MOVED)
                if message["type"] in ("smessage", "ssubscribe"):  # a write before the subscription gave no notice
                    self._wake(message["channel"].decode())
        except (RedisError, OSError) as error:
            self._end(error)

    def _end(self, error: Exception) -> None:
        self.broken = error
        self._wake(None)

    async def close(self) -> None:
        """Close the connection."""
        if self._task is not None:
            await _cancelled(self._task)
        await self._pubsub.aclose()


async def _cancelled(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; again, as `asyncio.wait_for` in redis-py may swallow it (Python 3.11)."""
    while not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1)
