"""Subscribers with private addresses are called only if that is allowed."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp import web

from streamseg.api.webhooks.posting import PrivateAddressError, is_private, posting
from streamseg.ports import Subscriber


@pytest.mark.parametrize(
    ("host", "private"),
    [
        ("93.184.215.14", False),
        ("2606:2800:21f:cb07:6820:80da:af6b:8b2c", False),
        ("crm.example", False),  # checked when a socket connects
        ("localhost", True),
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("169.254.169.254", True),  # the metadata service of clouds
        ("100.64.0.1", True),
        ("0.0.0.0", True),
        ("224.0.0.1", True),
        ("::1", True),
        ("fe80::1", True),
        ("fd00::1", True),
        ("::ffff:10.0.0.1", True),
        ("2002:a00:1::", True),
        # Issue 13, item 19: forms that lead to an IPv4 address through a translator or a tunnel
        ("64:ff9b::a00:1", True),  # NAT64 of 10.0.0.1
        ("64:ff9b::169.254.169.254", True),
        ("64:ff9b::5db8:d70e", True),  # of a public address: a translator may do as it likes
        ("64:ff9b:1::a00:1", True),  # NAT64 with a local prefix
        ("64:ff9b:1:fffe::a00:1", True),
        ("::10.0.0.1", True),  # IPv4-compatible
        ("::93.184.215.14", True),
        ("::ffff:0:10.0.0.1", True),  # IPv4-translated
        ("::ffff:93.184.215.14", False),
        ("::ffff:127.0.0.1", True),
        ("2002:5db8:d70e::1", True),  # 6to4
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", True),  # Teredo
        ("2a00:1450:4001:800::5efe:a00:1", True),  # ISATAP
        ("2a00:1450:4001:800:200:5efe:a00:1", True),
        ("192.88.99.1", True),
        ("fec0::1", True),
        ("fe80::1%eth0", True),
        ("3fff::1", True),
        ("2001:db8::1", True),
        ("ff0e::1", True),
        ("::", True),
        ("255.255.255.255", True),
    ],
)
def test_addresses_that_are_not_on_the_internet_are_private(host: str, *, private: bool) -> None:
    assert is_private(host) is private


@pytest_asyncio.fixture
async def hook() -> AsyncIterator[str]:
    """Run a subscriber on this machine that redirects /away, and yield its URL."""

    async def take(request: web.Request) -> web.Response:
        if request.path == "/away":
            raise web.HTTPFound("/hook")
        return web.Response(status=204)

    app = web.Application()
    app.router.add_post("/{path}", take)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://localhost:{runner.addresses[0][1]}"
    await runner.cleanup()


@pytest.mark.asyncio
async def test_a_name_of_this_machine_is_refused_unless_allowed_and_redirects_are_not_followed(
    hook: str,
) -> None:
    subscriber = Subscriber("crm", f"{hook}/hook", "whsec_")
    async with posting() as post:
        with pytest.raises(PrivateAddressError):
            await post(subscriber, b"{}", {})
        allowed = replace(subscriber, allow_private=True)
        assert (await post(allowed, b"{}", {})).status == 204
        assert (await post(replace(allowed, url=f"{hook}/away"), b"{}", {})).status == 302
