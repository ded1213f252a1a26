"""The way to the server: one client from settings, every failure as `StoreUnavailableError`, and what we ask of it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

import hiredis
from pydantic import SecretStr
from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisClusterException, RedisError

from streamseg.errors import SettingsError, StoreUnavailableError

Client: TypeAlias = Redis | RedisCluster

OLDEST_SERVER: Final = (6, 2)
CLUSTER_SCHEMES: Final = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
CONNECT_SECONDS_AT_MOST: Final = 2.0
CONNECTIONS: Final = 1_000
"""To one server at most. A call beyond them fails at once; a pool that lets it wait costs a third more per call."""


class Address(Protocol):
    """Where the server is and how to enter: the `redis` table of the settings."""

    @property
    def url(self) -> str:
        """Scheme, host, port and database."""
        ...

    @property
    def username(self) -> str | None:
        """When it isn't in the URL."""
        ...

    @property
    def password(self) -> SecretStr | None:
        """When it isn't in the URL."""
        ...

    @property
    def ssl_ca_file(self) -> Path | None:
        """Whom to trust with TLS, instead of the system's list."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """How long to wait for one answer."""
        ...


def connect(settings: Address) -> Client:
    """A client that connects on first use, waits `timeout_seconds` for an answer, and repeats nothing by itself.

    URLs: `redis://`, `rediss://` (TLS), `unix://`, and `redis+cluster://`, `rediss+cluster://` for a Cluster, which
    names any of its nodes. Raises `SettingsError`.
    """
    scheme = urlsplit(settings.url).scheme
    options: dict[str, Any] = {
        "username": settings.username,
        "password": settings.password.get_secret_value() if settings.password else None,
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": min(settings.timeout_seconds, CONNECT_SECONDS_AT_MOST),
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),  # a write whose outcome is unknown is the caller's to judge
        "protocol": 2,  # the same replies from every client and server version
        "client_name": "streamseg",
        "max_connections": CONNECTIONS,
    }
    if settings.ssl_ca_file is not None:
        if not scheme.startswith("rediss"):
            raise SettingsError("setting redis.ssl_ca_file: is for a rediss:// url")
        options["ssl_ca_certs"] = str(settings.ssl_ca_file)
    try:
        if scheme in CLUSTER_SCHEMES:
            return RedisCluster.from_url(settings.url.replace(scheme, CLUSTER_SCHEMES[scheme], 1), **options)
        if scheme == "unix":
            del options["socket_keepalive"]
        return _written_by_hiredis(Redis.from_url(settings.url, **options))
    except (ValueError, RedisError) as error:
        raise SettingsError(f"setting redis.url: {error}") from None


class _WrittenByHiredis:
    """Writes commands in C: in Python each argument costs four times as much. redis-py's way to C checks each first."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """The bytes of one command, whose name may be two words (`CLIENT SETNAME`)."""
        return [hiredis.pack_command((*args[0].encode().split(), *args[1:]))]


def _written_by_hiredis(redis: Redis) -> Redis:
    pool = redis.connection_pool
    plain = pool.connection_class
    pool.connection_class = type(plain.__name__, (_WrittenByHiredis, plain), {})
    return redis


@contextmanager
def answering() -> Iterator[None]:
    """Around every call: whatever goes wrong with it is a `StoreUnavailableError`, whose text holds no data."""
    try:
        yield
    except RedisClusterException:  # its text repeats the command, with ids and rows
        raise StoreUnavailableError("the Redis Cluster has no node for a key") from None
    except (RedisError, OSError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise StoreUnavailableError(f"Redis: {reason}") from error


async def check_server(redis: Client) -> None:
    """Refuse servers that drop rows silently, are too old, or cannot be written.

    Raises `SettingsError` with one line, or `StoreUnavailableError`.
    """
    with answering():
        try:
            if isinstance(redis, RedisCluster):
                redis = await redis.initialize()
                state = await redis.cluster_info(target_nodes=RedisCluster.DEFAULT_NODE)
                if state.get("cluster_state") != "ok":
                    raise SettingsError(
                        f"the Redis Cluster is not whole: cluster_state is {state.get('cluster_state')}"
                    )
                for node in redis.get_primaries():
                    _check_info(await redis.info("everything", target_nodes=node), in_cluster=True)
            else:
                _check_info(await redis.info("everything"), in_cluster=False)
        except (AuthenticationError, NoPermissionError) as error:
            raise SettingsError(f"Redis refuses us: {error}") from None


def _check_info(info: Mapping[str, Any], *, in_cluster: bool) -> None:
    version = str(info.get("redis_version", "0.0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise SettingsError(f"Redis {version} is too old: 6.2 or later is needed")
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        raise SettingsError(f"Redis drops data when memory is short: set maxmemory-policy to noeviction (now {policy})")
    if info.get("role") == "slave":
        raise SettingsError("this Redis is a read-only replica: redis.url must name the primary")
    if info.get("cluster_enabled") == 1 and not in_cluster:
        raise SettingsError("this Redis is a node of a Cluster: write redis+cluster:// in redis.url")
