"""POST to subscribers over HTTP, without redirects, and to private addresses only if allowed.

A subscriber chooses its URL. Without this check it could make this process call what only the process can reach: a
metadata service, an admin page. The check is made on the address that the socket is about to connect to, so that DNS
cannot be used to get around it.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import aiohttp

from streamseg.api.webhooks.answers import Answer
from streamseg.api.webhooks.lane import Post
from streamseg.ports import Subscriber

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class PrivateAddressError(OSError):
    """The subscriber's host has a private address."""


def is_private(host: str) -> bool:
    """Return whether the host is an address that is not on the internet, or a loopback name.

    Other names are not resolved here: their addresses are checked when a socket connects.

    >>> is_private("169.254.169.254"), is_private("::ffff:10.0.0.1"), is_private("localhost")
    (True, True, True)
    >>> is_private("93.184.215.14"), is_private("crm.example")
    (False, False)
    """
    try:
        address = ip_address(host)
    except ValueError:
        return host in LOOPBACK
    return not _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        embedded = address.ipv4_mapped or address.sixtofour
        if embedded is not None:
            return _is_public(embedded)
    return address.is_global and not address.is_multicast


def _guarded(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, where = address
    if is_private(str(where[0])):
        raise PrivateAddressError("the host has a private address")
    return socket.socket(family, kind, protocol)


@asynccontextmanager
async def posting() -> AsyncIterator[Post]:
    """Open the sessions of a `Dispatcher`'s `post`, which refuses private addresses with `PrivateAddressError`.

    The number of connections is not limited here: lanes limit their own, and a limit for all would let subscribers that
    hang take the connections of the others.
    """
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, socket_factory=_guarded), cookie_jar=aiohttp.DummyCookieJar()
        ) as internet,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), cookie_jar=aiohttp.DummyCookieJar()) as anywhere,
    ):

        async def post(subscriber: Subscriber, body: bytes, headers: Mapping[str, str]) -> Answer:
            session = anywhere if subscriber.allow_private else internet
            try:
                async with session.post(subscriber.url, data=body, headers=headers, allow_redirects=False) as answer:
                    return Answer(answer.status, answer.headers.get("Retry-After"))
            except aiohttp.ClientConnectorError as error:
                if isinstance(error.os_error, PrivateAddressError):
                    raise error.os_error from None
                raise ConnectionError(type(error).__name__) from None
            except aiohttp.ClientError as error:
                raise ConnectionError(type(error).__name__) from None

        yield post
