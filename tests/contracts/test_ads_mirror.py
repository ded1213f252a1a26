"""The ads view follows the memberships, on every implementation."""

import json

import pytest

from streamseg.audiences.counted_sizes import AudienceSizes
from streamseg.audiences.declared import DeclaredAudiences
from streamseg.membership.encoding import encode
from streamseg.membership.types import Consent, Membership, OutboxEntry, SegmentMembership
from streamseg.store.ads_mirror import AdsMirror
from tests.contracts.stores import Stores

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


def entry(customer_id: str, seq: int, *, ads: bool = True, segment: str | None = "behaviour-k7q2") -> OutboxEntry:
    current = None if segment is None else SegmentMembership(segment, 5, 0.5)
    membership = Membership(customer_id, 7, seq, 100, {}, {"behaviour": current}, Consent(ads, True))
    return OutboxEntry(customer_id, 7, seq, encode(membership))


async def ads_mirror(stores: Stores) -> AdsMirror:
    sizes = {"behaviour-k7q2": 1_000, "behaviour-tiny": 3}
    await stores.models.write_catalogue(
        {segment: json.dumps({"segmentation": "behaviour", "size": size}).encode() for segment, size in sizes.items()}
    )
    return AdsMirror(stores.memberships, stores.ads_views, stores.models, 50)


async def test_the_ads_view_exists_only_under_consent(stores: Stores) -> None:
    mirror = await ads_mirror(stores)
    await mirror.write([entry("c-1", 1), entry("c-2", 1, ads=False)])
    (view, none) = await stores.ads_views.read(["c-1", "c-2"])
    assert none is None
    assert view is not None
    assert json.loads(view) == {
        "v": 1, "customer_id": "c-1", "epoch": 7, "seq": 1, "as_of": 100, "segments": ["behaviour-k7q2"],
    }  # fmt: skip
    assert await mirror.read(["c-1"]) == [entry("c-1", 1).membership]


async def test_withdrawn_consent_removes_the_view_for_good(stores: Stores) -> None:
    mirror = await ads_mirror(stores)
    await mirror.write([entry("c-1", 1)])
    await mirror.write([entry("c-1", 2, ads=False)])
    assert await stores.ads_views.read(["c-1"]) == [None]
    await mirror.write([entry("c-1", 1)])
    assert await stores.ads_views.read(["c-1"]) == [None]
    assert await stores.memberships.read(["c-1"]) == [entry("c-1", 2, ads=False).membership]
    await mirror.write([entry("c-1", 3)])
    assert await stores.ads_views.read(["c-1"]) != [None]


async def test_consent_that_is_given_and_withdrawn_in_one_call_leaves_no_view(stores: Stores) -> None:
    mirror = await ads_mirror(stores)
    await mirror.write([entry("c-1", 1), entry("c-2", 1, ads=False), entry("c-1", 2, ads=False)])
    assert await stores.ads_views.read(["c-1", "c-2"]) == [None, None]
    await mirror.write([entry("c-1", 1)])
    assert await stores.ads_views.read(["c-1"]) == [None]


async def test_an_erased_customer_leaves_the_view(stores: Stores) -> None:
    mirror = await ads_mirror(stores)
    await mirror.write([entry("c-1", 1)])
    await mirror.write([OutboxEntry("c-1", 7, 2, None)])
    assert await stores.ads_views.read(["c-1"]) == [None]
    assert await stores.memberships.read(["c-1"]) == [None]


@pytest.mark.parametrize("segment", ["behaviour-tiny", "behaviour-unheard", None])
async def test_small_and_unknown_segments_stay_out(stores: Stores, segment: str | None) -> None:
    mirror = await ads_mirror(stores)
    await mirror.write([entry("c-1", 1, segment=segment)])
    assert await stores.ads_views.read(["c-1"]) == [None]


@pytest.mark.parametrize(("consented", "shown"), [(49, None), (50, ["win-back"])])
async def test_an_audience_of_whom_too_few_consent_stays_out(
    stores: Stores, consented: int, shown: list[str] | None
) -> None:
    declared = DeclaredAudiences().with_("win-back", {"id": "win-back", "purpose": "ads"}, 3)
    await stores.models.declare(declared.generation, 0, declared.encode())
    sizes = AudienceSizes(1, {"win-back": 500}, {"win-back": consented})
    await stores.models.write_audience_sizes(sizes.encode())
    mirror = await ads_mirror(stores)
    membership = Membership("c-1", 7, 1, 100, {}, {"behaviour": None}, Consent(True, True), ("win-back",))
    await mirror.write([OutboxEntry("c-1", 7, 1, encode(membership))])
    (view,) = await stores.ads_views.read(["c-1"])
    assert (None if view is None else json.loads(view)["audiences"]) == shown
