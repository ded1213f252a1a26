"""Ad servers get an OpenRTB fragment, only with consent to ads."""

from typing import Any

import pytest

from streamseg.membership.encoding import encode
from streamseg.membership.types import OutboxEntry
from streamseg.membership.views import ads_view
from streamseg.settings import ApiSettings
from tests.support.served_api import PK, Served, membership_of

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
