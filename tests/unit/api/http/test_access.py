"""Access: keys, identity hashes, rate limits, body limits and CORS."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from streamseg.api.http.access import KeyRing, identity_hash
from streamseg.api.http.rate_limits import Bucket
from streamseg.settings import ApiSettings
from tests.support.served_api import IDENTITY_SECRET, PK, SK, Served, entry_of, membership_of

pytestmark = pytest.mark.asyncio

PATH = "/v1/customers/c-81/segments"


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic abc"}, {"Authorization": "Bearer "}])
async def test_no_key_is_401(headers: dict[str, str]) -> None:
    async with Served().client(None, headers) as client:
        answer = await client.get(PATH)
    assert (answer.status_code, answer.json()["field"]) == (401, "Authorization")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_key_is_401_and_is_not_repeated_in_the_answer() -> None:
    wrong = SK[:-1] + "x"
    async with Served().client(wrong) as client:
        answer = await client.get(PATH)
    assert answer.status_code == 401
    assert wrong not in answer.text


async def test_the_key_may_come_as_x_api_key() -> None:
    async with Served().client(None, {"X-API-Key": SK}) as client:
        assert (await client.get(PATH)).status_code == 200


async def test_an_expired_key_is_401() -> None:
    served = Served()
    async with served.client() as client:
        assert (await client.get(PATH)).status_code == 200
        (key,) = [each for each in await served.keys.all() if each.id == "k1"]
    ring = KeyRing()
    ring.replace([replace(key, expires=100)])
    assert ring.find(SK, 99) is not None
    assert ring.find(SK, 100) is None


async def test_a_publishable_key_needs_the_identity_hash_of_the_customer() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-81"))])
    async with served.client(PK) as client:
        bare = await client.get(PATH)
        forged = await client.get(PATH, headers={"X-Streamseg-Hash": "0" * 64})
        foreign = await client.get(PATH, headers={"X-Streamseg-Hash": identity_hash(IDENTITY_SECRET, "c-82")})
        odd = await client.get(PATH, headers={b"X-Streamseg-Hash": b"\xe9"})
        own = await client.get(PATH, headers={"X-Streamseg-Hash": identity_hash(IDENTITY_SECRET, "c-81")})
    assert [each.status_code for each in (bare, forged, foreign, odd)] == [403] * 4
    assert forged.json()["field"] == "X-Streamseg-Hash"
    assert own.json()["segments"]["behaviour"]["id"] == "behaviour-k7q2"


async def test_a_short_anonymous_id_needs_an_identity_hash() -> None:
    async with Served().client(PK) as client:
        assert (await client.get("/v1/customers/anon-1/segments")).status_code == 403


async def test_a_publishable_key_cannot_read_batches() -> None:
    async with Served().client(PK) as client:
        assert (await client.post("/v1/segments:batchGet", json={"ids": ["c-81"]})).status_code == 403


async def test_a_body_above_the_limit_is_413() -> None:
    async with Served().client() as client:
        declared = await client.post("/v1/segments:batchGet", content=b"x" * 70_000)

        async def pieces() -> AsyncIterator[bytes]:
            for _ in range(70):
                yield b"x" * 1_000

        streamed = await client.post("/v1/segments:batchGet", content=pieces())
    assert (declared.status_code, streamed.status_code) == (413, 413)


@pytest.mark.parametrize("limit", ["requests_per_second_per_key", "requests_per_second"])
async def test_too_many_requests_are_429_with_retry_after(limit: str) -> None:
    served = Served(ApiSettings.model_validate({limit: 3}))
    async with served.client() as client:
        answers = [await client.get(PATH) for _ in range(5)]
    assert [each.status_code for each in answers][:3] == [200] * 3
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


async def test_refused_requests_of_one_key_do_not_use_up_the_rate_of_the_process() -> None:
    served = Served(ApiSettings(requests_per_second=4, requests_per_second_per_key=2))
    async with served.api() as api, served.client(api=api) as greedy, served.client(PK, api=api) as page:
        assert [(await greedy.get(PATH)).status_code for _ in range(10)].count(200) == 2
        assert (await page.get(f"/v1/customers/anon-{'x' * 22}/segments")).status_code == 200


async def test_a_bucket_refills() -> None:
    bucket = Bucket(2, 0.0)
    assert [bucket.take(0.0), bucket.take(0.0)] == [0, 0]
    assert bucket.take(0.0) == pytest.approx(0.5)
    assert bucket.take(0.5) == 0


async def test_only_pages_of_listed_origins_may_read() -> None:
    served = Served(ApiSettings(allowed_origins=("https://shop.example",)))
    async with served.client() as client:
        ours = await client.get(PATH, headers={"Origin": "https://shop.example"})
        other = await client.get(PATH, headers={"Origin": "https://evil.example"})
        preflight = await client.options(
            PATH,
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization,x-streamseg-hash",
            },
        )
    assert ours.headers["access-control-allow-origin"] == "https://shop.example"
    assert "etag" in ours.headers["access-control-expose-headers"].lower()
    assert "access-control-allow-origin" not in other.headers
    assert "access-control-allow-credentials" not in ours.headers
    assert preflight.status_code == 200
