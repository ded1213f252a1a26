"""Lookups answer with the stored bytes, their age and their cache lifetime."""

import asyncio
from collections.abc import Sequence

import pytest

from streamseg.membership.encoding import encode
from tests.support.served_api import AS_OF, PK, Served, entry_of, membership_of

pytestmark = pytest.mark.asyncio


async def test_the_stored_bytes_are_sent_unchanged_with_their_age() -> None:
    served = Served()
    membership = membership_of("c-81")
    await served.memberships.write([entry_of(membership)])
    async with served.client() as client:
        answer = await client.get("/v1/customers/c-81/segments")
    assert answer.status_code == 200
    assert answer.content == encode(membership)
    assert answer.headers["streamseg-as-of"] == str(AS_OF)
    assert int(answer.headers["streamseg-age"]) > 0
    assert answer.headers["cache-control"] == "private, max-age=30, stale-while-revalidate=300"


async def test_a_client_with_the_current_answer_gets_304() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-81"))])
    async with served.client() as client:
        first = await client.get("/v1/customers/c-81/segments")
        again = await client.get("/v1/customers/c-81/segments", headers={"If-None-Match": first.headers["etag"]})
        listed = await client.get(
            "/v1/customers/c-81/segments", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'}
        )
        await served.memberships.write([entry_of(membership_of("c-81", "behaviour-m3xw", seq=2))])
        changed = await client.get("/v1/customers/c-81/segments", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert listed.status_code == 304
    assert changed.status_code == 200
    assert changed.json()["segments"]["behaviour"]["id"] == "behaviour-m3xw"


async def test_an_unknown_customer_is_200_without_segments() -> None:
    async with Served().client() as client:
        answer = await client.get("/v1/customers/a%2Fb/segments")
    assert answer.status_code == 200
    assert answer.json() == {"customer_id": "a/b", "known": False, "segments": {}}


@pytest.mark.parametrize("bad", ["%20", "a%20b", "a%7Bb", "x" * 257, "%0A"])
async def test_an_invalid_id_is_422_and_names_the_field(bad: str) -> None:
    async with Served().client() as client:
        answer = await client.get(f"/v1/customers/{bad}/segments")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["field"] == "id"


async def test_a_batch_keeps_the_order_of_ids_and_names_an_invalid_id() -> None:
    served = Served()
    memberships = [membership_of(f"c-{number}") for number in range(3)]
    await served.memberships.write([entry_of(each) for each in memberships])
    async with served.client() as client:
        answer = await client.post("/v1/segments:batchGet", json={"ids": ["c-2", "nobody", "c-0"]})
        wrong = await client.post("/v1/segments:batchGet", json={"ids": ["c-2", "a b"]})
        many = await client.post("/v1/segments:batchGet", json={"ids": ["c"] * 101})
        broken = await client.post("/v1/segments:batchGet", content=b"{")
    assert [each["customer_id"] for each in answer.json()["customers"]] == ["c-2", "nobody", "c-0"]
    assert answer.json()["customers"][1]["known"] is False
    assert encode(memberships[2]) in answer.content
    assert (wrong.status_code, wrong.json()["field"]) == (422, "ids[1]")
    assert (many.status_code, many.json()["field"]) == (422, "ids")
    assert broken.status_code == 400


async def test_a_publishable_key_sees_only_public_segments() -> None:
    served = Served()
    anonymous = "anon-" + "x" * 22
    await served.memberships.write(
        [entry_of(membership_of(anonymous)), entry_of(membership_of(anonymous + "2", "behaviour-m3xw"))]
    )
    async with served.client(PK) as client:
        public = await client.get(f"/v1/customers/{anonymous}/segments")
        hidden = await client.get(f"/v1/customers/{anonymous}2/segments")
        listed = await client.get("/v1/segments")
    assert public.json()["segments"]["behaviour"]["id"] == "behaviour-k7q2"
    assert "consent" not in public.json()
    assert hidden.json()["segments"] == {}
    (shown,) = listed.json()["segments"]
    assert set(shown) == {"id", "segmentation", "label", "created", "retired"}
    assert shown["id"] == "behaviour-k7q2"


async def test_a_publishable_key_sees_no_segments_without_consent_to_personalisation() -> None:
    served = Served()
    anonymous = "anon-" + "x" * 22
    await served.memberships.write([entry_of(membership_of(anonymous, personalisation=False))])
    async with served.client(PK) as client:
        answer = await client.get(f"/v1/customers/{anonymous}/segments")
    assert answer.json()["segments"] == {}


class _SilentStore:
    """A store that never answers."""

    async def write(self, entries: Sequence[object]) -> None:
        raise AssertionError

    async def read(self, customer_ids: Sequence[str]) -> list[bytes | None]:
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_store_that_never_answers_gives_the_marked_empty_503_within_the_timeout() -> None:
    served = Served(memberships=_SilentStore())
    loop = asyncio.get_running_loop()
    async with served.client() as client:
        started = loop.time()
        answers = await asyncio.gather(*(client.get(f"/v1/customers/c-{n}/segments") for n in range(20)))
        batch = await client.post("/v1/segments:batchGet", json={"ids": ["c-1"]})
        took = loop.time() - started
        ready = await client.get("/readyz")
        live = await client.get("/livez")
    assert took < 1
    for answer in answers:
        assert answer.status_code == 503
        assert answer.headers["streamseg-unavailable"] == "store"
        assert (answer.json()["known"], answer.json()["segments"]) == (False, {})
    assert batch.json()["customers"] == [{"customer_id": "c-1", "known": False, "segments": {}}]
    assert (ready.status_code, live.status_code) == (503, 200)
