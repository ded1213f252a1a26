"""Concurrent reads share calls to the store."""

import asyncio
from collections.abc import Sequence

import pytest

from streamseg.api.reads.batched_reads import BatchedReads
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
