"""The contract of `StateStore`, on every implementation: the outbox."""

from collections.abc import Sequence

import pytest

from streamseg.membership.types import Consent, MembershipChange, OutboxEntry
from streamseg.ports import Flush, StateStore
from tests.contracts.state_store import NOW_MS, entry

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


async def test_the_outbox_keeps_order_and_forgets_what_is_trimmed(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert await state.outbox(partition) == []
    positions = []
    for number in range(1, 4):
        entries = [entry(10 * number + n, f"c-{n}") for n in range(5)]
        positions.append(await state.flush(partition, Flush("w-1", number, outbox=entries)))
    stored = await state.outbox(partition)
    assert [found.seq for _, found in stored] == [*range(10, 15), *range(20, 25), *range(30, 35)]
    assert [stored[4][0], stored[9][0], stored[14][0]] == positions
    assert await state.outbox(partition, stored[9][0]) == stored[10:]
    assert await state.outbox(partition, stored[14][0]) == []

    await state.trim_outbox(partition, stored[4][0])
    assert await state.outbox(partition) == stored[5:]
    await state.trim_outbox(partition, stored[2][0])
    assert await state.outbox(partition) == stored[5:]
    await state.trim_outbox(partition, stored[14][0])
    assert await state.outbox(partition) == []
    again = await state.flush(partition, Flush("w-1", 4, outbox=[entry(40)]))
    assert await state.outbox(partition, stored[14][0]) == [(again, entry(40))]


async def test_the_outbox_counts_the_flushes_that_are_not_trimmed(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert await state.outbox_flushes(partition) == 0
    for number in range(1, 4):
        await state.flush(partition, Flush("w-1", number, outbox=[entry(10 * number + n) for n in range(3)]))
    await state.flush(partition, Flush("w-1", 4))
    assert await state.outbox_flushes(partition) == 3
    positions = [position for position, _ in await state.outbox(partition)]
    await state.trim_outbox(partition, positions[2])
    assert await state.outbox_flushes(partition) == 2
    await state.trim_outbox(partition, positions[8])
    assert await state.outbox_flushes(partition) == 0


async def test_how_far_the_outbox_was_delivered_is_kept_through_claims(state: StateStore, partition: int) -> None:
    assert await state.delivered(partition) is None
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    assert await state.delivered(partition) is None
    await state.note_delivered(partition, "1-0", "a run")
    await state.note_delivered(partition, "2-0", "another")
    claimed = await state.claim(partition, "w-2", "layout-a", NOW_MS)
    assert claimed == await state.metadata(partition)
    assert await state.delivered(partition) == ("2-0", "another")
    await state.swap(partition, claimed)
    assert await state.delivered(partition) is None


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
        OutboxEntry("c-2", 1, 1, b"{}", (), Consent(ads=True, personalisation=False)),
        OutboxEntry("c-3", 1, 1, None, (), Consent(ads=False, personalisation=True)),
    ]
    await state.flush(partition, Flush("w-1", 1, outbox=entries))
    assert [found for _, found in await state.outbox(partition)] == entries


async def test_a_long_outbox_is_read_whole(state: StateStore, partition: int) -> None:
    await state.claim(partition, "w-1", "layout-a", NOW_MS)
    for number in range(1, 4):
        await state.flush(partition, Flush("w-1", number, outbox=[entry(2_000 * number + n) for n in range(2_000)]))
    assert [found.seq for _, found in await state.outbox(partition)] == list(range(2_000, 8_000))
