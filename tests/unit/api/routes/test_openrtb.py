"""Ad servers get an OpenRTB fragment, only with consent to ads."""

import json
from dataclasses import replace
from typing import Any

import pytest

from streamseg.api.http.access import identity_hash
from streamseg.membership.encoding import encode
from streamseg.membership.types import OutboxEntry
from streamseg.membership.views import ads_view
from streamseg.settings import ApiSettings
from tests.support.served_api import IDENTITY_SECRET, PK, SK, Served, membership_of

EMPTY: dict[str, Any] = {"user": {"data": []}, "key_values": {}}


def served() -> Served:
    return Served(
        ApiSettings(
            ads_provider="fitgear.example", iab_audiences={"behaviour-k7q2": ("927", "930")}, public_segments=()
        )
    )


async def put(served: Served, customer_id: str, *, ads: bool = True) -> None:
    membership = membership_of(customer_id, ads=ads)
    view = ads_view(encode(membership), lambda _: True)
    await served.ads_views.write([OutboxEntry(customer_id, membership.epoch, membership.seq, view)])


@pytest.mark.asyncio
async def test_the_fragment_has_our_segment_ids_and_the_mapped_iab_ids() -> None:
    api = served()
    await put(api, "c-81")
    async with api.client() as client:
        answer = await client.get("/v1/openrtb/user", params={"id": "c-81"})
    assert answer.json() == {
        "user": {
            "data": [
                {"name": "fitgear.example", "segment": [{"id": "behaviour-k7q2", "name": "Daily Athletes"}]},
                {"name": "fitgear.example", "ext": {"segtax": 4}, "segment": [{"id": "927"}, {"id": "930"}]},
            ]
        },
        "key_values": {"ssg": ["behaviour-k7q2"]},
    }
    assert answer.headers["streamseg-as-of"]


@pytest.mark.asyncio
async def test_a_secret_key_sees_the_audiences_for_ads_and_a_publishable_one_none() -> None:
    api, customer = served(), "anon-" + "y" * 22
    membership = replace(membership_of(customer, ads=True), audiences=("readers", "win-back"))
    view = ads_view(encode(membership), lambda _: True, "win-back".__eq__)
    await api.ads_views.write([OutboxEntry(customer, membership.epoch, membership.seq, view)])
    async with api.client() as client, api.client(PK) as public:
        seen = [await each.get("/v1/openrtb/user", params={"id": customer}) for each in (client, public)]
    assert seen[0].json()["key_values"] == {"ssg": ["behaviour-k7q2", "win-back"]}
    assert seen[1].json() == EMPTY


@pytest.mark.asyncio
async def test_gpc_missing_consent_and_unknown_customers_give_an_empty_fragment() -> None:
    api = served()
    await put(api, "c-81")
    await put(api, "c-82", ads=False)
    async with api.client() as client:
        gpc = await client.get("/v1/openrtb/user", params={"id": "c-81"}, headers={"Sec-GPC": "1"})
        refused = await client.get("/v1/openrtb/user", params={"id": "c-82"})
        unknown = await client.get("/v1/openrtb/user", params={"id": "c-83"})
        missing = await client.get("/v1/openrtb/user")
    assert gpc.json() == EMPTY | {"regs": {"ext": {"gpc": "1"}}}
    assert (refused.json(), unknown.json()) == (EMPTY, EMPTY)
    assert (missing.status_code, missing.json()["field"]) == (422, "id")


@pytest.mark.asyncio
async def test_a_publishable_key_sees_only_public_segments() -> None:
    api = served()
    anonymous = "anon-" + "y" * 22
    await put(api, anonymous)
    async with api.client(PK) as client:
        answer = await client.get("/v1/openrtb/user", params={"id": anonymous})
        foreign = await client.get("/v1/openrtb/user", params={"id": "c-81"})
    assert answer.json() == EMPTY
    assert foreign.status_code == 403


@pytest.mark.asyncio
async def test_no_cache_serves_an_answer_past_a_withdrawal() -> None:
    """Issue 13, item 16: a client that has an answer asks again, and gets the empty one."""
    api = served()
    await put(api, "c-81")
    async with api.client() as client:
        before = await client.get("/v1/openrtb/user", params={"id": "c-81"})
        same = await client.get(
            "/v1/openrtb/user", params={"id": "c-81"}, headers={"If-None-Match": before.headers["etag"]}
        )
        await api.ads_views.write([OutboxEntry("c-81", 7, 2, None)])
        after = await client.get(
            "/v1/openrtb/user", params={"id": "c-81"}, headers={"If-None-Match": before.headers["etag"]}
        )
    for answer in (before, same, after):
        assert answer.headers["cache-control"] == "private, no-cache"
    assert [before.status_code, same.status_code, after.status_code] == [200, 304, 200]
    assert after.json() == EMPTY


@pytest.mark.asyncio
async def test_a_page_posts_id_key_and_hash_without_a_preflight() -> None:
    """Issue 13, item 20."""
    api = Served()
    await put(api, "c-81")
    proof = identity_hash(IDENTITY_SECRET, "c-81")
    async with api.client(None) as client:
        own = await client.post("/v1/openrtb/user", content=json.dumps({"id": "c-81", "key": PK, "hash": proof}))
        gpc = await client.post(
            "/v1/openrtb/user", json={"id": "c-81", "key": PK, "hash": proof}, headers={"Sec-GPC": "1"}
        )
        bodies: tuple[object, ...] = (
            {"id": "c-82", "key": PK, "hash": proof},
            {"id": "c-81", "key": PK},
            {"id": "c-81", "key": SK},
            {"id": "c-81", "key": "pk_guessed", "hash": proof},
            {"id": "c-81", "hash": proof},
            {"id": "c-81", "key": 7},
            {"id": "c-81", "key": PK, "hash": []},
            {"key": "anon", "id": None},
            [],
            {"id": "c" * 5_000, "key": PK},
        )
        refused = [(await client.post("/v1/openrtb/user", json=body)).status_code for body in bodies]
        anonymous = await client.post("/v1/openrtb/user", json={"id": "anon-" + "a" * 22, "key": PK})
    assert own.json()["key_values"] == {"ssg": ["behaviour-k7q2"]}
    assert gpc.json()["user"] == {"data": []}
    assert refused == [403, 403, 403, 401, 401, 422, 422, 401, 422, 413]
    assert anonymous.json() == EMPTY
