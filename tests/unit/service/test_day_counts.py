"""Counts that are read each second: the same as when all is read, for a few calls at once. Issue 17."""

import asyncio
from collections.abc import Mapping

import pytest

from streamseg.ports import Flow, Flows, Flush
from streamseg.service.day_counts import DAYS_AHEAD, WHOLE_SECONDS, CountsReader, read_day_counts
from streamseg.store.memory import MemoryStateStore

pytestmark = pytest.mark.asyncio

TODAY = 20_785
A, B = "behaviour-aaaa", "behaviour-bbbb"
MOVED: Flow = (A, B)
LATENCY_SECONDS = 0.02


class FarStore(MemoryStateStore):
    """A store at a distance, that notes the days which are asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.days: list[tuple[int, int | None]] = []

    async def flows(self, partition: int, since: int = 0, until: int | None = None) -> list[Flows]:
        await asyncio.sleep(LATENCY_SECONDS)
        self.days.append((since, until))
        return await super().flows(partition, since, until)

    async def add(self, partition: int, day: int, counts: Mapping[Flow, int], sizes: Mapping[str, int]) -> None:
        claimed = await self.claim(partition, "w", "layout", 1)
        await self.flush(partition, Flush("w", claimed.flush_number, sizes=sizes, flows=Flows(day, dict(counts))))


async def test_only_days_that_may_have_changed_are_read_again() -> None:
    state = FarStore()
    for partition in range(3):
        await state.add(partition, TODAY - 9, {MOVED: 1}, {A: 5})
        await state.add(partition, TODAY - partition, {MOVED: 2}, {A: 3})
    reader = CountsReader(state, lambda: 0.0)
    assert await reader.read() == await read_day_counts(state)
    await state.add(0, TODAY, {MOVED: 4}, {A: 1, B: 4})
    await state.add(1, TODAY + 1, {(None, A): 1}, {A: 9})
    await state.add(3, TODAY, {(None, B): 1}, {B: 1})  # a partition that was not there
    state.days.clear()
    found = await reader.read()
    assert state.days == [(TODAY - back, TODAY - back + DAYS_AHEAD) for back in range(3)] + [(0, None)]
    assert found == await read_day_counts(state)
    assert found.days[TODAY][MOVED] == 6
    assert found.sizes == {A: 13, B: 5}


async def test_a_leap_of_many_days_is_seen_when_all_is_read_again() -> None:
    state, now = FarStore(), [0.0]
    await state.add(0, TODAY, {MOVED: 1}, {B: 1})
    reader = CountsReader(state, lambda: now[0])
    await reader.read()
    await state.add(0, TODAY + DAYS_AHEAD + 1, {MOVED: 1}, {B: 2})
    assert set((await reader.read()).days) == {TODAY}
    now[0] = WHOLE_SECONDS
    assert set((await reader.read()).days) == {TODAY, TODAY + DAYS_AHEAD + 1}


async def test_partitions_are_read_at_once() -> None:
    state = FarStore()
    for partition in range(12):
        await state.add(partition, TODAY, {MOVED: 1}, {B: 1})
    loop = asyncio.get_running_loop()
    began = loop.time()
    assert (await read_day_counts(state)).sizes == {B: 12}
    assert loop.time() - began < 12 * LATENCY_SECONDS
