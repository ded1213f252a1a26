"""The contract of `StateStore`, on every implementation: claims, metadata, layouts and topics."""

import pytest

from streamseg.errors import FlushRefusedError, LayoutMismatchError
from streamseg.ports import Flush, StateStore
from tests.contracts.state_store import NOW_MS

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def test_the_server_passes_its_check(state: StateStore) -> None:
    await state.check()


async def test_a_partition_has_no_metadata_before_its_first_claim(state: StateStore, partition: int) -> None:
    assert await state.metadata(partition) is None
    with pytest.raises(FlushRefusedError, match=f"partition {partition} is owned by nobody, not w-1"):
        await state.flush(partition, Flush("w-1", 0))
    assert await state.metadata(partition) is None


async def test_a_claim_starts_at_now_and_keeps_checkpoint_and_sizes(state: StateStore, partition: int) -> None:
    first = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert (first.epoch, first.owner, first.flush_number, first.layout) == (NOW_MS, "w-1", 1, "layout-a")
    assert (first.checkpoint, first.topics, first.sizes) == ({}, {}, {})

    await state.flush(partition, Flush("w-1", 1, checkpoint={"streamseg.clicks": 17}, sizes={"behaviour-m3xw": 4}))
    second = await state.claim(partition, "w-2", "layout-a", NOW_MS)
    assert (second.epoch, second.owner, second.flush_number) == (NOW_MS + 1, "w-2", 3)
    assert (second.checkpoint, second.sizes) == ({"streamseg.clicks": 17}, {"behaviour-m3xw": 4})
    assert await state.metadata(partition) == second

    third = await state.claim(partition, "w-2", "layout-a", NOW_MS + 60_000)
    assert third.epoch == NOW_MS + 60_000


async def test_the_epoch_rises_though_the_clock_is_behind(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert (await state.claim(partition, "w-2", "layout-a", NOW_MS - 3_600_000)).epoch == NOW_MS + 1


async def test_a_layout_may_replace_those_it_follows(state: StateStore, partition: int) -> None:
    before = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    with pytest.raises(LayoutMismatchError):
        await state.claim(partition, "w-2", "layout-b", NOW_MS, ("layout-x", "layout-y"))
    assert await state.metadata(partition) == before
    claimed = await state.claim(partition, "w-2", "layout-b", NOW_MS, ("layout-x", "layout-a"))
    assert (claimed.owner, claimed.layout, claimed.epoch) == ("w-2", "layout-b", NOW_MS + 1)
    assert await state.metadata(partition) == claimed
    with pytest.raises(FlushRefusedError):
        await state.flush(partition, Flush("w-1", before.flush_number))
    with pytest.raises(LayoutMismatchError, match="layout layout-b"):
        await state.claim(partition, "w-1", "layout-a", NOW_MS)


async def test_layouts_are_remembered_by_their_fingerprints(state: StateStore) -> None:
    assert await state.layouts() == {}
    await state.remember_layout("aa", b'{"segmentations":["behaviour"]}')
    await state.remember_layout("bb", b"{}")
    await state.remember_layout("aa", b'{"segmentations":["behaviour"]}')
    assert await state.layouts() == {"aa": b'{"segmentations":["behaviour"]}', "bb": b"{}"}


async def test_another_layout_is_refused_and_changes_nothing(state: StateStore, partition: int) -> None:
    metadata = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    with pytest.raises(LayoutMismatchError, match=r"layout layout-a, .* layout-b: .*streamseg rebuild"):
        await state.claim(partition, "w-2", "layout-b", NOW_MS)
    assert await state.metadata(partition) == metadata


async def test_only_the_owner_writes_topics(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    topics = {"streamseg.clicks": ("jQ9-aaa", 8), "streamseg.purchases": ("jQ9-bbb", 8)}
    await state.set_topics(partition, "w-1", topics)
    metadata = await state.metadata(partition)
    assert metadata is not None
    assert (metadata.topics, metadata.flush_number) == (topics, 1)
    with pytest.raises(FlushRefusedError, match="owned by w-1, not w-2"):
        await state.set_topics(partition, "w-2", {})
    assert (await state.claim(partition, "w-2", "layout-a", NOW_MS)).topics == topics
