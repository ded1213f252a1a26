"""Connects to Redis: builds the client from settings, translates its errors, and checks that the server is fit."""

import logging
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

from streamseg.errors import SettingsError, StoreLoginError, StoreUnavailableError
from streamseg.store.redis.forbidden import ClusterClient, RedisClient

log = logging.getLogger(__name__)

Client: TypeAlias = Redis | RedisCluster

OLDEST_SERVER: Final = (6, 2)
CLUSTER_SCHEMES: Final = {"redis+cluster": "redis", "rediss+cluster": "rediss"}
CONNECT_SECONDS_AT_MOST: Final = 2.0
CONNECTIONS: Final = 1_000
"""Maximum per server. A call beyond it fails at once: redis-py's waiting pool costs a third more per call."""


class Address(Protocol):
    """Where the server is and how to log in: the `redis` table of the settings."""

    @property
    def url(self) -> str:
        """Scheme, host, port and database."""
        ...

    @property
    def username(self) -> str | None:
        """User name, if it is not in the URL."""
        ...

    @property
    def password(self) -> SecretStr | None:
        """Password, if it is not in the URL."""
        ...

    @property
    def ssl_ca_file(self) -> Path | None:
        """Certificates to trust with TLS, instead of the system's."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """Time limit of one call."""
        ...


def connect(settings: Address) -> Client:
    """Return a client that connects at its first call, waits `timeout_seconds` for each reply and never retries.

    URLs: `redis://`, `rediss://` (TLS), `unix://`, and `redis+cluster://` or `rediss+cluster://` with any node of a
    Cluster. Raises `SettingsError`.
    """
    scheme = urlsplit(settings.url).scheme
    options: dict[str, Any] = {
        "username": settings.username,
        "password": settings.password.get_secret_value() if settings.password else None,
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": min(settings.timeout_seconds, CONNECT_SECONDS_AT_MOST),
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),  # only the caller knows whether a write of unknown outcome may be repeated
        "protocol": 2,  # the same replies from every client and server version
        "client_name": "streamseg",
        "max_connections": CONNECTIONS,
    }
    if settings.ssl_ca_file is not None:
        if not scheme.startswith("rediss"):
            raise SettingsError("setting redis.ssl_ca_file: needs a rediss:// url")
        options["ssl_ca_certs"] = str(settings.ssl_ca_file)
    try:
        if scheme in CLUSTER_SCHEMES:
            return ClusterClient.from_url(settings.url.replace(scheme, CLUSTER_SCHEMES[scheme], 1), **options)
        if scheme == "unix":
            del options["socket_keepalive"]
        return _packed_by_hiredis(RedisClient.from_url(settings.url, **options))
    except (ValueError, RedisError) as error:
        raise SettingsError(f"setting redis.url: {error}") from None


class _PackedByHiredis:
    """Encodes commands in C: Python takes four times as long per argument, redis-py's own C path checks each first."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """Encode one command; its name may be two words (`CLIENT SETNAME`)."""
        return [hiredis.pack_command((*args[0].encode().split(), *args[1:]))]


def _packed_by_hiredis(redis: Redis) -> Redis:
    pool = redis.connection_pool
    plain = pool.connection_class
    pool.connection_class = type(plain.__name__, (_PackedByHiredis, plain), {})
    return redis


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every error of a call into `StoreUnavailableError`, with a text that holds no customer data."""
    try:
        yield
    except RedisClusterException:  # its text repeats the command, with ids and rows
        raise StoreUnavailableError("the Redis Cluster has no node for a key") from None
    except (AuthenticationError, NoPermissionError) as error:
        raise StoreLoginError(f"Redis refuses us: {error}") from None
    except (RedisError, OSError) as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise StoreUnavailableError(f"Redis: {reason}") from error


async def check_server(redis: Client) -> None:
    """Check that the server evicts nothing, is new enough and can be written.

    Raises `SettingsError` when it is unfit, `StoreUnavailableError` when it does not answer.
    """
    with translated_errors():
        try:
            if isinstance(redis, RedisCluster):
                redis = await redis.initialize()
                state = await redis.cluster_info(target_nodes=RedisCluster.DEFAULT_NODE)
                if state.get("cluster_state") != "ok":
                    raise SettingsError(
                        f"the Redis Cluster is incomplete: cluster_state is {state.get('cluster_state')}"
                    )
                for node in redis.get_primaries():
                    _check_info(await redis.info("everything", target_nodes=node), in_cluster=True)
            else:
                _check_info(await redis.info("everything"), in_cluster=False)
        except (AuthenticationError, NoPermissionError) as error:
            raise SettingsError(f"Redis refuses us: {error}") from None


def _warn_of_loss(info: Mapping[str, Any]) -> None:
    """Log when the server has no append-only file."""
    if info.get("aof_enabled") == 0:
        log.warning(
            "Redis has no append-only file (appendonly is no): a restart loses what its last snapshot does not have."
            " Set appendonly to yes"
        )


def _check_info(info: Mapping[str, Any], *, in_cluster: bool) -> None:
    version = str(info.get("redis_version", "0.0"))
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_SERVER:
        raise SettingsError(f"Redis {version} is too old: 6.2 or later is needed")
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        raise SettingsError(f"Redis evicts data when memory is full: set maxmemory-policy to noeviction (now {policy})")
    if info.get("role") == "slave":
        raise SettingsError("this Redis is a read-only replica: redis.url must name the primary")
    if info.get("cluster_enabled") == 1 and not in_cluster:
        raise SettingsError("this Redis is a node of a Cluster: write redis+cluster:// in redis.url")
    _warn_of_loss(info)
