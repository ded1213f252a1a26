"""Segments as OFREP flags."""

from dataclasses import replace
from typing import Any

import pytest

from streamseg.api.http.access import identity_hash
from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.settings import ApiSettings
from tests.support.served_api import AS_OF, IDENTITY_SECRET, PK, Served, entry_of, membership_of

pytestmark = pytest.mark.asyncio

BULK = "/ofrep/v1/evaluate/flags"


def context(customer_id: str = "c-81") -> dict[str, Any]:
    return {"context": {"targetingKey": customer_id}}


async def test_flags_hold_the_segment_as_text_object_and_boolean() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-81"))])
    async with served.client() as client:
        answer = await client.post(BULK, json=context())
        inside = await client.post(f"{BULK}/segment.behaviour-k7q2", json=context())
        outside = await client.post(f"{BULK}/segment.behaviour-m3xw", json=context())
    flags = {flag["key"]: flag for flag in answer.json()["flags"]}
    assert flags["segment"]["value"] == flags["segment.behaviour"]["value"] == "behaviour-k7q2"
    assert flags["segments"]["value"] == {"behaviour": "behaviour-k7q2"}
    assert (inside.json()["value"], outside.json()["value"]) == (True, False)
    assert inside.json()["reason"] == "TARGETING_MATCH"


@pytest.mark.parametrize(("personalisation", "inside"), [(True, True), (False, False)])
async def test_audiences_for_content_are_flags_for_a_secret_key(*, personalisation: bool, inside: bool) -> None:
    served, customer = Served(), "anon-" + "y" * 22
    declared = DeclaredAudiences()
    for name, purpose in (("readers", "content"), ("lapsed", "content"), ("win-back", "ads")):
        declared = declared.with_(name, {"id": name, "purpose": purpose}, 3)
    await served.models.declare(declared.generation, 0, declared.encode())
    membership = replace(membership_of(customer, personalisation=personalisation), audiences=("readers", "win-back"))
    await served.memberships.write([entry_of(membership)])
    async with served.api() as api, served.client(api=api) as shop, served.client(PK, api=api) as page:
        answers = [(await each.post(BULK, json=context(customer))).json()["flags"] for each in (shop, page)]
    found, public = ({one["key"]: one["value"] for one in each if "audience." in one["key"]} for each in answers)
    assert found == {"audience.readers": inside, "audience.lapsed": False}
    assert public == {}


@pytest.mark.parametrize(
    ("pattern", "consented", "shown"), [("read*", 50, True), ("read*", 49, False), ("none", 50, False)]
)
async def test_a_page_sees_public_audiences_for_content_that_are_large_enough(
    pattern: str, consented: int, *, shown: bool
) -> None:
    customer = "anon-" + "y" * 22
    served = Served(settings=ApiSettings(public_audiences=(pattern, "win-*")))
    declared = DeclaredAudiences()
    for name, purpose in (("readers", "content"), ("win-back", "ads")):
        declared = declared.with_(name, {"id": name, "purpose": purpose}, 3)
    await served.models.declare(declared.generation, 0, declared.encode())
    sizes = AudienceSizes(1, {"readers": 900, "win-back": 900}, {"readers": consented, "win-back": 900})
    await served.models.write_audience_sizes(sizes.encode())
    membership = replace(membership_of(customer), audiences=("readers", "win-back"))
    refused = replace(membership_of(customer + "z", personalisation=False), audiences=("readers",))
    await served.memberships.write([entry_of(membership), entry_of(refused)])
    async with served.client(PK) as page:
        flags = (await page.post(BULK, json=context(customer))).json()["flags"]
        seen = (await page.get(f"/v1/customers/{customer}/segments")).json()
        hidden = (await page.get(f"/v1/customers/{customer}z/segments")).json()
    found = {one["key"]: one["value"] for one in flags if "audience." in one["key"]}
    assert found == ({"audience.readers": True} if shown else {})
    assert seen.get("audiences") == (["readers"] if shown else None)
    assert not hidden.get("audiences")


