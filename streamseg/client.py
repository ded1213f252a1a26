"""Reads memberships straight from Redis, for bidders and services that want no HTTP in between.

    with Reader("redis://segments:6379/0") as reader:
        reader.segments("c-81")                     # ["behaviour-k7q2"]
    async with AsyncReader(url, view="ads") as reader:
        found = await reader.many(["c-81", "c-82"])

The keys are public contract (README, deploy/redis/readers.acl): `ssg:v1:m:<id>` holds the membership, `ssg:v1:a:<id>`
what ad servers may see. Answers are kept in this process for `cache_seconds` at most, and no longer than until the
store says that they have changed, where it may be listened to (`notices=True`; `+subscribe`).
"""

import asyncio
import json
import threading
import time
from abc import ABC, abstractmethod
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

import redis
import redis.asyncio

PREFIXES: Final = {"membership": "ssg:v1:m:", "ads": "ssg:v1:a:"}
CHANNELS: Final = PREFIXES["membership"] + "*"
"""A changed membership is told on the channel of its key's name, after its ads view was written."""
TIMEOUT_SECONDS: Final = 0.05


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of a customer. `as_of` is in epoch seconds, None for a customer of whom nothing is known."""

    customer_id: str
    segments: tuple[str, ...] = ()
    as_of: int | None = None
    membership: dict[str, Any] = field(default_factory=dict)
    """The whole stored string, decoded; empty when there is none."""

    @property
    def known(self) -> bool:
        """Whether there is a membership, or in the view of ad servers, a segment."""
        return self.as_of is not None


class _Cache:
    """Answers by customer, for a while; the least recently asked leave first. Safe to use from several threads."""

    def __init__(self, seconds: float, size: int) -> None:
        self._seconds = seconds
        self._size = size
        self._kept: OrderedDict[str, tuple[float, Answer]] = OrderedDict()
        self._under_way: dict[str, object] = {}
        self._lock = threading.Lock()

    def get(self, customer_id: str) -> Answer | None:
        with self._lock:
            ends, answer = self._kept.get(customer_id, (0.0, None))
            if answer is None or ends < time.monotonic():
                return None
            self._kept.move_to_end(customer_id)
            return answer

    @contextmanager
    def reading(self, customer_ids: Sequence[str]) -> Iterator[Callable[[Answer], None]]:
        """Around a read: what is given within is kept, unless it was dropped meanwhile and may be old already."""
        if self._seconds <= 0:
            yield lambda _: None
            return
        token = object()
        with self._lock:
            self._under_way |= dict.fromkeys(customer_ids, token)
        try:
            yield lambda answer: self._put(answer, token)
        finally:
            with self._lock:
                for each in customer_ids:
                    if self._under_way.get(each) is token:
                        del self._under_way[each]

    def _put(self, answer: Answer, token: object) -> None:
        with self._lock:
            if self._under_way.get(answer.customer_id) is not token:
                return
            self._kept[answer.customer_id] = (time.monotonic() + self._seconds, answer)
            self._kept.move_to_end(answer.customer_id)
            if len(self._kept) > self._size:
                self._kept.popitem(last=False)

    def drop(self, customer_id: str) -> None:
        with self._lock:
            self._kept.pop(customer_id, None)
            self._under_way.pop(customer_id, None)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._under_way.clear()


class _Reading(ABC):
    """What both readers are: they differ in how they wait.

    Args:
        url: of Redis, with the credentials of a reader.
        view: "membership", or "ads" for what ad servers may see.
        cache_seconds: how long an answer may be kept; 0 asks every time.
        cache_size: how many answers are kept.
        notices: forget an answer as soon as the store says that it changed.
        timeout_seconds: of a read; `redis.RedisError` is raised after it.
    """

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
        self._begin()

    @abstractmethod
    def _connect(self, **options: Any) -> Any:
        """A client of Redis."""

    @abstractmethod
    def _begin(self) -> None:
        """Listen already, where that needs no event loop."""

    def _split(self, customer_ids: Sequence[str]) -> tuple[dict[str, Answer], list[str]]:
        """Those that are kept, and those to be read."""
        kept = {each: answer for each in customer_ids if (answer := self._cache.get(each)) is not None}
        return kept, [each for each in dict.fromkeys(customer_ids) if each not in kept]

    def _names(self, customer_ids: Sequence[str]) -> list[str]:
        return [self._prefix + each for each in customer_ids]

    def _heard(self, message: dict[str, Any]) -> None:
        channel = message["channel"].decode()
        self._cache.drop(channel.removeprefix(PREFIXES["membership"]))


def _taken(
    customer_ids: Sequence[str], found: Sequence[bytes | None], keep: Callable[[Answer], None]
) -> dict[str, Answer]:
    answers = {each: _decoded(each, stored) for each, stored in zip(customer_ids, found, strict=True)}
    for answer in answers.values():
        keep(answer)
    return answers


def _decoded(customer_id: str, stored: bytes | None) -> Answer:
    if stored is None:
        return Answer(customer_id)
    document = json.loads(stored)
    segments = document["segments"]
    ids = segments if isinstance(segments, list) else [each["id"] for each in segments.values() if each is not None]
    return Answer(customer_id, tuple(ids), document["as_of"], document)


class Reader(_Reading):
    """The reader for threads; arguments as for `_Reading`."""

    _listener: Any = None

    def _connect(self, **options: Any) -> redis.Redis:
        return redis.Redis.from_url(self._url, protocol=2, **options)

    def _begin(self) -> None:
        if self._listens:
            connected: Any = self._connect()
            pubsub = connected.pubsub(ignore_subscribe_messages=True)
            pubsub.psubscribe(**{CHANNELS: self._heard})
            self._listener = pubsub.run_in_thread(sleep_time=0.1, daemon=True, exception_handler=self._broken)

    def _broken(self, *_: Any) -> None:
        # Until the connection stands again notices are missed; redis-py subscribes anew by itself.
        self._cache.clear()
        time.sleep(0.1)

    def one(self, customer_id: str) -> Answer:
        """What is known of the customer. Raises `redis.RedisError`."""
        return self.many([customer_id])[customer_id]

    def segments(self, customer_id: str) -> tuple[str, ...]:
        """The ids of the customer's segments. Raises `redis.RedisError`."""
        return self.one(customer_id).segments

    def many(self, customer_ids: Sequence[str]) -> dict[str, Answer]:
        """What is known of each, in one round trip. Raises `redis.RedisError`."""
        kept, wanted = self._split(customer_ids)
        if wanted:
            with self._cache.reading(wanted) as keep:
                kept |= _taken(wanted, self._redis.mget(self._names(wanted)), keep)
        return kept

    def close(self) -> None:
        """Hang up."""
        if self._listener is not None:
            self._listener.stop()
            self._listener.join(1)
        self._redis.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncReader(_Reading):
    """The reader for asyncio; arguments as for `_Reading`. Enter it as a context before reading."""

    _task: asyncio.Task[None] | None = None

    def _connect(self, **options: Any) -> redis.asyncio.Redis:
        return redis.asyncio.Redis.from_url(self._url, protocol=2, **options)

    def _begin(self) -> None:
        """Nothing: an event loop is needed first."""

    async def one(self, customer_id: str) -> Answer:
        """What is known of the customer. Raises `redis.RedisError`."""
        return (await self.many([customer_id]))[customer_id]

    async def segments(self, customer_id: str) -> tuple[str, ...]:
        """The ids of the customer's segments. Raises `redis.RedisError`."""
        return (await self.one(customer_id)).segments

    async def many(self, customer_ids: Sequence[str]) -> dict[str, Answer]:
        """What is known of each, in one round trip. Raises `redis.RedisError`."""
        kept, wanted = self._split(customer_ids)
        if wanted:
            with self._cache.reading(wanted) as keep:
                kept |= _taken(wanted, await self._redis.mget(self._names(wanted)), keep)
        return kept

    async def _listen(self) -> None:
        client = self._connect()
        while True:
            with suppress(redis.RedisError, OSError):
                async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.psubscribe(CHANNELS)
                    self._cache.clear()
                    async for message in pubsub.listen():
                        self._heard(message)
            self._cache.clear()
            await asyncio.sleep(0.1)

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
