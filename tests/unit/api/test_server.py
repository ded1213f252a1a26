"""The HTTP server limits size and time of headers and bodies."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from urllib.parse import urlsplit

import httpx
import pytest

from streamseg.api.app import Api
from streamseg.api.http import request_body
from streamseg.api.http.header_limits import HEAD_BYTES_AT_MOST, Connection
from streamseg.api.server import serve
from tests.support.served_api import SK, Served

pytestmark = pytest.mark.asyncio

ASK = f"GET /v1/segments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SK}\r\n".encode()


@asynccontextmanager
async def serving(stop: asyncio.Event | None = None, leave_seconds: float = 0) -> AsyncIterator[tuple[Api, str]]:
    """Run a server; yield its API and address."""
    stop = stop or asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with Served().api() as api:
        task = asyncio.create_task(
            serve(api, "127.0.0.1", 0, stop=stop, leave_seconds=leave_seconds, listening=address.set_result)
        )
        try:
            yield api, await address
        finally:
            stop.set()
            await task


@asynccontextmanager
async def connected(address: str | None = None) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Open a connection to a server, by default to one of its own."""
    async with AsyncExitStack() as stack:
        at = address if address is not None else (await stack.enter_async_context(serving()))[1]
        where = urlsplit(at)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        stack.callback(writer.close)
        yield reader, writer


async def status(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return (await reader.readline())[9:12]


@pytest.mark.parametrize(("pieces", "ended"), [(1, True), (100, True), (100, False)])
async def test_headers_above_the_limit_are_refused(pieces: int, *, ended: bool) -> None:
    async with connected() as (reader, writer):
        writer.write(ASK + b"X-Long: ")
        for _ in range(pieces):
            writer.write(b"a" * (2 * HEAD_BYTES_AT_MOST // pieces))
            await asyncio.sleep(0)
        if ended:
            writer.write(b"\r\n\r\n")
        try:
            assert await status(reader) == b"431"
            async with asyncio.timeout(5):
                assert b"200 OK" not in await reader.read()  # to the end: the server closes the connection
        except ConnectionError:
            pass  # the server closed the connection before everything was sent


async def test_a_large_body_does_not_count_as_headers() -> None:
    async with connected() as (reader, writer):
        body = b'{"ids":["c-81"' + b" " * (HEAD_BYTES_AT_MOST + 10_000) + b"]}"
        head = ASK.replace(b"GET /v1/segments", b"POST /v1/segments:batchGet")
        for _ in range(2):
            writer.write(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
            assert await status(reader) == b"200"
            await reader.readuntil(b"]}")


@pytest.mark.parametrize("sent", [b"", ASK, ASK + b"\r\n" + ASK])
async def test_a_connection_whose_headers_do_not_end_is_closed(monkeypatch: pytest.MonkeyPatch, sent: bytes) -> None:
    monkeypatch.setattr(Connection, "head_seconds", 0.1)
    async with connected() as (reader, writer):
        writer.write(sent)
        async with asyncio.timeout(5):
            answered = await reader.read()
    assert answered.startswith(b"HTTP/1.1 200") is (b"\r\n\r\n" in sent)


async def test_an_idle_connection_is_kept_longer_than_headers_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Connection, "head_seconds", 0.1)
    async with connected() as (reader, writer):
        writer.write(ASK + b"\r\n")
        assert await status(reader) == b"200"
        await asyncio.sleep(0.3)
        await reader.readuntil(b"]}")
        writer.write(ASK + b"\r\n")
        assert await status(reader) == b"200"


async def test_a_body_that_does_not_arrive_is_408(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "BODY_SECONDS", 0.1)
    async with connected() as (reader, writer):
        head = ASK.replace(b"GET /v1/segments", b"POST /v1/segments:batchGet")
        writer.write(head + b"Content-Length: 100\r\n\r\n{")
        assert await status(reader) == b"408"


async def test_readyz_turns_before_the_listener_closes_and_requests_are_answered_until_then() -> None:
    """Issue 13, item 18."""
    stop = asyncio.Event()
    async with serving(stop, leave_seconds=0.5) as (api, address), httpx.AsyncClient(base_url=address) as client:
        path = await api.ticket("c-81")
        assert (await client.get("/readyz")).status_code == 200
        async with client.stream("GET", path) as following:
            pieces = following.aiter_text()
            await anext(pieces)
            began = time.monotonic()
            stop.set()
            await asyncio.sleep(0.05)
            async with httpx.AsyncClient(base_url=address) as another:  # on a new connection
                ready, live, asked = [
                    await another.get(path, headers={"X-API-Key": SK}) for path in ("/readyz", "/livez", "/v1/segments")
                ]
            assert (ready.status_code, live.status_code, asked.status_code) == (503, 200, 200)
            assert "retry: " in "".join([piece async for piece in pieces])
            assert time.monotonic() - began >= 0.5
        await asyncio.sleep(0.3)
        with pytest.raises(httpx.ConnectError):
            async with httpx.AsyncClient(base_url=address) as another:
                await another.get("/livez")
