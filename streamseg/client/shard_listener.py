"""Drops cached answers at the notices of a Cluster, which come by SSUBSCRIBE, customer by customer.

An answer is kept only if its customer's channel was subscribed before it was read. So the first read of a customer
subscribes, and a later one is kept. Whatever breaks or moves ends all subscriptions and forgets all answers.
"""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import redis

from streamseg.client.cache import Cache

LISTEN_SECONDS: Final = 0.1


class ShardListener:
    """Subscribes to the channels of the customers that were read last, `size` at most."""

    def __init__(
        self,
        open_cluster: Callable[[], Any],
        open_node: Callable[[str, int], Any],
        cache: Cache,
        prefix: str,
        size: int,
    ) -> None:
        self._open_cluster = open_cluster
        self._open_node = open_node
        self._cache = cache
        self._prefix = prefix
        self._size = size
        self._wanted: deque[str] = deque(maxlen=size)
        self._subscribed: OrderedDict[str, Any] = OrderedDict()
        """The subscription's connection by channel; it counts once the node has confirmed it."""
        self._confirmed: set[str] = set()

    def keeps(self, customer_id: str) -> bool:
        """Return whether an answer that is read from now on may be kept; if not, subscribe. Thread-safe."""
        channel = self._prefix + customer_id
        if channel in self._confirmed:
            return True
        self._wanted.append(channel)
        return False

    async def listen(self, pause: Callable[[], float], connected: Callable[[], None]) -> None:
        """Listen for ever; after an error wait for `pause()` seconds."""
        while True:
            with suppress(redis.RedisError, OSError):
                await self._listen_until_it_breaks(connected)
            self._confirmed.clear()
            self._subscribed.clear()
            self._cache.clear()
            await asyncio.sleep(pause())

    async def _listen_until_it_breaks(self, connected: Callable[[], None]) -> None:
        nodes: dict[tuple[str, int], tuple[Any, Any]] = {}
        cluster = self._open_cluster()
        tasks: set[asyncio.Task[None]] = set()
        try:
            await cluster.initialize()
            connected()
            while True:
                for task in tasks:
                    if task.done():
                        task.result()
                await self._subscribe(cluster, nodes, tasks)
                await asyncio.sleep(LISTEN_SECONDS)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for client, pubsub in nodes.values():
                await pubsub.aclose()
                await client.aclose()
            await cluster.aclose()

    async def _subscribe(
        self, cluster: Any, nodes: dict[tuple[str, int], tuple[Any, Any]], tasks: set[asyncio.Task[None]]
    ) -> None:
        """Subscribe to what was asked for; beyond the limit, each new subscription ends the oldest one."""
        for channel in dict.fromkeys(self._wanted.popleft() for _ in range(len(self._wanted))):
            if channel in self._subscribed:
                continue
            node = cluster.get_node_from_key(channel)
            place = (node.host, node.port)
            begun = place not in nodes
            if begun:
                client = self._open_node(*place)
                nodes[place] = (client, client.pubsub())
            pubsub = nodes[place][1]
            await pubsub.ssubscribe(channel)
            self._subscribed[channel] = pubsub
            if begun:
                tasks.add(asyncio.create_task(self._receive(pubsub)))
            if len(self._subscribed) > self._size:
                oldest, its_pubsub = self._subscribed.popitem(last=False)
                self._confirmed.discard(oldest)
                self._cache.drop(oldest.removeprefix(self._prefix))
                await its_pubsub.sunsubscribe(oldest)

    async def _receive(self, pubsub: Any) -> None:
        while True:
            message = await pubsub.get_message(timeout=None)
            if message is None:
                continue
            channel = message["channel"].decode()
            if message["type"] == "ssubscribe" and channel in self._subscribed:
                self._confirmed.add(channel)
            elif message["type"] == "smessage":
                self._cache.drop(channel.removeprefix(self._prefix))
            elif message["type"] == "sunsubscribe" and channel in self._subscribed:
                raise redis.ConnectionError("the slot of a channel has moved")
