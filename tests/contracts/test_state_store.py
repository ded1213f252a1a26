"""The contract of `StateStore`, on every implementation."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from streamseg.errors import FlushRefusedError, LayoutMismatchError
from streamseg.membership.types import MembershipChange, OutboxEntry
from streamseg.ports import Flush, PartitionMetadata, StateStore
from streamseg.store import key_names as keys

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

NOW_MS = 1_795_415_000_123


@pytest.fixture
def state(stores: Any) -> StateStore:
    store: StateStore = stores.state
    return store


def entry(seq: int, customer_id: str = "c-1") -> OutboxEntry:
    change = MembershipChange("behaviour", "behaviour-m3xw", "exited")
    return OutboxEntry(customer_id, NOW_MS, seq, b'{"v":1}', (change,))


async def listed(state: StateStore, partition: int, count: int = 10) -> list[tuple[str, bytes]]:
    cursor, rows = await state.scan(partition, 0, count)
    while cursor:
        cursor, more = await state.scan(partition, cursor, count)
        rows += more
    return rows


async def test_the_server_is_fit(state: StateStore) -> None:
    await state.check()


async def test_a_partition_has_no_head_before_its_first_claim(state: StateStore, partition: int) -> None:
    assert await state.metadata(partition) is None
    with pytest.raises(FlushRefusedError, match=f"partition {partition} is owned by nobody, not w-1"):
        await state.flush(partition, Flush("w-1", 0))
    assert await state.metadata(partition) is None


async def test_claiming_starts_at_now_and_keeps_what_is_there(state: StateStore, partition: int) -> None:
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


async def test_the_epoch_rises_though_a_clock_stands_behind(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert (await state.claim(partition, "w-2", "layout-a", NOW_MS - 3_600_000)).epoch == NOW_MS + 1


async def test_a_layout_may_take_the_place_of_those_it_follows(state: StateStore, partition: int) -> None:
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
    head = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    with pytest.raises(LayoutMismatchError, match=r"layout layout-a, .* layout-b: .*streamseg rebuild"):
        await state.claim(partition, "w-2", "layout-b", NOW_MS)
    assert await state.metadata(partition) == head


async def test_topics_are_the_owners_to_write(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    topics = {"streamseg.clicks": ("jQ9-aaa", 8), "streamseg.purchases": ("jQ9-bbb", 8)}
    await state.set_topics(partition, "w-1", topics)
    head = await state.metadata(partition)
    assert head is not None
    assert (head.topics, head.flush_number) == (topics, 1)
    with pytest.raises(FlushRefusedError, match="owned by w-1, not w-2"):
        await state.set_topics(partition, "w-2", {})
    assert (await state.claim(partition, "w-2", "layout-a", NOW_MS)).topics == topics


async def test_a_flush_writes_all_of_it(state: StateStore, partition: int) -> None:
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
    head = await state.metadata(partition)
    assert head is not None
    assert (head.flush_number, head.checkpoint, head.sizes) == (3, {"t": 5}, {"s": 3})


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
    head = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    flush = Flush(owner, flush_number, [("c-1", b"one")], [entry(1)], {"t": 5}, {"s": 1})
    with pytest.raises(FlushRefusedError, match=why):
        await state.flush(partition, flush)
    assert await state.metadata(partition) == head
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
                partition, Flush(head.owner, head.flush_number + step, [("c-1", f"{head.owner}-{step}".encode())])
            )
            for step in range(3)
            for head in (first, second)
        ),
        return_exceptions=True,
    )
    winner = max(first, second, key=lambda head: head.flush_number)
    head = await state.metadata(partition)
    assert head is not None
    assert head.owner == winner.owner
    written = [result for result in results if result is None]
    assert len(written) == head.flush_number - winner.flush_number >= 1
    assert all(isinstance(result, FlushRefusedError) for result in results if result is not None)
    stored = (await state.load(partition, ["c-1"]))[0]
    assert stored is not None
    assert stored.startswith(winner.owner.encode())


async def test_partitions_do_not_touch(state: StateStore, partition: int) -> None:
    other = partition + 100_000
    for number in (partition, other):
        await state.claim(number, "w-1", "layout-a", NOW_MS)
    await state.flush(partition, Flush("w-1", 1, [("c-1", b"one")], [entry(1)]))
    assert await state.load(other, ["c-1"]) == [None]
    assert await state.outbox(other) == []
    assert await listed(state, other) == []


async def test_2000_rows_and_not_one_more(state: StateStore, partition: int) -> None:
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


async def test_2000_rows_that_share_a_bucket(state: StateStore, partition: int) -> None:
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


async def test_the_outbox_keeps_order_and_forgets_what_is_trimmed(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert await state.outbox(partition) == []
    positions = []
    for number in range(1, 4):
        entries = [entry(10 * number + n, f"c-{n}") for n in range(5)]
        positions.append(await state.flush(partition, Flush("w-1", number, outbox=entries)))
    standing = await state.outbox(partition)
    assert [found.seq for _, found in standing] == [*range(10, 15), *range(20, 25), *range(30, 35)]
    assert [standing[4][0], standing[9][0], standing[14][0]] == positions
    assert await state.outbox(partition, standing[9][0]) == standing[10:]
    assert await state.outbox(partition, standing[14][0]) == []

    await state.trim_outbox(partition, standing[4][0])
    assert await state.outbox(partition) == standing[5:]
    await state.trim_outbox(partition, standing[2][0])
    assert await state.outbox(partition) == standing[5:]
    await state.trim_outbox(partition, standing[14][0])
    assert await state.outbox(partition) == []
    again = await state.flush(partition, Flush("w-1", 4, outbox=[entry(40)]))
    assert await state.outbox(partition, standing[14][0]) == [(again, entry(40))]


async def test_the_outbox_keeps_entries_whole(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    entries: Sequence[OutboxEntry] = [
        OutboxEntry("c-é", NOW_MS, 1, None),
        OutboxEntry('c-"\\', NOW_MS, 2**53 - 1, '{"é":1}'.encode()),
        OutboxEntry(
            "c-1",
            1,
            1,
            b"",
            (MembershipChange("behaviour", "a", "exited"), MembershipChange("behaviour", "b", "entered")),
        ),
    ]
    await state.flush(partition, Flush("w-1", 1, outbox=entries))
    assert [found for _, found in await state.outbox(partition)] == entries


async def test_a_long_outbox_is_read_whole(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    for number in range(1, 4):
        await state.flush(partition, Flush("w-1", number, outbox=[entry(2_000 * number + n) for n in range(2_000)]))
    assert [found.seq for _, found in await state.outbox(partition)] == list(range(2_000, 8_000))


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


async def test_a_scan_misses_no_row_that_stands_while_others_change(state: StateStore, partition: int) -> None:
    """Hashes grow and are rehashed under the scan: what was there from start to end is listed."""
    head = await state.claim(partition, "w-1", "layout-a", NOW_MS)
    number = head.flush_number
    standing = {f"c-{n}": b"stays" * 20 for n in range(1_500)}
    await state.flush(partition, Flush("w-1", number, list(standing.items())))
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
    assert standing.items() <= seen.items()


async def test_staged_rows_are_seen_by_nobody_until_they_are_swapped_in(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    old = [(f"c-{n}", b"old") for n in range(200)]
    await state.flush(partition, Flush("w-1", 1, old, [entry(1)], {"streamseg.clicks": 9}, {"behaviour-m3xw": 200}))
    await state.stage(partition, [("c-1", b"left over")])
    await state.unstage(partition)
    new = [(f"c-{n}", b"new") for n in range(100, 300)]
    await state.stage(partition, new[:100])
    await state.stage(partition, new[100:])
    assert dict(await listed(state, partition)) == dict(old)

    beside = PartitionMetadata(
        0,
        "nobody",
        0,
        checkpoint={"streamseg.clicks": 7},
        topics={"streamseg.clicks": ("id", 4)},
        layout="layout-b",
        sizes={"behaviour-a2b3": 5},
        gathered=True,
    )
    await state.swap(partition, beside)

    assert dict(await listed(state, partition)) == dict(new)
    head = await state.metadata(partition)
    assert head is not None
    assert (head.epoch, head.owner, head.flush_number, head.layout) == (NOW_MS, "", 3, "layout-b")
    assert (head.checkpoint, head.topics, head.sizes) == (beside.checkpoint, beside.topics, beside.sizes)
    assert head.gathered
    assert [found.seq for _, found in await state.outbox(partition)] == [1]
    with pytest.raises(FlushRefusedError):
        await state.flush(partition, Flush("w-1", 2))
    with pytest.raises(LayoutMismatchError):
        await state.claim(partition, "w-1", "layout-a", NOW_MS)
    claimed = await state.claim(partition, "w-2", "layout-b", NOW_MS)
    assert (claimed.epoch, claimed.gathered) == (NOW_MS + 1, True)


async def test_a_swap_into_a_partition_without_a_head_makes_one(state: StateStore, partition: int) -> None:
    await state.stage(partition, [("c-1", b"new")])
    await state.swap(partition, PartitionMetadata(0, "", 0, layout="layout-b"))
    assert (await state.claim(partition, "w-1", "layout-b", NOW_MS)).epoch == NOW_MS
    assert await listed(state, partition) == [("c-1", b"new")]
