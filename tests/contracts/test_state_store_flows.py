"""The contract of `StateStore`, on every implementation: moves between segments by day. Issue 13, item 26."""

from collections.abc import Mapping

import pytest

from streamseg.errors import FlushRefusedError
from streamseg.ports import Flow, Flows, Flush, StateStore
from tests.contracts.state_store import NOW_MS

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

ENTERED: Flow = (None, "behaviour-k7q2")
MOVED: Flow = ("behaviour-k7q2", "behaviour-m3xw")
LEFT: Flow = ("behaviour-m3xw", None)
TODAY = 20_785


class Owner:
    """Claims a partition, and flushes moves."""

    def __init__(self, state: StateStore, partition: int) -> None:
        self._state = state
        self._partition = partition

    async def add(self, day: int, counts: Mapping[Flow, int], rows: int = 0) -> None:
        claimed = await self._state.claim(self._partition, "w-1", "layout-a", NOW_MS)
        written = [(f"c-{n}", b"row") for n in range(rows)]
        await self._state.flush(
            self._partition, Flush("w-1", claimed.flush_number, written, flows=Flows(day, dict(counts)))
        )


async def test_flushes_add_moves_to_their_day(state: StateStore, partition: int) -> None:
    owner = Owner(state, partition)
    await owner.add(TODAY, {ENTERED: 3, MOVED: 1}, rows=5)
    await owner.add(TODAY + 1, {LEFT: 1})
    await owner.add(TODAY, {ENTERED: 2}, rows=1)
    assert await state.flows(partition) == [Flows(TODAY, {ENTERED: 5, MOVED: 1}), Flows(TODAY + 1, {LEFT: 1})]
    assert await state.flows(partition, TODAY + 1) == [Flows(TODAY + 1, {LEFT: 1})]
    assert await state.flows(partition, TODAY - 1, TODAY) == [Flows(TODAY, {ENTERED: 5, MOVED: 1})]
    assert await state.flows(partition, TODAY + 1, TODAY) == []
    await owner.add(TODAY + 402, {LEFT: 1})  # in the place of day TODAY + 2
    assert await state.flows(partition, TODAY + 2, TODAY + 2) == []
    assert await state.load(partition, ["c-0", "c-4"]) == [b"row", b"row"]


async def test_flushes_without_moves_keep_them(state: StateStore, partition: int) -> None:
    await Owner(state, partition).add(TODAY, {ENTERED: 3})
    claimed = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    await state.flush(partition, Flush("w-1", claimed.flush_number, [("c-1", b"row")], sizes={"s": 1}))
    assert await state.flows(partition) == [Flows(TODAY, {ENTERED: 3})]
    assert await state.flows(partition + 100_000) == []


async def test_a_refused_or_repeated_flush_adds_no_moves(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    flush = Flush("w-1", 1, [("c-1", b"row")], flows=Flows(TODAY, {ENTERED: 1}))
    await state.flush(partition, flush)
    for refused in (flush, Flush("w-2", 2, flows=Flows(TODAY, {ENTERED: 1}))):
        with pytest.raises(FlushRefusedError):
            await state.flush(partition, refused)
    assert await state.flows(partition) == [Flows(TODAY, {ENTERED: 1})]


async def test_moves_of_400_days_are_kept(state: StateStore, partition: int) -> None:
    owner = Owner(state, partition)
    for day in (TODAY - 1, TODAY, TODAY + 1, TODAY + 399):
        await owner.add(day, {ENTERED: 1})
    await owner.add(TODAY + 400, {LEFT: 2})
    assert [one.day for one in await state.flows(partition)] == [TODAY + 1, TODAY + 399, TODAY + 400]
    await owner.add(TODAY, {ENTERED: 7})  # older than what its place holds now
    assert (await state.flows(partition))[-1] == Flows(TODAY + 400, {LEFT: 2})


async def test_a_rebuild_keeps_moves(state: StateStore, partition: int) -> None:
    await Owner(state, partition).add(TODAY, {ENTERED: 3})
    metadata = await state.metadata(partition)
    assert metadata is not None
    await state.swap(partition, metadata)
    assert await state.flows(partition) == [Flows(TODAY, {ENTERED: 3})]
