"""Clients of what a URL names: one server, the primary that Sentinels name, or a Cluster."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

import redis
import redis.asyncio
import redis.asyncio.cluster
import redis.asyncio.sentinel
import redis.cluster
import redis.sentinel

REDIS_PORT = 6379
SENTINEL_PORT = 26379


class Servers:
    """What a URL names, in the forms of the setting `redis.url` of streamseg.

    Args:
        url: `redis://`, `rediss://` or `unix://`; `redis+cluster://` with some nodes; `redis+sentinel://` with the
            Sentinels, the name of the primary and the database; both with `rediss` for TLS.
        sentinel_login: `username` and `password` at the Sentinels.
    """

    def __init__(self, url: str, sentinel_login: Mapping[str, str | None]) -> None:
        parts = urlsplit(url)
        scheme, _, self.kind = parts.scheme.partition("+")
        if self.kind not in ("", "cluster", "sentinel"):
            raise ValueError(
                f"a URL begins with redis://, redis+cluster:// or redis+sentinel://, not {parts.scheme}://"
            )
        self.url = url
        self._sentinel_login = {key: value for key, value in sentinel_login.items() if value is not None}
        self._tls = {"ssl": True} if scheme == "rediss" else {}
        self._name, _, self._database = parts.path.strip("/").partition("/")
        login, _, hosts = parts.netloc.rpartition("@")
        user, _, word = login.partition(":")
        self._login = {"username": unquote(user) or None, "password": unquote(word) or None}
        if self.kind:
            port = SENTINEL_PORT if self.kind == "sentinel" else REDIS_PORT
            found = [urlsplit(f"//{host}") for host in hosts.split(",")]
            self._hosts = [(one.hostname or "", one.port or port) for one in found]

    def primary(self, of: Any, client: Any, **options: Any) -> Any:
        """Return a client of the primary that the Sentinels name; `of` is redis-py's Sentinel, sync or async."""
        timeouts = {name: value for name, value in options.items() if name.startswith("socket_")}
        asked = timeouts | self._tls | self._sentinel_login
        sentinel = of(self._hosts, sentinel_kwargs=asked)
        login = self._login | self._tls | options
        return sentinel.master_for(self._name, client, db=int(self._database or 0), **login)

    def cluster(self, of: Any, node: Any, **options: Any) -> Any:
        """Return a client of the Cluster; `of` and `node` are redis-py's classes, sync or async."""
        nodes = [node(host, port) for host, port in self._hosts]
        login = self._login | self._tls | options
        return of(startup_nodes=nodes, require_full_coverage=False, **login)

    def async_cluster(self, **options: Any) -> Any:
        """Return the same in asyncio."""
        return self.cluster(redis.asyncio.cluster.RedisCluster, redis.asyncio.cluster.ClusterNode, **options)

    def node(self, host: str, port: int, **options: Any) -> Any:
        """Return a client in asyncio of one node."""
        login: dict[str, Any] = self._login | self._tls | options
        return redis.asyncio.Redis(host=host, port=port, **login)


def sentinels_of(client: Any) -> list[Any]:
    """Return the clients of the Sentinels that a client asks; redis-py leaves them open when it is closed."""
    pool = getattr(client, "connection_pool", None)
    return list(getattr(getattr(pool, "sentinel_manager", None), "sentinels", ()))


class LazyCluster:
    """Reads from a Cluster in threads; connects at the first read, as redis-py's client of one server does."""

    def __init__(self, servers: Servers, lock: Any, **options: Any) -> None:
        self._servers, self._lock, self._options = servers, lock, options
        self._opened: Any = None

    def mget(self, names: list[str]) -> list[bytes | None]:
        """Return the strings of the keys, in their order. Raises `redis.RedisError`."""
        with self._lock:
            if self._opened is None:
                of, node = redis.cluster.RedisCluster, redis.cluster.ClusterNode
                self._opened = self._servers.cluster(of, node, **self._options)
        found: list[bytes | None] = self._opened.mget_nonatomic(names)
        return found

    def close(self) -> None:
        """Close all connections."""
        if self._opened is not None:
            self._opened.close()
