"""Checks the addresses of servers, so that a wrong one is refused before anything connects."""

import re
from typing import Final
from urllib.parse import urlsplit

REDIS_SCHEMES: Final = ("redis", "rediss", "unix", "redis+cluster", "rediss+cluster")
BROKER: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s,:/\[\]]+)(?::(\d{1,5}))?")
MOST_PORT: Final = 65_535
WRONG_PORT: Final = "the port must be a number from 1 to 65535, as in redis://host:6379/0"


def check_redis_url(url: str) -> str:
    """Return the URL. Raises `ValueError`; the text does not repeat the URL, which may hold a password."""
    scheme, separator, _ = url.partition("://")
    if not separator or scheme not in REDIS_SCHEMES:
        raise ValueError(f"must begin with {', '.join(f'{one}://' for one in REDIS_SCHEMES)}")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(WRONG_PORT) from None
    if scheme == "unix":
        if not parts.path.strip("/"):
            raise ValueError("names no socket, as in unix:///run/redis.sock")
        return url
    if not parts.hostname:
        raise ValueError("names no host, as in redis://host:6379/0")
    if port == 0:
        raise ValueError(WRONG_PORT)
    if not re.fullmatch(r"/?\d*", parts.path):
        raise ValueError("the database must be a number, as in redis://host:6379/0")
    return url


def check_bootstrap(servers: str) -> str:
    """Return the brokers' addresses. Raises `ValueError`."""
    for server in servers.split(","):
        found = BROKER.fullmatch(server.strip())
        if found is None or (found[1] is not None and not 0 < int(found[1]) <= MOST_PORT):
            raise ValueError(f"must be host:port, several divided by commas, not {server.strip()!r}")
    return servers
