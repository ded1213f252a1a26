"""Ad servers get a fragment in OpenRTB's words, under consent only."""

from typing import Any

import pytest

from streamseg.api.ads.iab_taxonomy import audience_ids
from streamseg.api.ads.user_fragment import checked_audiences, user_fragment
from streamseg.errors import SettingsError
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
async def test_a_member_is_described_by_own_ids_and_mapped_ones() -> None:
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
async def test_gpc_missing_consent_and_strangers_give_nothing() -> None:
    api = served()
    await put(api, "c-81")
    await put(api, "c-82", ads=False)
    async with api.client() as client:
        gpc = await client.get("/v1/openrtb/user", params={"id": "c-81"}, headers={"Sec-GPC": "1"})
        refused = await client.get("/v1/openrtb/user", params={"id": "c-82"})
        stranger = await client.get("/v1/openrtb/user", params={"id": "c-83"})
        missing = await client.get("/v1/openrtb/user")
    assert gpc.json() == EMPTY | {"regs": {"ext": {"gpc": "1"}}}
    assert (refused.json(), stranger.json()) == (EMPTY, EMPTY)
    assert (missing.status_code, missing.json()["field"]) == (422, "id")


@pytest.mark.asyncio
async def test_a_page_sees_no_segment_that_is_not_public() -> None:
    api = served()
    anonymous = "anon-" + "y" * 22
    await put(api, anonymous)
    async with api.client(PK) as client:
        answer = await client.get("/v1/openrtb/user", params={"id": anonymous})
        foreign = await client.get("/v1/openrtb/user", params={"id": "c-81"})
    assert answer.json() == EMPTY
    assert foreign.status_code == 403


def test_no_more_segments_than_ad_servers_take() -> None:
    many = [f"audience-{n}" for n in range(100)]
    made = user_fragment(many, "p", {}, {segment: (str(n + 60),) for n, segment in enumerate(many)})
    assert [len(data["segment"]) for data in made["user"]["data"]] == [32, 32]
    assert len(made["key_values"]["ssg"]) == 32


def test_the_taxonomy_has_gaps_and_placeholders() -> None:
    ids = audience_ids()
    assert len(ids) == 1_558 - 6
    assert {"1", "54", "60", "197", "206", "752", "942", "1508", "1538", "1679"} <= ids
    assert not {"158", "198", "205", "349", "405", "552", "605", "1450", "1545", "1584"} & ids


@pytest.mark.parametrize("wrong", ["0", "1680", "55", "158", "198", "1545", "942|PIPV", "abc", "", "-1", "\u0664"])
def test_an_id_that_the_taxonomy_does_not_have_stops_the_start(wrong: str) -> None:
    with pytest.raises(SettingsError, match=r"iab_audiences\.behaviour-k7q2"):
        checked_audiences({"behaviour-k7q2": (wrong,)})
