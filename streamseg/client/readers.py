"""The readers, for threads and for asyncio. They differ in how they wait."""

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, Self

import redis
import redis.asyncio
import redis.asyncio.sentinel
import redis.sentinel

from streamseg.client.base_reader import CONNECTIONS, PREFIXES, BaseReader, Waits
from streamseg.client.cache import Answer
from streamseg.client.servers import LazyCluster, sentinels_of

CHANNELS: Final = PREFIXES["membership"] + "*"
"""A write of a membership publishes on the channel named like its key, after its ads view was written."""
READS_AT_ONCE: Final = 4
"""Of one `AsyncReader`, each on a connection of its own."""
IDS_PER_READ: Final = 500
"""How many customers are collected for one read: a few hundred microseconds of Redis' time."""
LISTEN_SECONDS: Final = 0.1


class Reader(BaseReader):
    """Reads memberships from any number of threads; the constructor's arguments are those of `BaseReader`.

    >>> with Reader(url, cache_seconds=5) as reader:
    ...     reader.segments("c-81")
    ...     reader.many(["c-81", "nobody"])["nobody"].known
    ('behaviour-k7q2',)
    False
    """

    _client = redis.Redis
    _pool = redis.BlockingConnectionPool
    _sentinel = redis.sentinel.Sentinel
    _listener: threading.Thread | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._free = threading.BoundedSemaphore(CONNECTIONS)
        super().__init__(*args, **kwargs)

    def _open_cluster(self, options: dict[str, Any]) -> Any:
        return LazyCluster(self._servers, threading.Lock(), **options)

    def _start_listening(self) -> None:
        self._closed = threading.Event()
        target = self._listen if self._shards is None else self._listen_to_shards
        self._listener = threading.Thread(target=target, name="streamseg-notices", daemon=True)
        self._listener.start()

    def _listen_to_shards(self) -> None:
        asyncio.run(self._until_closed())

    async def _until_closed(self) -> None:
        assert self._shards is not None
        waits = Waits()
        listening = asyncio.create_task(self._shards.listen(waits.next, waits.reset))
        while not self._closed.is_set():
            await asyncio.sleep(LISTEN_SECONDS)
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)

    def _listen(self) -> None:
        client, waits = self._connect(), Waits()
        while not self._closed.is_set():
            with suppress(redis.RedisError, OSError), client.pubsub() as pubsub:
                pubsub.psubscribe(CHANNELS)
                while not self._closed.is_set():
                    message = pubsub.get_message(timeout=LISTEN_SECONDS)
                    if message is not None and message["type"] == "psubscribe":
                        self._cache.clear()
                        waits.reset()
                    elif message is not None:
                        self._drop(message)
            self._cache.clear()  # notices are lost until the next subscription
            self._closed.wait(waits.next())
        for one in (client, *sentinels_of(client)):
            one.close()

    def one(self, customer_id: str) -> Answer:
        """Return what the store holds for the customer. Raises `redis.RedisError`."""
        return self.many([customer_id])[customer_id]

    def segments(self, customer_id: str) -> tuple[str, ...]:
        """Return the ids of the customer's segments. Raises `redis.RedisError`."""
        return self.one(customer_id).segments

    def audiences(self, customer_id: str) -> tuple[str, ...]:
        """Return the ids of the customer's audiences. Raises `redis.RedisError`."""
        return self.one(customer_id).audiences

    def many(self, customer_ids: Sequence[str]) -> dict[str, Answer]:
        """Return the answer for each customer, read in one round trip. Raises `redis.RedisError`."""
        answers, missing = self._split(customer_ids)
        if missing:
            with self._free, self._cache.reading(missing, self._keeps) as take:
                answers |= take(self._redis.mget(self._keys(missing)))
        return answers

    def close(self) -> None:
        """Close the connections and stop listening."""
        if self._listener is not None:
            self._closed.set()
            self._listener.join(1)
        for client in (self._redis, *sentinels_of(self._redis)):
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncReader(BaseReader):
    """Reads memberships in asyncio; the constructor's arguments are those of `BaseReader`. Use it as a context.

    Any number of reads may wait at the same time: reads that arrive while others are under way are sent together.

    >>> async def read() -> tuple[str, ...]:
    ...     async with AsyncReader(url, view="ads") as reader:
    ...         return await reader.segments("c-81")
    >>> asyncio.run(read())
    ('behaviour-k7q2',)
    """

    _client = redis.asyncio.Redis
    _pool = redis.asyncio.BlockingConnectionPool
    _sentinel = redis.asyncio.sentinel.Sentinel
    _task: asyncio.Task[None] | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._waiting: deque[tuple[list[str], asyncio.Future[dict[str, Answer]]]] = deque()
        self._reading: set[asyncio.Task[None]] = set()

    async def one(self, customer_id: str) -> Answer:
        """Return what the store holds for the customer. Raises `redis.RedisError`."""
        return (await self.many([customer_id]))[customer_id]

    async def segments(self, customer_id: str) -> tuple[str, ...]:
        """Return the ids of the customer's segments. Raises `redis.RedisError`."""
        return (await self.one(customer_id)).segments

    async def audiences(self, customer_id: str) -> tuple[str, ...]:
        """Return the ids of the customer's audiences. Raises `redis.RedisError`."""
        return (await self.one(customer_id)).audiences

    async def many(self, customer_ids: Sequence[str]) -> dict[str, Answer]:
        """Return the answer for each customer, read in one round trip. Raises `redis.RedisError`."""
        answers, missing = self._split(customer_ids)
        if missing:
            future: asyncio.Future[dict[str, Answer]] = asyncio.get_running_loop().create_future()
            self._waiting.append((missing, future))
            if len(self._reading) < READS_AT_ONCE:
                task = asyncio.create_task(self._read())
                self._reading.add(task)
                task.add_done_callback(self._reading.discard)
            answers |= await future
        return answers

    async def _read(self) -> None:
        """Read for those who wait, until nobody does."""
        while self._waiting:
            calls = [self._waiting.popleft()]
            size = len(calls[0][0])
            while self._waiting and size + len(self._waiting[0][0]) <= IDS_PER_READ:
                size += len(self._waiting[0][0])
                calls.append(self._waiting.popleft())
            customer_ids = list(dict.fromkeys(each for ids, _ in calls for each in ids))
            try:
                with self._cache.reading(customer_ids, self._keeps) as take:
                    found = take(await self._mget(self._keys(customer_ids)))
            except BaseException as error:  # handed to those who wait, as their own
                for _, future in calls:
                    if not future.done():
                        future.set_exception(error if isinstance(error, Exception) else _closed())
                if not isinstance(error, Exception):
                    raise
            else:
                for asked, future in calls:
                    if not future.done():
                        future.set_result({each: found[each] for each in asked})

    def _open_cluster(self, options: dict[str, Any]) -> Any:
        return self._servers.async_cluster(**options)

    async def _mget(self, names: list[str]) -> Any:
        return await (self._redis.mget_nonatomic if self._servers.kind == "cluster" else self._redis.mget)(names)

    async def _listen(self) -> None:
        if self._shards is not None:
            waits = Waits()
            await self._shards.listen(waits.next, waits.reset)
        client, waits = self._connect(), Waits()
        try:
            while True:
                with suppress(redis.RedisError, OSError):
                    async with client.pubsub() as pubsub:
                        await pubsub.psubscribe(CHANNELS)
                        async for message in pubsub.listen():
                            if message["type"] == "psubscribe":
                                self._cache.clear()
                                waits.reset()
                            else:
                                self._drop(message)
                self._cache.clear()  # notices are lost until the next subscription
                await asyncio.sleep(waits.next())
        finally:
            for one in (client, *sentinels_of(client)):
                await one.aclose()

    async def __aenter__(self) -> Self:
        if self._listens:
            self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        running = self._reading | ({self._task} if self._task is not None else set())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        while self._waiting:
            future = self._waiting.popleft()[1]
            if not future.done():
                future.set_exception(_closed())
        for client in (self._redis, *sentinels_of(self._redis)):
            await client.aclose()


def _closed() -> redis.ConnectionError:
    return redis.ConnectionError("the reader was closed")
