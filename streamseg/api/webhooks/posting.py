"""POSTs to subscribers: over HTTPS, without following redirects, and to no address inside the network unless allowed.

Whoever may name an address could otherwise make this process talk to what only it can reach: a metadata service, an
admin page. The check is made on the address that is about to be connected to, so that no name can resolve around it.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

import aiohttp

from streamseg.api.webhooks.dispatcher import Post
from streamseg.ports import Subscriber

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")


class PrivateAddressError(OSError):
    """The subscriber's host has an address that is not on the internet."""


def is_private(host: str) -> bool:
    """Whether the host is an address that is not on the internet, or a name of this machine."""
    try:
        address = ip_address(host)
    except ValueError:
        return host in LOOPBACK
    return not _is_public(address)


def _is_public(address: IPv4Address | IPv6Address) -> bool:
    if isinstance(address, IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour
        if inside is not None:
            return _is_public(inside)
    return address.is_global and not address.is_multicast


def _guarded(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, where = address
    if is_private(str(where[0])):
        raise PrivateAddressError("the host has a private address")
    return socket.socket(family, kind, protocol)


@asynccontextmanager
async def posting() -> AsyncIterator[Post]:
    """What `Dispatcher` posts with, while the context is open."""
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(socket_factory=_guarded)) as outside,
        aiohttp.ClientSession() as anywhere,
    ):

        async def post(subscriber: Subscriber, body: bytes, headers: Mapping[str, str]) -> int:
            session = anywhere if subscriber.allow_private else outside
            try:
                async with session.post(subscriber.url, data=body, headers=headers, allow_redirects=False) as answer:
                    return answer.status
            except aiohttp.ClientConnectorError as error:
                if isinstance(error.os_error, PrivateAddressError):
                    raise error.os_error from None
                raise ConnectionError(type(error).__name__) from None
            except aiohttp.ClientError as error:
                raise ConnectionError(type(error).__name__) from None

        yield post
