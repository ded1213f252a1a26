"""Reads memberships straight from Redis, for bidders and services that skip the HTTP API.

The keys are public contract (`streamseg.store.key_names`): `ssg:v1:m:<id>` holds the membership, `ssg:v1:a:<id>` the
view for ad servers. `deploy/redis/readers.acl` grants a reader no more than it needs. This module imports only Redis'
client, nothing else of streamseg.
"""

import asyncio
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, Self

import redis
import redis.asyncio

PREFIXES: Final = {"membership": "ssg:v1:m:", "ads": "ssg:v1:a:"}
CHANNELS: Final = PREFIXES["membership"] + "*"
"""A write of a membership publishes on the channel named like its key, after its ads view was written."""
TIMEOUT_SECONDS: Final = 0.05
RECONNECT_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Answer:
    """What the store holds for a customer; `as_of` is in epoch seconds, None when it holds nothing."""

    customer_id: str
    segments: tuple[str, ...] = ()
    as_of: int | None = None
    membership: dict[str, Any] = field(default_factory=dict)
    """The stored string, decoded; empty when there is none."""

    @property
    def known(self) -> bool:
        """Whether there is a membership (in the ads view: at least one segment)."""
        return self.as_of is not None

    @classmethod
    def decode(cls, customer_id: str, stored: bytes | None) -> Self:
        """Return the answer that a stored string of either view holds; None stands for a missing string.

        >>> Answer.decode("c-81", b'{"as_of":1795415998,"segments":["behaviour-k7q2"]}').segments
        ('behaviour-k7q2',)
        >>> Answer.decode("c-82", None).known
        False
        """
        if stored is None:
            return cls(customer_id)
        document = json.loads(stored)
        segments = document["segments"]
        ids = segments if isinstance(segments, list) else [each["id"] for each in segments.values() if each is not None]
        return cls(customer_id, tuple(ids), document["as_of"], document)


class _Cache:
    """Answers by customer, kept for `seconds`; evicts the least recently used. Thread-safe."""

    def __init__(self, seconds: float, size: int) -> None:
        self._seconds = seconds
        self._size = size
        self._kept: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self._reads: dict[str, object] = {}
        self._lock = threading.Lock()

    def get(self, customer_id: str) -> Answer | None:
        with self._lock:
            expires, answer = self._kept.get(customer_id, (0.0, None))
            if answer is None or expires < time.monotonic():
                return None
            self._kept.move_to_end(customer_id)
            return answer

    @contextmanager
    def reading(self, customer_ids: Sequence[str]) -> Iterator[Callable[[Sequence[bytes | None]], dict[str, Answer]]]:
        """Surround a read; yields a function that turns the strings read into answers.

        It keeps each answer, unless it was dropped since the read began: then it may be outdated already.
        """
        token = object()
        if self._seconds > 0:
            with self._lock:
                self._reads |= dict.fromkeys(customer_ids, token)
        try:
            yield lambda strings: self._take(customer_ids, strings, token)
        finally:
            with self._lock:
                for each in customer_ids:
                    if self._reads.get(each) is token:
                        del self._reads[each]

    def _take(self, customer_ids: Sequence[str], strings: Sequence[bytes | None], token: object) -> dict[str, Answer]:
        answers = {each: Answer.decode(each, stored) for each, stored in zip(customer_ids, strings, strict=True)}
        with self._lock:
            for customer_id, answer in answers.items():
                if self._reads.get(customer_id) is token:
                    self._kept[customer_id] = (time.monotonic() + self._seconds, answer)
                    self._kept.move_to_end(customer_id)
                    if len(self._kept) > self._size:
                        self._kept.popitem(last=False)
        return answers

    def drop(self, customer_id: str) -> None:
        with self._lock:
            self._kept.pop(customer_id, None)
            self._reads.pop(customer_id, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._reads.clear()


class _BaseReader:
    """What both readers share; they differ in how they wait.

    Args:
        url: URL of Redis, with a reader's credentials.
        view: "membership", or "ads" for the view for ad servers.
        cache_seconds: how long an answer is cached; 0 reads every time.
        cache_size: maximum number of cached answers.
        notices: drop a cached answer as soon as its membership is written; needs the right to `psubscribe`.
        timeout_seconds: time limit of a read; `redis.RedisError` is raised after it.
    """

    _client: ClassVar[Any]
    """The class of Redis' client."""

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
        self._cache = _Cache(cache_seconds, cache_size)
        self._listens = notices and cache_seconds > 0
        self._redis = self._connect(socket_timeout=timeout_seconds, socket_connect_timeout=1)
        if self._listens:
            self._start_listening()

    def _start_listening(self) -> None:
        """Subscribe to notices, unless that needs an event loop."""

    def _connect(self, **options: Any) -> Any:
        return self._client.from_url(self._url, protocol=2, **options)

    def _split(self, customer_ids: Sequence[str]) -> tuple[dict[str, Answer], list[str]]:
        """Return the cached answers, and the customers to read."""
        cached = {each: answer for each in customer_ids if (answer := self._cache.get(each)) is not None}
        return cached, [each for each in dict.fromkeys(customer_ids) if each not in cached]

    def _keys(self, customer_ids: Sequence[str]) -> list[str]:
        return [self._prefix + each for each in customer_ids]

    def _drop(self, notice: dict[str, Any]) -> None:
        self._cache.drop(notice["channel"].decode().removeprefix(PREFIXES["membership"]))


class Reader(_BaseReader):
    """Reads memberships from threads; the constructor's arguments are those of `_BaseReader`.

    >>> with Reader(url, cache_seconds=5) as reader:
    ...     reader.segments("c-81")
    ...     reader.many(["c-81", "nobody"])["nobody"].known
    ('behaviour-k7q2',)
    False
    """

    _client = redis.Redis
    _listener: Any = None

    def _start_listening(self) -> None:
        pubsub = self._connect().pubsub(ignore_subscribe_messages=True)
        pubsub.psubscribe(**{CHANNELS: self._drop})
        self._listener = pubsub.run_in_thread(sleep_time=0.1, daemon=True, exception_handler=self._disconnected)

    def _disconnected(self, *_: Any) -> None:
        # Notices are lost until redis-py has reconnected and subscribed again, which it does by itself.
        self._cache.clear()
        time.sleep(RECONNECT_SECONDS)

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
            self._listener.stop()
            self._listener.join(1)
        self._redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncReader(_BaseReader):
    """Reads memberships in asyncio; the constructor's arguments are those of `_BaseReader`. Use it as a context.

    >>> async def read() -> tuple[str, ...]:
    ...     async with AsyncReader(url, view="ads") as reader:
    ...         return await reader.segments("c-81")
    >>> asyncio.run(read())
    ('behaviour-k7q2',)
    """

    _client = redis.asyncio.Redis
    _task: asyncio.Task[None] | None = None

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
            with self._cache.reading(missing) as take:
                answers |= take(await self._redis.mget(self._keys(missing)))
        return answers

    async def _listen(self) -> None:
        client = self._connect()
        while True:
            with suppress(redis.RedisError, OSError):
                async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.psubscribe(CHANNELS)
                    self._cache.clear()
                    async for message in pubsub.listen():
                        self._drop(message)
            self._cache.clear()
            await asyncio.sleep(RECONNECT_SECONDS)

    async def __aenter__(self) -> Self:
        if self._listens:
            self._task = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._redis.aclose()
