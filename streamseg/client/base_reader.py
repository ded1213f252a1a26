"""What the readers for threads and for asyncio share."""

import random
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Final, Literal

from streamseg.client.cache import Answer, Cache
from streamseg.client.servers import Servers
from streamseg.client.shard_listener import ShardListener

PREFIXES: Final = {"membership": "ssg:v1:m:", "ads": "ssg:v1:a:"}
TIMEOUT_SECONDS: Final = 0.05
CONNECT_SECONDS: Final = 1.0
CONNECTIONS: Final = 64
"""Of one `Reader`; further reads wait until one is free."""
FIRST_RECONNECT_SECONDS: Final = 0.1
LAST_RECONNECT_SECONDS: Final = 10.0
NOTICES: Final[dict[str, Any]] = {"protocol": 2, "socket_connect_timeout": CONNECT_SECONDS}
"""How connections for notices are made."""


class Waits:
    """Times to wait between attempts to connect, in seconds: growing, and random so that readers spread."""

    def __init__(self) -> None:
        self._longest = FIRST_RECONNECT_SECONDS

    def reset(self) -> None:
        """Begin with the shortest again."""
        self._longest = FIRST_RECONNECT_SECONDS

    def next(self) -> float:
        """Return the next time to wait."""
        seconds = self._longest * random.uniform(0.5, 1)  # noqa: S311 - not for security
        self._longest = min(2 * self._longest, LAST_RECONNECT_SECONDS)
        return seconds


class BaseReader(ABC):
    """What both readers share; they differ in how they wait.

    Args:
        url: URL of Redis, with a reader's credentials: `redis://`, `redis+cluster://` or `redis+sentinel://`.
        view: "membership", or "ads" for the view for ad servers.
        cache_seconds: how long an answer is cached; 0 reads every time.
        cache_size: maximum number of cached answers.
        notices: drop a cached answer as soon as its membership is written; needs the right to `psubscribe`, on a
            Cluster to `ssubscribe`.
        timeout_seconds: time limit of a read, once it has a connection; `redis.RedisError` is raised after it.
        sentinel_username: login at the Sentinels, if they have one.
        sentinel_password: the same.
    """

    _client: ClassVar[Any]
    """The class of Redis' client."""
    _pool: ClassVar[Any]
    """The class of a pool whose callers wait for a connection."""
    _sentinel: ClassVar[Any]
    """The class of Redis' client of Sentinels."""

    def __init__(
        self,
        url: str,
        *,
        view: Literal["membership", "ads"] = "membership",
        cache_seconds: float = 0.0,
        cache_size: int = 100_000,
        notices: bool = False,
        timeout_seconds: float = TIMEOUT_SECONDS,
        sentinel_username: str | None = None,
        sentinel_password: str | None = None,
    ) -> None:
        self._servers = Servers(url, {"username": sentinel_username, "password": sentinel_password})
        self._prefix = PREFIXES[view]
        self._cache = Cache(cache_seconds, cache_size)
        self._listens = notices and cache_seconds > 0
        self._shards = self._shard_listener(cache_size) if self._listens and self._servers.kind == "cluster" else None
        self._keeps = self._shards.keeps if self._shards is not None else lambda _: True
        options = {"protocol": 2, "socket_timeout": timeout_seconds, "socket_connect_timeout": CONNECT_SECONDS}
        self._redis = self._open(options)
        if self._listens:
            self._start_listening()

    def _open(self, options: dict[str, Any]) -> Any:
        """Return what `mget` is asked of."""
        if self._servers.kind == "sentinel":
            return self._servers.primary(self._sentinel, self._client, max_connections=CONNECTIONS, **options)
        if self._servers.kind == "cluster":
            return self._open_cluster(options)
        pool = self._pool.from_url(self._servers.url, max_connections=CONNECTIONS, timeout=None, **options)
        return self._client.from_pool(pool)

    @abstractmethod
    def _open_cluster(self, options: dict[str, Any]) -> Any:
        """Return a client of a Cluster."""

    def _start_listening(self) -> None:  # noqa: B027 - not abstract: with asyncio, listening starts with the first read
        """Subscribe to notices, unless that needs an event loop."""

    def _connect(self) -> Any:
        """Return a client for notices."""
        if self._servers.kind == "sentinel":
            return self._servers.primary(self._sentinel, self._client, **NOTICES)
        return self._client.from_url(self._servers.url, **NOTICES)

    def _shard_listener(self, size: int) -> ShardListener:
        def open_node(host: str, port: int) -> Any:
            return self._servers.node(host, port, **NOTICES)

        def open_cluster() -> Any:
            return self._servers.async_cluster(**NOTICES)

        return ShardListener(open_cluster, open_node, self._cache, PREFIXES["membership"], size)

    def _split(self, customer_ids: Sequence[str]) -> tuple[dict[str, Answer], list[str]]:
        """Return the cached answers, and the customers to read."""
        cached = {each: answer for each in customer_ids if (answer := self._cache.get(each)) is not None}
        return cached, [each for each in dict.fromkeys(customer_ids) if each not in cached]

    def _keys(self, customer_ids: Sequence[str]) -> list[str]:
        return [self._prefix + each for each in customer_ids]

    def _drop(self, notice: dict[str, Any]) -> None:
        self._cache.drop(notice["channel"].decode().removeprefix(PREFIXES["membership"]))
