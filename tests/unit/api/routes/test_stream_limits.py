"""Issue 13, item 18: streams are limited per ticket, customer and key, and end at once for HEAD."""

import asyncio
import re
from contextlib import AsyncExitStack

import pytest

from streamseg.api.app import Api
from streamseg.settings import ApiSettings
from tests.support.served_api import PK, SK, Served, entry_of, membership_of
from tests.unit.api.http.test_request_forms import answer_to
from tests.unit.api.routes.test_streams import stream, taken
from tests.unit.api.test_server import connected, serving

pytestmark = pytest.mark.asyncio

BULK = "/ofrep/v1/evaluate/flags"
CONTEXT = {"context": {"targetingKey": "anon-" + "a" * 22}}


async def refused(served: Served, api: Api, path: str) -> str:
    """Return why a stream is refused."""
    async with served.client(api=api) as client:
        answer = await client.get(path)
    assert answer.status_code == 429
    assert 5 <= int(answer.headers["retry-after"]) <= 15
    return str(answer.json()["detail"])


@pytest.mark.parametrize(
    ("limit", "opened", "one_more", "fits", "why"),
    [
        ("streams_per_ticket", ("c-1", "k"), ("c-1", "k"), ("c-1", "l"), "with this ticket"),
        ("streams_per_customer", ("c-1", "k"), ("c-1", "l"), ("c-2", "k"), "of this customer"),
        ("streams_per_key", ("c-1", "k"), ("c-2", "k"), ("c-2", "l"), "of this API key"),
        ("streams_limit", ("c-1", "k"), ("c-2", "l"), None, "in this process"),
    ],
)
async def test_a_stream_above_a_limit_is_429_until_another_one_ends(
    limit: str, opened: tuple[str, str], one_more: tuple[str, str], fits: tuple[str, str] | None, why: str
) -> None:
    served = Served(ApiSettings.model_validate({limit: 2}))
    async with served.api() as api, AsyncExitStack() as first:
        path = await api.ticket(opened[0], key_id=opened[1])
        await taken(await first.enter_async_context(stream(api, path)))
        async with stream(api, path) as pieces:
            await taken(pieces)
            further = await api.ticket(one_more[0], key_id=one_more[1])
            assert why in await refused(served, api, further)
            if fits is not None:
                async with stream(api, await api.ticket(fits[0], key_id=fits[1])) as other:
                    await taken(other)
        async with stream(api, further) as pieces:
            await taken(pieces)


async def test_streams_opened_at_the_same_moment_do_not_pass_the_limit() -> None:
    served = Served(ApiSettings(streams_per_customer=3))
    async with served.api() as api:
        paths = [await api.ticket("c-1", key_id=f"k{number}") for number in range(10)]
        async with served.client(api=api) as client, asyncio.timeout(5):
            asked = [asyncio.create_task(client.get(path)) for path in paths]
            await asyncio.sleep(0.1)
            assert sum(each.done() for each in asked) == 7  # refused; the others are open
            api.end_streams()
            answers = await asyncio.gather(*asked)
            metrics = (await client.get("/metrics")).text
    assert sorted(each.status_code for each in answers) == [200] * 3 + [429] * 7
    assert "streamseg_api_streams 0.0" in metrics


async def test_two_keys_get_two_tickets_for_a_customer() -> None:
    async with Served().api() as api:
        served = Served()
        urls = []
        for key in (SK, PK, SK):
            async with served.client(key, api=api) as client:
                urls.append((await client.post(BULK, json=CONTEXT)).json()["eventStreams"][0]["url"])
    assert urls[0] == urls[2] != urls[1]


async def test_head_on_a_stream_ends_at_once_and_opens_none() -> None:
    async with serving() as (api, address):
        path = await api.ticket("c-81")
        async with connected(address) as (reader, writer):
            for asked in (path, "/v1/streams/unknown"):
                writer.write(f"HEAD {asked} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            writer.write(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")  # on the same connection, as a proxy does
            async with asyncio.timeout(5):
                head = await reader.readuntil(b"\r\n\r\n")
                unknown = await reader.readuntil(b"\r\n\r\n")
            assert await answer_to(reader) == (200, b'{"status":"live"}')
    assert head.startswith(b"HTTP/1.1 200")
    assert b"content-type: text/event-stream" in head
    assert unknown.startswith(b"HTTP/1.1 404")


async def test_pages_are_told_different_times_to_reconnect() -> None:
    served = Served()
    waits: set[bytes] = set()
    last: set[bytes] = set()
    async with served.api() as api, AsyncExitStack() as streams:
        opened = [
            await streams.enter_async_context(stream(api, await api.ticket(f"c-{number}"))) for number in range(20)
        ]
        for pieces in opened:
            waits |= set(re.findall(rb"^retry: (\d+)$", await taken(pieces), re.MULTILINE))
        api.end_streams()
        for pieces in opened:
            last |= set(re.findall(rb"^retry: (\d+)$", await taken(pieces), re.MULTILINE))
    assert len(waits) > 10
    assert len(last) > 10
    assert all(1_000 <= int(each) <= 3_000 for each in waits)
    assert max(int(each) for each in last) > 3_000


async def test_a_process_that_ends_opens_no_streams() -> None:
    served = Served()
    async with served.api() as api, served.client(api=api) as client:
        path = await api.ticket("c-81")
        api.end_streams()
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


async def test_an_etag_match_is_304_only_while_the_stream_address_is_good() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-81"))])
    context = {"context": {"targetingKey": "c-81"}}
    async with served.api() as api, served.client(api=api) as client:
        first = await client.post(BULK, json=context)
        known = {"If-None-Match": first.headers["etag"]}
        assert (await client.post(BULK, json=context, headers=known)).status_code == 304
        store = api._streams._tickets
        path, _, _ = first.json()["eventStreams"][0]["url"].removeprefix("http://api").partition("?")
        store._tickets.clear()  # type: ignore[attr-defined]  # as when it expired, and was given by nobody since
        renewed = await client.post(BULK, json=context, headers=known)
        assert renewed.status_code == 304  # with the same address, which is good again
        assert (await client.head(path)).status_code == 200
        store._secret = b"another"  # type: ignore[attr-defined]  # as in another period, or on another store
        changed = await client.post(BULK, json=context, headers=known)
    assert changed.status_code == 200
    assert changed.json()["eventStreams"][0]["url"] != first.json()["eventStreams"][0]["url"]
