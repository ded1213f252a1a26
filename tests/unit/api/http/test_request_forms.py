"""Issue 13, item 19: bytes that are not UTF-8, compressed bodies, upgrade offers and trailing slashes."""

import asyncio
import gzip
import json

import pytest

from streamseg.api.openapi.paths import PATHS
from tests.support.served_api import SK, Served, entry_of, membership_of
from tests.unit.api.test_server import connected

pytestmark = pytest.mark.asyncio

BULK = "/ofrep/v1/evaluate/flags"
BATCH = "/v1/segments:batchGet"
WITH_BODY = [path.replace("{key}", "segment") for path, item in PATHS.items() if "post" in item]
WITHOUT_BODY = [path for path, item in PATHS.items() if "get" in item]
OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABk\r\n"
BODY = json.dumps({"ids": ["c-81"]}).encode()


@pytest.mark.parametrize("path", WITH_BODY)
@pytest.mark.parametrize(
    "body",
    [
        b"\xff",
        b'{"ids":["\xff"]}',
        b'{"ids":["c-81"],"x":"\xc3"}',
        b'{"\xff":1}',
        '{"ids":["c-é"]}'.encode("latin-1"),
        '{"context":{"targetingKey":"c-é"}}'.encode("latin-1"),
        '{"kind":"click","event":{"customer_id":"c-é"}}'.encode("latin-1"),
        '{"ids":["c-81"]}'.encode("utf-16"),
        b'{"ids":["\xed\xa0\x80"]}',
    ],
)
async def test_a_body_that_is_not_utf_8_is_400_on_every_route(path: str, body: bytes) -> None:
    served = Served()
    async with served.client() as client:
        answer = await client.post(path, content=body)
    assert answer.status_code == 400, answer.text
    assert "UTF-8" in answer.json().get("detail", answer.json().get("errorDetails"))
    assert not served.sink.records


@pytest.mark.parametrize("path", WITHOUT_BODY)
@pytest.mark.parametrize("wrong", ["%FF", "%C3", "%ED%A0%80"])
async def test_a_path_or_query_that_is_not_utf_8_is_400_on_every_route(path: str, wrong: str) -> None:
    given = path.replace("{id}", "c-81").replace("{ticket}", "t")
    async with Served().client() as client:
        answers = [await client.get(f"{given}?id=c-81&x={wrong}")]
        if "{" in path:
            answers.append(await client.get(path.replace("{id}", wrong).replace("{ticket}", wrong)))
    assert [each.status_code for each in answers] == [400] * len(answers)


async def test_percent_encoded_utf_8_is_read() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-é%/ü"))])
    async with served.client() as client:
        answer = await client.get("/v1/customers/c-%C3%A9%25%2F%C3%BC/segments")
    assert (answer.json()["customer_id"], answer.json().get("known", True)) == ("c-é%/ü", True)


@pytest.mark.parametrize("path", WITH_BODY)
@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "br", "identity, gzip"])
async def test_a_compressed_body_is_415(path: str, encoding: str) -> None:
    async with Served().client() as client:
        answer = await client.post(path, content=gzip.compress(BODY), headers={"Content-Encoding": encoding})
        plain = await client.post(path, content=BODY, headers={"Content-Encoding": "identity"})
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
    assert answer.json()["field"] == "Content-Encoding"
    assert plain.status_code != 415


@pytest.mark.parametrize(
    "path", [*(each.replace("{id}", "c-81") for each in PATHS if "{ticket}" not in each), "/streamseg.js"]
)
async def test_a_trailing_slash_is_404_and_never_a_redirect(path: str) -> None:
    async with Served().client() as client:
        for method in ("GET", "POST"):
            answer = await client.request(method, path + "/", content=b'{"context":{"targetingKey":"c-81"}}')
            assert (answer.status_code, answer.headers.get("location")) in ((404, None), (405, None)), path
            assert not answer.is_redirect


async def answer_to(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one response from a connection."""
    async with asyncio.timeout(5):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head[9:12]), await reader.readexactly(length)


@pytest.mark.parametrize("offer", [OFFER, b"Connection: upgrade\r\nUpgrade: websocket\r\n"])
@pytest.mark.parametrize("chunked", [True, False])
@pytest.mark.parametrize("piece", [1, 7, 10_000])
async def test_an_upgrade_offer_does_not_lose_the_body(offer: bytes, piece: int, *, chunked: bool) -> None:
    framing, body = b"Content-Length: %d" % len(BODY), BODY
    if chunked:
        framing, body = (
            b"Transfer-Encoding: chunked",
            b"4\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (BODY[:4], len(BODY) - 4, BODY[4:]),
        )
    key = f"Host: x\r\nAuthorization: Bearer {SK}\r\n".encode()
    with_body = b"POST %b HTTP/1.1\r\n%b%b%b\r\n\r\n%b" % (BATCH.encode(), key, offer, framing, body)
    without = b"GET /v1/segments HTTP/1.1\r\n%b%b\r\n" % (key, offer)
    plain = b"GET /v1/customers/c-82/segments HTTP/1.1\r\n%b\r\n" % key
    async with connected() as (reader, writer):
        sent = with_body + without + plain + with_body + plain
        for start in range(0, len(sent), piece):
            writer.write(sent[start : start + piece])
            await asyncio.sleep(0)
        answers = [await answer_to(reader) for _ in range(5)]
    assert [status for status, _ in answers] == [200] * 5, answers
    assert json.loads(answers[0][1])["customers"][0]["customer_id"] == "c-81"
    assert b'"segments"' in answers[1][1]
    assert answers[3][1] != answers[1][1]
    assert json.loads(answers[4][1])["customer_id"] == "c-82"


async def test_a_large_body_after_an_upgrade_offer_is_413_as_ever() -> None:
    head = f"POST {BATCH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {SK}\r\n".encode()
    async with connected() as (reader, writer):
        writer.write(head + OFFER + b"Content-Length: 100000000\r\n\r\n{")
        assert (await answer_to(reader))[0] == 413


async def test_connect_is_refused() -> None:
    for target in (b"x:443", b"/v1/segments"):
        async with connected() as (reader, writer):
            writer.write(b"CONNECT %b HTTP/1.1\r\nHost: x\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n" % target)
            async with asyncio.timeout(5):
                assert (await reader.readline())[9:10] == b"4"


async def test_the_server_reads_what_httpx_cannot_send() -> None:
    """A request line with raw bytes is 400, too, and is not taken for another customer."""
    async with connected() as (reader, writer):
        writer.write("GET /v1/customers/c-é/segments HTTP/1.1\r\nHost: x\r\n\r\n".encode("latin-1"))
        async with asyncio.timeout(5):
            assert (await reader.readline())[9:12] == b"400"
    async with connected() as (reader, writer):
        writer.write(f"GET /v1/openrtb/user?id=c-é HTTP/1.1\r\nHost: x\r\nX-API-Key: {SK}\r\n\r\n".encode("latin-1"))
        async with asyncio.timeout(5):
            assert (await reader.readline())[9:12] == b"400"
