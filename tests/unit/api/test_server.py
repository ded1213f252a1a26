"""The HTTP server limits size and time of headers and bodies."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from streamseg.api.http import request_body
from streamseg.api.http.header_limits import HEAD_BYTES_AT_MOST, Connection
from streamseg.api.server import serve
from tests.support.served_api import SK, Served

pytestmark = pytest.mark.asyncio

ASK = f"GET /v1/segments HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SK}\r\n".encode()


@asynccontextmanager
async def connected() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Run a server and open a connection to it."""
    stop = asyncio.Event()
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    async with Served().api() as api:
        task = asyncio.create_task(serve(api, "127.0.0.1", 0, stop=stop, listening=address.set_result))
        where = urlsplit(await address)
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
        try:
            yield reader, writer
        finally:
            writer.close()
            stop.set()
            await task


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