@pytest.mark.parametrize("personalisation", [True, False])
async def test_without_a_segment_or_consent_a_customer_is_unassigned(*, personalisation: bool) -> None:
    served = Served()
    segment = None if personalisation else "behaviour-k7q2"
    await served.memberships.write([entry_of(membership_of("c-81", segment, personalisation=personalisation))])
    async with served.client() as client:
        flag = (await client.post(f"{BULK}/segment", json=context())).json()
        unknown = (await client.post(f"{BULK}/segment", json=context("c-82"))).json()
    assert (flag["value"], flag["reason"]) == ("unassigned", "DEFAULT")
    assert unknown["value"] == "unassigned"


async def test_bulk_answers_have_a_validator_and_an_event_stream() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-81"))])
    async with served.client() as client:
        first = await client.post(BULK, json=context())
        same = await client.post(BULK, json=context(), headers={"If-None-Match": first.headers["etag"]})
        await served.memberships.write([entry_of(membership_of("c-81", "behaviour-m3xw", seq=2))])
        changed = await client.post(BULK, json=context(), headers={"If-None-Match": first.headers["etag"]})
    assert (same.status_code, changed.status_code) == (304, 200)
    (stream,) = first.json()["eventStreams"]
    assert stream["type"] == "sse"
    assert stream["url"].startswith("http://api/v1/streams/")
    assert stream["url"].endswith("?after=7-1")
    assert "c-81" not in stream["url"]
    assert (first.headers["streamseg-as-of"], int(first.headers["streamseg-age"]) >= 0) == (str(AS_OF), True)


async def test_the_stream_address_uses_the_public_url() -> None:
    served = Served(ApiSettings(public_url="https://segments.shop.example/"))
    async with served.client() as client:
        answer = await client.post(BULK, json=context())
        one = await client.post(f"{BULK}/segments", json=context())
    assert answer.json()["eventStreams"][0]["url"].startswith("https://segments.shop.example/v1/streams/")
    assert one.headers["streamseg-age"] == "0"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", "PARSE_ERROR"),
        (b"[]", "INVALID_CONTEXT"),
        (b"{}", "INVALID_CONTEXT"),
        (b'{"context":{}}', "TARGETING_KEY_MISSING"),
        (b'{"context":{"targetingKey":7}}', "INVALID_CONTEXT"),
        (b'{"context":{"targetingKey":"a b"}}', "INVALID_CONTEXT"),
    ],
)
async def test_an_invalid_context_gets_the_error_code_of_the_protocol(body: bytes, code: str) -> None:
    async with Served().client() as client:
        bulk = await client.post(BULK, content=body)
        single = await client.post(f"{BULK}/segment", content=body)
    assert (bulk.status_code, bulk.json()["errorCode"]) == (400, code)
    assert (single.json()["errorCode"], single.json()["key"]) == (code, "segment")


async def test_a_flag_that_does_not_exist_is_not_found() -> None:
    async with Served().client() as client:
        answer = await client.post(f"{BULK}/segment.nothing", json=context())
    assert (answer.status_code, answer.json()["errorCode"]) == (404, "FLAG_NOT_FOUND")


async def test_a_publishable_key_evaluates_only_public_segments_of_its_customer() -> None:
    served = Served()
    await served.memberships.write([entry_of(membership_of("c-81"))])
    async with served.client(PK) as client:
        own = await client.post(
            BULK, json=context(), headers={"X-Streamseg-Hash": identity_hash(IDENTITY_SECRET, "c-81")}
        )
        foreign = await client.post(
            BULK, json=context("c-82"), headers={"X-Streamseg-Hash": identity_hash(IDENTITY_SECRET, "c-81")}
        )
    assert {flag["key"] for flag in own.json()["flags"]} == {
        "segment", "segments", "segment.behaviour", "segment.behaviour-k7q2",
    }  # fmt: skip
    assert foreign.status_code == 403
