"""Concurrent reads share calls to the store."""

import asyncio
from collections.abc import Sequence

import pytest

from streamseg.api.reads.batched_reads import LATE_CALLS_AT_MOST, BatchedReads
from streamseg.errors import StoreUnavailableError

pytestmark = pytest.mark.asyncio


async def test_concurrent_lookups_share_reads() -> None:
    asked: list[list[str]] = []

    async def read(ids: Sequence[str]) -> list[bytes | None]:
        asked.append(list(ids))
        await asyncio.sleep(0)
        return [each.encode() for each in ids]

    reads = BatchedReads(read, 1.0)
    found = await asyncio.gather(*(reads.one(f"c-{n}") for n in range(700)))
    assert found == [f"c-{n}".encode() for n in range(700)]
    assert len(asked) <= 3
    assert max(map(len, asked)) <= 500


async def test_a_failed_read_fails_all_waiting_lookups_and_later_ones_are_read_again() -> None:
    fail = True

    async def read(ids: Sequence[str]) -> list[bytes | None]:
        await asyncio.sleep(0)
        if fail:
            raise StoreUnavailableError("no answer")
        return [None for _ in ids]

    reads = BatchedReads(read, 1.0)
    results = await asyncio.gather(*(reads.one("c") for _ in range(600)), return_exceptions=True)
    assert all(isinstance(each, StoreUnavailableError) for each in results)
    fail = False
    assert await reads.one("c") is None


async def test_a_late_read_goes_on_and_a_few_of_them_stop_new_ones() -> None:
    connected = asyncio.Event()
    calls = 0

    async def read(ids: Sequence[str]) -> list[bytes | None]:
        nonlocal calls
        calls += 1
        await connected.wait()
        return [b"found" for _ in ids]

    reads = BatchedReads(read, 0.001)
    for _ in range(LATE_CALLS_AT_MOST + 5):
        with pytest.raises(StoreUnavailableError):
            await reads.many(["c"])
    assert calls == LATE_CALLS_AT_MOST
    connected.set()
    await asyncio.sleep(0.01)
    assert await reads.many(["c"]) == [b"found"], "the late reads were not cancelled, and are over"
