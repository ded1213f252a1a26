"""Connects to Redis: builds the client from settings, translates its errors, and checks that the server is fit."""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, Protocol, TypeAlias
from urllib.parse import urlsplit

from pydantic import SecretStr
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError
from typing_extensions import override

from streamseg.errors import SettingsError, StoreLoginError, StoreUnavailableError
from streamseg.settings.addresses import redis_hosts
from streamseg.store.redis.servers.cluster import Cluster
from streamseg.store.redis.servers.forbidden import RedisClient
from streamseg.store.redis.servers.node_connection import quick
from streamseg.store.redis.servers.slots import Address

log = logging.getLogger(__name__)

Client: TypeAlias = Redis | Cluster

OLDEST_SERVER: Final = (6, 2)
OLDEST_IN_CLUSTER: Final = (7, 0)
"""For SPUBLISH."""
CONNECT_SECONDS: Final = 2.0
"""Time limit of connecting. With TLS that takes several round trips, more than the API's limit of one call."""
CONNECTIONS: Final = 1_000
"""Maximum per server. A call beyond it fails at once: redis-py's waiting pool costs a third more per call."""


class ServerAddress(Protocol):
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
    def sentinel_username(self) -> str | None:
        """User name at the Sentinels."""
        ...

    @property
    def sentinel_password(self) -> SecretStr | None:
        """Password at the Sentinels."""
        ...

    @property
    def timeout_seconds(self) -> float:
        """Time limit of one call."""
        ...


