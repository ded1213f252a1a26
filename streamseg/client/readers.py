"""The readers, for threads and for asyncio. They differ in how they wait."""

import asyncio
import random
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, ClassVar, Final, Literal, Self

import redis
import redis.asyncio

from streamseg.client.cache import Answer, Cache

PREFIXES: Final = {"membership": "ssg:v1:m:", "ads": "ssg:v1:a:"}
CHANNELS: Final = PREFIXES["membership"] + "*"
"""A write of a membership publishes on the channel named like its key, after its ads view was written."""
TIMEOUT_SECONDS: Final = 0.05
CONNECT_SECONDS: Final = 1.0
CONNECTIONS: Final = 64
"""Of one `Reader`; further reads wait until one is free."""
READS_AT_ONCE: Final = 4
"""Of one `AsyncReader`, each on a connection of its own."""
IDS_PER_READ: Final = 500
"""How many customers are collected for one read: a few hundred microseconds of Redis' time."""
FIRST_RECONNECT_SECONDS: Final = 0.1
LAST_RECONNECT_SECONDS: Final = 10.0
LISTEN_SECONDS: Final = 0.1


class _Waits:
    """Times to wait between attempts to connect, in seconds: growing, and random so that readers spread."""

    def __init__(self) -> None:
        self._longest = FIRST_RECONNECT_SECONDS

    def reset(self) -> None:
        self._longest = FIRST_RECONNECT_SECONDS

    def next(self) -> float:
        seconds = self._longest * random.uniform(0.5, 1)  # noqa: S311 - not for security
        self._longest = min(2 * self._longest, LAST_RECONNECT_SECONDS)
        return seconds


class _BaseReader:
    """What both readers share; they differ in how they wait.

    Args:
        url: URL of Redis, with a reader's credentials.
        view: "membership", or "ads" for the view for ad servers.
        cache_seconds: how long an answer is cached; 0 reads every time.
        cache_size: maximum number of cached answers.
        notices: drop a cached answer as soon as its membership is written; needs the right to `psubscribe`.
        timeout_seconds: time limit of a read, once it has a connection; `redis.RedisError` is raised after it.
    """

    _client: ClassVar[Any]
    """The class of Redis' client."""
    _pool: ClassVar[Any]
    """The class of a pool whose callers wait for a connection."""

    def __init__(
        self,
        url: str,
        *,
        view: Literal["membership", "ads"] = "membership",
        cache_seconds: float = 0.0,
        cache_size: int = 100_000,
        notices: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self._url = url
        self._prefix = PREFIXES[view]
        self._cache = Cache(cache_seconds, cache_size)
        self._listens = notices and cache_seconds > 0
        self._redis = self._client.from_pool(
            self._pool.from_url(
                url,
                max_connections=CONNECTIONS,
                timeout=None,
                protocol=2,
                socket_timeout=timeout_seconds,
                socket_connect_timeout=CONNECT_SECONDS,
            )
        )
        if self._listens:
            self._start_listening()

    def _start_listening(self) -> None:
        """Subscribe to notices, unless that needs an event loop."""

    def _connect(self) -> Any:
        """Return a client for notices."""
        return self._client.from_url(self._url, protocol=2, socket_connect_timeout=CONNECT_SECONDS)

    def _split(self, customer_ids: Sequence[str]) -> tuple[dict[str, Answer], list[str]]:
        """Return the cached answers, and the customers to read."""
        cached = {each: answer for each in customer_ids if (answer := self._cache.get(each)) is not None}
        return cached, [each for each in dict.fromkeys(customer_ids) if each not in cached]

    def _keys(self, customer_ids: Sequence[str]) -> list[str]:
        return [self._prefix + each for each in customer_ids]

    def _drop(self, notice: dict[str, Any]) -> None:
        self._cache.drop(notice["channel"].decode().removeprefix(PREFIXES["membership"]))


class Reader(_BaseReader):
    """Reads memberships from any number of threads; the constructor's arguments are those of `_BaseReader`.

    >>> with Reader(url, cache_seconds=5) as reader:
    ...     reader.segments("c-81")
    ...     reader.many(["c-81", "nobody"])["nobody"].known
    ('behaviour-k7q2',)
    False
    """

    _client = redis.Redis
    _pool = redis.BlockingConnectionPool
    _listener: threading.Thread | None = None

    def _start_listening(self) -> None:
        self._closed = threading.Event()
        self._listener = threading.Thread(target=self._listen, name="streamseg-notices", daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        client, waits = self._connect(), _Waits()
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
        client.close()

    def one(self, customer_id: str) -> Answer:
        """Return what the store holds for the customer. Raises `redis.RedisError`."""
        return self.many([customer_id])[customer_id]

    def segments(self, customer_id: str) -> tuple[str, ...]:
        """Return the ids of the customer's segments. Raises `redis.RedisError`."""
        return self.one(customer_id).segments

    def many(self, customer_ids: Sequence[str]) -> dict[str, Answer]:
        """Return the answer for each customer, read in one round trip. Raises `redis.RedisError`."""
        answers, missing = self._split(customer_ids)
        if missing:
            with self._cache.reading(missing) as take:
                answers |= take(self._redis.mget(self._keys(missing)))
        return answers

    def close(self) -> None:
        """Close the connections and stop listening."""
        if self._listener is not None:
            self._closed.set()
            self._listener.join(1)
        self._redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncReader(_BaseReader):
    """Reads memberships in asyncio; the constructor's arguments are those of `_BaseReader`. Use it as a context.

    Any number of reads may wait at the same time: reads that arrive while others are under way are sent together.

    >>> async def read() -> tuple[str, ...]:
    ...     async with AsyncReader(url, view="ads") as reader:
    ...         return await reader.segments("c-81")
    >>> asyncio.run(read())
    ('behaviour-k7q2',)
    """

    _client = redis.asyncio.Redis
    _pool = redis.asyncio.BlockingConnectionPool
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
                with self._cache.reading(customer_ids) as take:
                    found = take(await self._redis.mget(self._keys(customer_ids)))
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

    async def _listen(self) -> None:
        client, waits = self._connect(), _Waits()
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
            await client.aclose()

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
        await self._redis.aclose()


def _closed() -> redis.ConnectionError:
    return redis.ConnectionError("the reader was closed")
