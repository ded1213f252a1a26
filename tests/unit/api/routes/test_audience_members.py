"""Members of an audience over HTTP: pseudonyms, ids with a scope, only of who consents."""

import pytest

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.clustering.description.describe import pseudonym
from streamseg.service.audience_rows import Rest
from tests.support.audience_stage import CUSTOMERS, stage
from tests.support.served_api import SEES_IDS, WRITES

pytestmark = pytest.mark.asyncio


async def test_members_are_pseudonyms_and_ids_need_a_scope_of_their_own() -> None:
    served = await stage()
    async with served.api() as api:
        pages = []
        for key in (WRITES, SEES_IDS):
            async with served.client(key, api=api) as client:
                pages.append((await client.get("/v1/audiences/buyers/members")).json())
                assert (await client.get("/v1/audiences/none/members")).status_code == 404
                wrong = await client.get("/v1/audiences/buyers/members?after=x")
                assert (wrong.status_code, wrong.json()["field"]) == (422, "after")
    hidden, shown = pages
    assert {one["pseudonym"] for one in hidden["members"]} == {pseudonym(one) for one in CUSTOMERS[:2]}
    assert all(one.keys() == {"pseudonym", "since"} for one in hidden["members"])
    assert {one["customer_id"] for one in shown["members"]} == set(CUSTOMERS[:2])
    assert (hidden["next"], hidden["without_consent"], shown["without_consent"]) == (None, 3, 3)


async def test_ids_of_an_audience_that_is_too_small_are_shown_to_nobody() -> None:
    served = await stage()
    await served.models.write_audience_sizes(AudienceSizes(1, {"buyers": 5}, {"buyers": 1}).encode())
    async with served.client(SEES_IDS) as client:
        members = (await client.get("/v1/audiences/buyers/members")).json()["members"]
        shown = (await client.get("/v1/audiences/buyers")).json()
    assert len(members) == 2
    assert not any("customer_id" in one for one in members)
    assert (shown["size"], shown["consented"], shown["is_too_small"]) == (5, 1, True)


async def test_pages_hold_all_members_together() -> None:
    served = await stage()
    desk = served.desk()
    desk._rest = Rest(rows=2)
    found, after, without_consent, pages = [], None, 0, 0
    while pages == 0 or after is not None:
        page = await desk.members("buyers", after, with_ids=True)
        found += [one["customer_id"] for one in page["members"]]
        without_consent, after, pages = without_consent + page["without_consent"], page["next"], pages + 1
    assert (set(found), without_consent) == (set(CUSTOMERS[:2]), 3)
    assert pages > 1
