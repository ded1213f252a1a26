"""Event streams tell a page to ask again, and carry no data about the customer."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from streamseg.api.app import Api
from streamseg.settings import ApiSettings
from tests.support.served_api import Served, entry_of, membership_of

pytestmark = pytest.mark.asyncio


@asynccontextmanager
async def stream(api: Api, path: str, **headers: str) -> AsyncIterator["asyncio.Queue[bytes]"]:
    """Open a stream and yield the body pieces it sends; leaving the context closes the connection."""
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    closed = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await closed.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.body":
            pieces.put_nowait(message["body"])
        else:
            assert message["status"] == 200
            assert (b"content-type", b"text/event-stream; charset=utf-8") in message["headers"]

    names = [(name.lower().replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    where, _, query = path.partition("?")
    scope = {"type": "http", "method": "GET", "path": where, "query_string": query.encode(), "headers": names}
    scope |= {"root_path": ""}
    task = asyncio.create_task(api(scope, receive, send))
    try:
        yield pieces
    finally:
        closed.set()
        async with asyncio.timeout(2):
            await task


async def taken(pieces: "asyncio.Queue[bytes]") -> bytes:
    async with asyncio.timeout(2):
        return await pieces.get()


async def test_a_change_sends_a_message_without_customer_or_segment() -> None:
    served = Served()
    seen = entry_of(membership_of("c-81"))
    await served.memberships.write([seen])
    async with served.api() as api:
        path = await api.ticket("c-81", seen.membership)
        async with stream(api, path) as pieces:
            assert re.fullmatch(rb"retry: [123]\d{3}\nid: 7-1\n\n", await taken(pieces))
            await served.change(membership_of("c-81", "behaviour-m3xw", seq=2))
            message = await taken(pieces)
            await served.change(membership_of("c-82", seq=9))
            served.notices.written("c-81")
            await asyncio.sleep(0.05)
            assert pieces.empty()
    assert message == b'id: 7-2\nevent: message\ndata: {"type":"refetchEvaluation"}\n\n'


@pytest.mark.parametrize(("last", "missed"), [("7-1", True), ("7-2", False), ("\xe9", True)])
async def test_a_reconnecting_page_gets_a_message_only_if_it_missed_a_change(*, last: str, missed: bool) -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-81", seq=2))])
    async with served.api() as api, stream(api, await api.ticket("c-81"), last_event_id=last) as pieces:
        await taken(pieces)
        await asyncio.sleep(0.05)
        assert pieces.empty() is not missed


async def test_a_change_between_the_answer_and_the_stream_is_sent() -> None:
    served = Served()
    seen = membership_of("c-81")
    await served.memberships.write([entry_of(seen)])
    async with served.api() as api:
        path = await api.ticket("c-81", entry_of(seen).membership)
        async with stream(api, path) as pieces:
            await taken(pieces)
            await asyncio.sleep(0.05)
            assert pieces.empty()
        await served.memberships.write([entry_of(membership_of("c-81", "behaviour-m3xw", seq=2))])
        async with stream(api, path) as pieces:
            assert b"id: 7-2" in await taken(pieces)
            assert b"refetchEvaluation" in await taken(pieces)


async def test_a_silent_stream_sends_heartbeats_and_ends_with_the_process() -> None:
    served = Served(ApiSettings(heartbeat_seconds=0.05))
    async with served.api() as api, stream(api, await api.ticket("c-81")) as pieces:
        assert [await taken(pieces) for _ in range(3)][1:] == [b": alive\n\n"] * 2
        api.end_streams()
        while await taken(pieces):
            pass


async def test_unknown_tickets_are_404_and_streams_are_counted_and_limited() -> None:
    served = Served(ApiSettings(streams_limit=1))
    async with served.client() as client:
        assert (await client.get("/v1/streams/guessed")).status_code == 404
    async with served.api() as api:
        path = await api.ticket("c-81")
        async with stream(api, path) as pieces:
            await taken(pieces)
            async with served.client(api=api) as client:
                full = await client.get(path)
                metrics = await client.get("/metrics")
        assert full.status_code == 429
        assert "streamseg_api_streams 1.0" in metrics.text
