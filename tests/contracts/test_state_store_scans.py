"""The contract of `StateStore`, on every implementation: scans, and rows staged and swapped in."""

from collections.abc import Mapping

import pytest

from streamseg.errors import FlushRefusedError, LayoutMismatchError
from streamseg.ports import Flush, PartitionMetadata, StateStore
from tests.contracts.state_store import NOW_MS, entry, listed

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def test_a_scan_lists_every_row_in_pieces(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert await state.scan(partition, 0, 100) == (0, [])
    rows: Mapping[str, bytes] = {f"c-{n}": str(n).encode() * 100 for n in range(1_500)}
    await state.flush(partition, Flush("w-1", 1, list(rows.items())))
    cursor, piece = await state.scan(partition, 0, 100)
    assert cursor != 0
    assert 100 <= len(piece) < 500
    assert dict(await listed(state, partition, 100)) == rows
    cursor, few = await state.scan(partition, 0, 10_000)
    assert cursor == 0
    assert dict(few) == rows


async def test_a_scan_misses_no_row_that_stays_while_others_change(state: StateStore, partition: int) -> None:
    """Redis rehashes the growing hashes during the scan, and still lists each row that exists throughout."""
    metadata = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    number = metadata.flush_number
    staying = {f"c-{n}": b"stays" * 20 for n in range(1_500)}
    await state.flush(partition, Flush("w-1", number, list(staying.items())))
    await state.flush(partition, Flush("w-1", number + 1, [(f"gone-{n}", b"row" * 40) for n in range(500)]))
    seen: dict[str, bytes] = {}
    cursor, step = 0, 0
    while True:
        cursor, piece = await state.scan(partition, cursor, 50)
        seen |= dict(piece)
        if not cursor:
            break
        added = [(f"new-{step}-{n}", b"row" * 40) for n in range(300 if step < 10 else 0)]
        removed = [(f"gone-{n}", None) for n in range(20 * step, min(20 * step + 20, 500))]
        await state.flush(partition, Flush("w-1", number + 2 + step, [*added, *removed]))
        step += 1
    assert step > 10
    assert staying.items() <= seen.items()


async def test_staged_rows_are_invisible_until_swapped_in(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    old = [(f"c-{n}", b"old") for n in range(200)]
    await state.flush(partition, Flush("w-1", 1, old, [entry(1)], {"streamseg.clicks": 9}, {"behaviour-m3xw": 200}))
    await state.stage(partition, [("c-1", b"left over")])
    await state.unstage(partition)
    new = [(f"c-{n}", b"new") for n in range(100, 300)]
    await state.stage(partition, new[:100])
    await state.stage(partition, new[100:])
    assert dict(await listed(state, partition)) == dict(old)

    swapped_in = PartitionMetadata(
        0,
        "nobody",
        0,
        checkpoint={"streamseg.clicks": 7},
        topics={"streamseg.clicks": ("id", 4)},
        layout="layout-b",
        sizes={"behaviour-a2b3": 5},
        gathered=True,
    )
    await state.swap(partition, swapped_in)

    assert dict(await listed(state, partition)) == dict(new)
    metadata = await state.metadata(partition)
    assert metadata is not None
    assert (metadata.epoch, metadata.owner, metadata.flush_number, metadata.layout) == (NOW_MS, "", 3, "layout-b")
    assert (metadata.checkpoint, metadata.topics, metadata.sizes) == (
        swapped_in.checkpoint,
        swapped_in.topics,
        swapped_in.sizes,
    )
    assert metadata.gathered
    assert [found.seq for _, found in await state.outbox(partition)] == [1]
    with pytest.raises(FlushRefusedError):
        await state.flush(partition, Flush("w-1", 2))
    with pytest.raises(LayoutMismatchError):
        await state.claim(partition, "w-1", "layout-a", NOW_MS)
    claimed = await state.claim(partition, "w-2", "layout-b", NOW_MS)
    assert (claimed.epoch, claimed.gathered) == (NOW_MS + 1, True)


async def test_a_swap_into_a_partition_without_metadata_creates_it(state: StateStore, partition: int) -> None:
    await state.stage(partition, [("c-1", b"new")])
    await state.swap(partition, PartitionMetadata(0, "", 0, layout="layout-b"))
    assert (await state.claim(partition, "w-1", "layout-b", NOW_MS)).epoch == NOW_MS
    assert await listed(state, partition) == [("c-1", b"new")]
