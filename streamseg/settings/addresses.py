"""Checks the addresses of servers, so that a wrong one is refused before anything connects."""

import re
from typing import Final
from urllib.parse import urlsplit

REDIS_SCHEMES: Final = (
    "redis",
    "rediss",
    "unix",
    "redis+cluster",
    "rediss+cluster",
    "redis+sentinel",
    "rediss+sentinel",
)
REDIS_PORT: Final = 6379
SENTINEL_PORT: Final = 26379
BROKER: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s,:/\[\]]+)(?::(\d{1,5}))?")
MOST_PORT: Final = 65_535
WRONG_PORT: Final = "the port must be a number from 1 to 65535, as in redis://host:6379/0"


def check_redis_url(url: str) -> str:
    """Return the URL. Raises `ValueError`; the text does not repeat the URL, which may hold a password."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in REDIS_SCHEMES:
        raise ValueError(f"must begin with {', '.join(f'{one}://' for one in REDIS_SCHEMES)}")
    if scheme == "unix":
        if not urlsplit(url).path.strip("/"):
            raise ValueError("names no socket, as in unix:///run/redis.sock")
        return url
    kind = scheme.partition("+")[2]
    if len(redis_hosts(url)) > 1 and not kind:
        raise ValueError("names several hosts: write redis+cluster:// or redis+sentinel://")
    path = urlsplit(url).path
    if kind == "sentinel":
        if not re.fullmatch(r"/[^/\s]+(/\d*)?", path):
            raise ValueError("must name the primary as Sentinel does, as in redis+sentinel://host:26379/primary/0")
    elif not re.fullmatch(r"/?\d*", path):
        raise ValueError("the database must be a number, as in redis://host:6379/0")
    elif kind == "cluster" and path.strip("/0"):
        raise ValueError("a Cluster has database 0 only, as in redis+cluster://host:6379/0")
    return url


def redis_hosts(url: str) -> list[tuple[str, int]]:
    """Return host and port of each server that the URL names. Raises `ValueError`.

    >>> redis_hosts("rediss+sentinel://user:word@one:26380,two,[::1]:7/primary/0")
    [('one', 26380), ('two', 26379), ('::1', 7)]
    """
    port = SENTINEL_PORT if "+sentinel" in url.partition("://")[0] else REDIS_PORT
    try:
        netloc = urlsplit(url).netloc
        parts = [urlsplit(f"//{host}") for host in netloc.rpartition("@")[2].split(",")]
        found = [(part.hostname, port if part.port is None else part.port) for part in parts]
    except ValueError:
        raise ValueError(WRONG_PORT) from None
    hosts = [(host, number) for host, number in found if host]
    if len(hosts) < len(found):
        raise ValueError("names no host, as in redis://host:6379/0")
    if not all(number for _, number in hosts):
        raise ValueError(WRONG_PORT)
    return hosts


def check_bootstrap(servers: str) -> str:
    """Return the brokers' addresses. Raises `ValueError`."""
    for server in servers.split(","):
        found = BROKER.fullmatch(server.strip())
        if found is None or (found[1] is not None and not 0 < int(found[1]) <= MOST_PORT):
            raise ValueError(f"must be host:port, several divided by commas, not {server.strip()!r}")
    return servers
