"""POST to subscribers over HTTP, without redirects, and to private addresses only if allowed.

A subscriber chooses its URL. Without this check it could make this process call what only the process can reach: a
metadata service, an admin page. The check is made on the address that the socket is about to connect to, so that DNS
cannot be used to get around it.
"""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

import aiohttp

from streamseg.api.webhooks.answers import Answer
from streamseg.api.webhooks.lane import Post
from streamseg.ports import Subscriber

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")

_UNICAST: Final = IPv6Network("2000::/3")
"""All of IPv6 that is on the internet. Outside of it lie the addresses that a translator (NAT64, 64:ff9b::/96 and
64:ff9b:1::/48) or the kernel (IPv4-compatible, ::/96) turns into IPv4 addresses, which may be inside the network."""
_TUNNELS: Final = (
    IPv6Network("2001::/32"),  # Teredo
    IPv6Network("2002::/16"),  # 6to4
    IPv6Network("3fff::/20"),  # documentation, which Python's tables may not have yet
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
)
_ISATAP: Final = (0x00005EFE, 0x02005EFE)
"""Bits 64-95 of addresses that carry an IPv4 address in their last 32."""


class PrivateAddressError(OSError):
    """The subscriber's host has a private address."""


def is_private(host: str) -> bool:
    """Return whether the host is an address that is not on the internet, or a loopback name.

    Other names are not resolved here: their addresses are checked when a socket connects.

    >>> is_private("169.254.169.254"), is_private("::ffff:10.0.0.1"), is_private("localhost")
    (True, True, True)
    >>> is_private("64:ff9b::a00:1"), is_private("::10.0.0.1")
    (True, True)
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
        if address.ipv4_mapped is not None:  # a socket connects to the IPv4 address itself
            return _is_public(address.ipv4_mapped)
        if address not in _UNICAST or (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
            return False
    return address.is_global and not address.is_multicast and not any(address in each for each in _TUNNELS)


def _guarded(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, where = address
    try:
        public = _is_public(ip_address(where[0]))
    except ValueError:  # a form that only the kernel knows
        public = False
    if not public:
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
