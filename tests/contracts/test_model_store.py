"""The contract of `ModelStore`, on every implementation."""

import asyncio

import pytest

from streamseg.ports import ModelStore
from tests.contracts.stores import Stores

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


@pytest.fixture
def models(stores: Stores) -> ModelStore:
    return stores.models


async def test_nothing_is_there_before_the_first_snapshot(models: ModelStore) -> None:
    assert await models.snapshot("behaviour") is None
    assert await models.versions(["behaviour", "value"]) == [0, 0]
    assert await models.versions([]) == []


async def test_a_snapshot_is_stored_over_its_parent_only(models: ModelStore) -> None:
    assert not await models.publish("behaviour", 2, 1, b"orphan")
    assert await models.snapshot("behaviour") is None
    assert await models.publish("behaviour", 1, 0, b"\x00one")
    assert not await models.publish("behaviour", 1, 0, b"again")
    assert await models.publish("behaviour", 12, 1, b"twelve")
    assert not await models.publish("behaviour", 2, 1, b"fork")
    assert await models.snapshot("behaviour") == b"twelve"
    assert await models.versions(["value", "behaviour"]) == [0, 12]


async def test_of_two_trainers_one_publishes(models: ModelStore) -> None:
    await models.publish("behaviour", 1, 0, b"one")
    stored = await asyncio.gather(*(models.publish("behaviour", 2, 1, name) for name in (b"a", b"b", b"c")))
    assert sorted(stored) == [False, False, True]
    assert await models.snapshot("behaviour") == (b"a", b"b", b"c")[stored.index(True)]


async def test_the_catalogue_is_written_by_segment(models: ModelStore) -> None:
    assert await models.catalogue() == {}
    await models.write_catalogue({"behaviour-a": b'{"label":"A"}', "behaviour-b": b'{"label":"B"}'})
    await models.write_catalogue({"behaviour-b": '{"label":"Ö"}'.encode()})
    await models.write_catalogue({})
    assert await models.catalogue() == {"behaviour-a": b'{"label":"A"}', "behaviour-b": '{"label":"Ö"}'.encode()}


async def test_a_name_can_be_given_changed_and_taken_back(models: ModelStore) -> None:
    assert await models.names() == {}
    await models.rename("behaviour-a", "Götes vänner")
    await models.rename("behaviour-b", "B")
    await models.rename("behaviour-b", "C")
    assert await models.names() == {"behaviour-a": "Götes vänner", "behaviour-b": "C"}
    await models.rename("behaviour-b", None)
    await models.rename("behaviour-x", None)
    assert await models.names() == {"behaviour-a": "Götes vänner"}


async def test_the_first_drop_is_kept(models: ModelStore) -> None:
    assert await models.dropped() == {}
    await models.drop("value", 1_795_000_000)
    await models.drop("value", 1_795_000_001)
    assert await models.dropped() == {"value": 1_795_000_000}


async def test_the_first_promotion_is_kept(models: ModelStore) -> None:
    assert await models.promoted() == {}
    await models.promote("value", 1_795_000_000)
    await models.promote("value", 1_795_000_001)
    assert await models.promoted() == {"value": 1_795_000_000}


async def test_the_map_of_a_segmentation_is_replaced(models: ModelStore) -> None:
    assert await models.customer_map("behaviour") is None
    await models.write_customer_map("behaviour", b"one")
    await models.write_customer_map("behaviour", b"two")
    assert await models.customer_map("behaviour") == b"two"
    assert await models.customer_map("value") is None


async def test_the_borders_of_rfm_are_replaced(models: ModelStore) -> None:
    assert await models.rfm() is None
    await models.write_rfm(b"one")
    await models.write_rfm(b"two")
    assert await models.rfm() == b"two"


async def test_audiences_are_declared_over_their_parent_only(models: ModelStore) -> None:
    assert (await models.declared(), await models.declared_generation()) == (None, 0)
    assert not await models.declare(2, 1, b"orphan")
    assert await models.declare(1, 0, b"\x00one")
    assert not await models.declare(1, 0, b"again")
    assert await models.declare(2, 1, b"two")
    assert not await models.declare(2, 1, b"fork")
    assert (await models.declared(), await models.declared_generation()) == (b"two", 2)


async def test_of_two_people_one_declares(models: ModelStore) -> None:
    stored = await asyncio.gather(*(models.declare(1, 0, name) for name in (b"a", b"b", b"c")))
    assert sorted(stored) == [False, False, True]
    assert await models.declared() == (b"a", b"b", b"c")[stored.index(True)]


async def test_lookalikes_are_published_over_their_parent_only(models: ModelStore) -> None:
    assert (await models.lookalikes(), await models.lookalikes_version()) == (None, 0)
    assert not await models.publish_lookalikes(2, 1, b"orphan")
    assert await models.publish_lookalikes(1, 0, b"\x00one")
    assert not await models.publish_lookalikes(1, 0, b"again")
    assert await models.publish_lookalikes(2, 1, b"two")
    assert (await models.lookalikes(), await models.lookalikes_version()) == (b"two", 2)


async def test_audiences_are_no_segmentation(models: ModelStore) -> None:
    await models.publish("audiences", 1, 0, b"snapshot")
    await models.declare(7, 0, b"set")
    assert (await models.versions(["audiences"]), await models.snapshot("audiences")) == ([1], b"snapshot")
    assert (await models.declared_generation(), await models.declared()) == (7, b"set")


async def test_contents_of_lists_are_written_read_and_removed_by_name(models: ModelStore) -> None:
    assert (await models.list_names(), await models.read_list("a.1.x")) == (set(), None)
    long = bytes(range(256)) * 4_000
    await models.write_list("a.1.x", long)
    await models.write_list("b.1.y", b"\x00\xff")
    assert await models.list_names() == {"a.1.x", "b.1.y"}
    assert (await models.read_list("a.1.x"), await models.read_list("b.1.y")) == (long, b"\x00\xff")
    await models.remove_lists(["a.1.x", "gone"])
    await models.remove_lists([])
    assert await models.list_names() == {"b.1.y"}


async def test_segments_are_removed_from_the_catalogue_with_their_names_and_notes(models: ModelStore) -> None:
    await models.write_catalogue({"behaviour-a": b"{}", "behaviour-b": b"{}"})
    for segment in ("behaviour-a", "behaviour-b"):
        await models.rename(segment, "ours")
        await models.write_note(segment, b"note")
    await models.remove_from_catalogue(["behaviour-a", "behaviour-gone"])
    await models.remove_from_catalogue([])
    assert (await models.catalogue()).keys() == (await models.names()).keys() == {"behaviour-b"}
    assert await models.notes() == {"behaviour-b": b"note"}
    await models.write_note("behaviour-b", None)
    assert await models.notes() == {}


async def test_maps_are_removed_by_segmentation(models: ModelStore) -> None:
    for segmentation in ("behaviour", "taste"):
        await models.write_customer_map(segmentation, b"{}")
    await models.remove_customer_maps(["taste", "gone"])
    await models.remove_customer_maps([])
    assert (await models.customer_map("behaviour"), await models.customer_map("taste")) == (b"{}", None)