def connect(settings: ServerAddress) -> Client:
    """Return a client that connects at its first call, waits `timeout_seconds` for each reply and never retries.

    URLs: `redis://`, `rediss://` (TLS), `unix://`; `redis+cluster://` or `rediss+cluster://` with some nodes of a
    Cluster; `redis+sentinel://` or `rediss+sentinel://` with the Sentinels and the name of the primary. Raises
    `SettingsError`.
    """
    scheme = urlsplit(settings.url).scheme
    options: dict[str, Any] = {
        "username": settings.username,
        "password": settings.password.get_secret_value() if settings.password else None,
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": CONNECT_SECONDS,
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
        if scheme.endswith("+cluster"):
            return _cluster(settings.url, options)
        if scheme.endswith("+sentinel"):
            return _primary(settings, options)
        if scheme == "unix":
            del options["socket_keepalive"]
        return quick(RedisClient.from_url(settings.url, **options))
    except (ValueError, RedisError) as error:
        raise SettingsError(f"setting redis.url: {error}") from None


def _cluster(url: str, options: Mapping[str, Any]) -> Cluster:
    """Return a client of the Cluster that the hosts of the URL belong to."""
    seeds = [Address(*host) for host in redis_hosts(url)]
    pattern = Redis.from_url(_of_one(url), **options).connection_pool

    def open_node(address: Address) -> Redis:
        place = {"host": address.host, "port": address.port}
        pool = ConnectionPool(
            pattern.connection_class, pattern.max_connections, **(dict(pattern.connection_kwargs) | place)
        )
        return quick(RedisClient.from_pool(pool))

    return Cluster(seeds, open_node)


def _primary(settings: ServerAddress, options: Mapping[str, Any]) -> Redis:
    """Return a client of the primary that the Sentinels of the URL name whenever a connection is made.

    READONLY from a demoted primary closes the connection, so that the next call asks the Sentinels again.
    """
    url = settings.url
    name, _, database = urlsplit(url).path.strip("/").partition("/")
    pattern = Redis.from_url(_of_one(url, f"/{database}"), **options).connection_pool
    wanted = {key: value for key, value in pattern.connection_kwargs.items() if key not in ("host", "port")}
    asked = {key: value for key, value in wanted.items() if key.startswith(("socket_", "ssl_")) or key == "protocol"}
    if url.startswith("rediss"):
        wanted["ssl"] = asked["ssl"] = True
    asked["retry"] = options["retry"]
    if settings.sentinel_password is not None:
        asked["username"] = settings.sentinel_username
        asked["password"] = settings.sentinel_password.get_secret_value()
    sentinel_of: Any = _Sentinels  # redis-py's has no types
    sentinel = sentinel_of(redis_hosts(url), sentinel_kwargs=asked)
    primary: Redis = sentinel.master_for(name, _Primary, max_connections=pattern.max_connections, **wanted)
    return quick(primary)


class _Sentinels(Sentinel):
    """Looks up one primary at a time.

    redis-py moves the Sentinel that answered to the front. Two look-ups at once can then overwrite another, which is
    never asked again.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[no-untyped-call]  # redis-py's has no types
        self._one = asyncio.Lock()

    @override
    async def discover_master(self, service_name: str) -> Any:
        async with self._one:
            return await super().discover_master(service_name)


class _Primary(RedisClient):
    """Closes its connections to the Sentinels too; redis-py leaves them open."""

    @override
    async def aclose(self, close_connection_pool: bool | None = None) -> None:
        await super().aclose(close_connection_pool)
        pool: Any = self.connection_pool
        await pool.sentinel_manager.aclose()


def _of_one(url: str, path: str | None = None) -> str:
    """Return the URL of an ordinary server: of the first host."""
    parts = urlsplit(url)
    user, at, hosts = parts.netloc.rpartition("@")
    one = parts._replace(
        scheme=parts.scheme.partition("+")[0],
        netloc=f"{user}{at}{hosts.partition(',')[0]}",
        path=parts.path if path is None else path,
    )
    return one.geturl()


@contextmanager
def translated_errors() -> Iterator[None]:
    """Turn every error of a call into `StoreUnavailableError`, with a text that holds no customer data."""
    try:
        yield
    except (AuthenticationError, NoPermissionError) as error:
        raise StoreLoginError(f"Redis refuses us: {error}") from None
    except (RedisError, OSError) as error:
        raise StoreUnavailableError(f"Redis: {reason(error)}") from error


def reason(error: Exception) -> str:
    """Return the first line of an error's text, without customer data."""
    return str(error).partition("\n")[0] or type(error).__name__


async def check_server(redis: Client) -> None:
    """Check that the server evicts nothing, is new enough and can be written.

    Raises `SettingsError` when it is unfit, `StoreUnavailableError` when it does not answer.
    """
    with translated_errors():
        try:
            if isinstance(redis, Cluster):
                await _check_cluster(redis)
            else:
                _check_info(await redis.info("everything"), in_cluster=False)
        except (AuthenticationError, NoPermissionError) as error:
            raise SettingsError(f"Redis refuses us: {error}") from None


async def _check_cluster(cluster: Cluster) -> None:
    for node in await cluster.primaries():
        said: bytes = await node.execute_command("CLUSTER", "INFO")
        state = said.partition(b"cluster_state:")[2].partition(b"\r")[0].decode()
        if state != "ok":
            raise SettingsError(f"the Redis Cluster is incomplete: cluster_state is {state}")
        _check_info(await node.info("everything"), in_cluster=True)
        await _warn_of_full_coverage(node)


async def _warn_of_full_coverage(node: Any) -> None:
    """Log when one missing node would stop all others too."""
    with suppress(NoPermissionError):
        if (await node.config_get("cluster-require-full-coverage")).get("cluster-require-full-coverage") == "yes":
            log.warning(
                "the Redis Cluster stops as a whole while one part of it is away. Set cluster-require-full-coverage"
                " to no on all nodes"
            )


def _warn_of_loss(info: Mapping[str, Any]) -> None:
    """Log when the server has no append-only file."""
    if info.get("aof_enabled") == 0:
        log.warning(
            "Redis has no append-only file (appendonly is no): a restart loses what its last snapshot does not have."
            " Set appendonly to yes"
        )


def _check_info(info: Mapping[str, Any], *, in_cluster: bool) -> None:
    version = str(info.get("redis_version", "0.0"))
    oldest = OLDEST_IN_CLUSTER if in_cluster else OLDEST_SERVER
    if tuple(int(part) for part in version.split(".")[:2]) < oldest:
        raise SettingsError(f"Redis {version} is too old: {oldest[0]}.{oldest[1]} or later is needed")
    policy = info.get("maxmemory_policy")
    if policy != "noeviction":
        raise SettingsError(f"Redis evicts data when memory is full: set maxmemory-policy to noeviction (now {policy})")
    if info.get("role") == "slave":
        raise SettingsError("this Redis is a read-only replica: redis.url must name the primary")
    if info.get("cluster_enabled") == 1 and not in_cluster:
        raise SettingsError("this Redis is a node of a Cluster: write redis+cluster:// in redis.url")
    _warn_of_loss(info)
