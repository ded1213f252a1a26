"""The contract of `StateStore`, on every implementation: flushes and loads."""

import asyncio

import pytest

from streamseg.errors import FlushRefusedError
from streamseg.ports import Flush, StateStore
from streamseg.store import key_names as keys
from tests.contracts.state_store import NOW_MS, entry, listed

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def test_a_flush_writes_rows_outbox_and_metadata(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    rows = [("c-1", b"one"), ("c-é€", b"\x00\xff"), ("c-3", b"three")]
    assert await state.flush(partition, Flush("w-1", 1, rows, checkpoint={"t": 5}, sizes={"s": 3})) is None
    assert await state.load(partition, ["c-3", "c-2", "c-é€", "c-1", "c-3"]) == [
        b"three",
        None,
        b"\x00\xff",
        b"one",
        b"three",
    ]

    position = await state.flush(partition, Flush("w-1", 2, [("c-1", None), ("c-3", b"3")], [entry(1)]))
    assert await state.load(partition, ["c-1", "c-3"]) == [None, b"3"]
    assert await state.outbox(partition) == [(position, entry(1))]
    metadata = await state.metadata(partition)
    assert metadata is not None
    assert (metadata.flush_number, metadata.checkpoint, metadata.sizes) == (3, {"t": 5}, {"s": 3})


@pytest.mark.parametrize(
    ("owner", "flush_number", "why"),
    [
        ("w-2", 1, "owned by w-1, not w-2"),
        ("w-1", 0, "at flush number 1, not 0"),
        ("w-1", 2, "at flush number 1, not 2"),
        ("", 1, "owned by w-1"),
    ],
)
async def test_a_refused_flush_writes_nothing(
    state: StateStore, partition: int, owner: str, flush_number: int, why: str
) -> None:
    metadata = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    flush = Flush(owner, flush_number, [("c-1", b"one")], [entry(1)], {"t": 5}, {"s": 1})
    with pytest.raises(FlushRefusedError, match=why):
        await state.flush(partition, flush)
    assert await state.metadata(partition) == metadata
    assert await state.load(partition, ["c-1"]) == [None]
    assert await state.outbox(partition) == []


async def test_a_flush_repeated_after_it_was_written_is_refused(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    flush = Flush("w-1", 1, [("c-1", b"one")], [entry(1)])
    await state.flush(partition, flush)
    with pytest.raises(FlushRefusedError, match="at flush number 2, not 1"):
        await state.flush(partition, flush)
    assert len(await state.outbox(partition)) == 1


async def test_of_two_owners_in_a_race_only_the_last_claimant_writes(state: StateStore, partition: int) -> None:
    first, second = await asyncio.gather(*(state.claim(partition, f"w-{n}", "layout-a", NOW_MS) for n in (1, 2)))
    assert {first.flush_number, second.flush_number} == {1, 2}
    assert first.epoch != second.epoch
    results = await asyncio.gather(
        *(
            state.flush(
                partition,
                Flush(metadata.owner, metadata.flush_number + step, [("c-1", f"{metadata.owner}-{step}".encode())]),
            )
            for step in range(3)
            for metadata in (first, second)
        ),
        return_exceptions=True,
    )
    winner = max(first, second, key=lambda metadata: metadata.flush_number)
    metadata = await state.metadata(partition)
    assert metadata is not None
    assert metadata.owner == winner.owner
    written = [result for result in results if result is None]
    assert len(written) == metadata.flush_number - winner.flush_number >= 1
    assert all(isinstance(result, FlushRefusedError) for result in results if result is not None)
    stored = (await state.load(partition, ["c-1"]))[0]
    assert stored is not None
    assert stored.startswith(winner.owner.encode())


async def test_partitions_are_independent(state: StateStore, partition: int) -> None:
    other = partition + 100_000
    for number in (partition, other):
        await state.claim(number, "w-1", "layout-a", NOW_MS)
    await state.flush(partition, Flush("w-1", 1, [("c-1", b"one")], [entry(1)]))
    assert await state.load(other, ["c-1"]) == [None]
    assert await state.outbox(other) == []
    assert await listed(state, other) == []


async def test_a_flush_takes_at_most_2000_rows(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    ids = [f"c-{n}" for n in range(2_001)]
    entries = [entry(n, customer_id) for n, customer_id in enumerate(ids[:2_000])]
    with pytest.raises(ValueError, match="at most 2000 rows, not 2001"):
        await state.flush(partition, Flush("w-1", 1, [(customer_id, b"r") for customer_id in ids]))
    await state.flush(partition, Flush("w-1", 1, [(customer_id, b"r" * 400) for customer_id in ids[:2_000]], entries))
    assert await state.load(partition, ids) == [b"r" * 400] * 2_000 + [None]
    assert [found for _, found in await state.outbox(partition)] == entries
    await state.flush(partition, Flush("w-1", 2, [(customer_id, None) for customer_id in ids[:2_000]]))
    assert await listed(state, partition) == []


async def test_a_flush_takes_2000_rows_of_one_bucket(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    ids = [name for n in range(200_000) if keys.bucket((name := f"c-{n}").encode()) == 7][:2_000]
    assert len(ids) == 2_000
    await state.flush(partition, Flush("w-1", 1, [(customer_id, b"row") for customer_id in ids]))
    assert await state.load(partition, ids) == [b"row"] * 2_000
    await state.flush(partition, Flush("w-1", 2, [(customer_id, None) for customer_id in ids]))
    assert await state.load(partition, ids) == [None] * 2_000


async def test_loading_takes_any_number_in_the_order_asked(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    rows = [(f"c-{n}", str(n).encode()) for n in range(0, 4_000, 2)]
    await state.flush(partition, Flush("w-1", 1, rows))
    asked = [f"c-{n}" for n in reversed(range(5_000))]
    expected = [str(n).encode() if n % 2 == 0 and n < 4_000 else None for n in reversed(range(5_000))]
    assert await state.load(partition, asked) == expected
    assert await state.load(partition, []) == []
