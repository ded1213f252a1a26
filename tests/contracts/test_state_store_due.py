"""The contract of `StateStore`, on every implementation: customers who must be looked at without an event."""

import math

import pytest

from streamseg.errors import FlushRefusedError
from streamseg.ports import FLUSH_ROWS, Flush, StateStore
from tests.contracts.state_store import NOW_MS, entry

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]


class Owner:
    """The owner of a partition, which says with each flush who is due."""

    def __init__(self, state: StateStore, partition: int) -> None:
        self.state = state
        self.partition = partition
        self.flushes = 0

    async def flush(self, *due: tuple[str, float], rows: tuple[tuple[str, bytes | None], ...] = ()) -> None:
        if not self.flushes:
            self.flushes = (await self.state.claim(self.partition, "w-1", "layout-a", NOW_MS)).flush_number
        await self.state.flush(self.partition, Flush("w-1", self.flushes, rows, due=due))
        self.flushes += 1


@pytest.fixture
def owner(state: StateStore, partition: int) -> Owner:
    return Owner(state, partition)


async def test_customers_are_due_from_their_time_on_the_earliest_first(owner: Owner) -> None:
    state, partition = owner.state, owner.partition
    assert await state.due(partition, 1e12, 10) == []
    await owner.flush(("c-3", 30.0), ("c-é€", 10.0), ("c-2", 20.0))
    assert await state.due(partition, 9.9, 10) == []
    assert await state.due(partition, 10.0, 10) == ["c-é€"]
    assert await state.due(partition, 29.9, 10) == ["c-é€", "c-2"]
    assert await state.due(partition, 1e12, 10) == ["c-é€", "c-2", "c-3"]
    assert await state.due(partition, 1e12, 2) == ["c-é€", "c-2"]


async def test_whole_seconds_count_and_within_one_the_order_is_that_of_the_ids(owner: Owner) -> None:
    await owner.flush(("c-3", 10.2), ("c-1", 10.9), ("c-2", 10.5))
    assert await owner.state.due(owner.partition, 9.99, 10) == []
    assert await owner.state.due(owner.partition, 10.1, 10) == ["c-1", "c-2", "c-3"]


async def test_a_later_flush_moves_a_customer_or_takes_them_out(owner: Owner) -> None:
    state, partition = owner.state, owner.partition
    await owner.flush(("c-1", 10.0), ("c-2", 20.0), ("c-3", 30.0))
    await owner.flush(("c-1", 40.0), ("c-3", math.inf), ("c-9", math.inf))
    assert await state.due(partition, 1e12, 10) == ["c-2", "c-1"]
    await owner.flush(rows=(("c-2", None),))
    assert await state.due(partition, 1e12, 10) == ["c-2", "c-1"], "only a flush that names them moves them"
    await owner.flush(("c-2", math.inf), ("c-1", math.inf))
    assert await state.due(partition, 1e12, 10) == []


async def test_a_refused_flush_makes_nobody_due(owner: Owner) -> None:
    await owner.flush(("c-1", 10.0))
    for number, name in ((owner.flushes, "w-2"), (owner.flushes + 1, "w-1")):
        with pytest.raises(FlushRefusedError):
            await owner.state.flush(owner.partition, Flush(name, number, [], due=[("c-2", 5.0), ("c-1", math.inf)]))
    assert await owner.state.due(owner.partition, 1e12, 10) == ["c-1"]


async def test_partitions_have_each_their_own(owner: Owner) -> None:
    await owner.flush(("c-1", 10.0))
    assert await owner.state.due(owner.partition + 100_000, 1e12, 10) == []


async def test_a_whole_flush_can_be_due(owner: Owner) -> None:
    due = [(f"c-{n:04}", float(n)) for n in range(FLUSH_ROWS)]
    rows = tuple((customer, b"row") for customer, _ in due)
    entries = [entry(n, customer) for n, (customer, _) in enumerate(due)]
    await owner.flush()
    flush = Flush("w-1", owner.flushes, rows, entries, {"t": 1}, {"s": 1}, due=due)
    await owner.state.flush(owner.partition, flush)
    owner.flushes += 1
    assert await owner.state.due(owner.partition, 1e12, 9_999) == [customer for customer, _ in due]
    assert await owner.state.load(owner.partition, ["c-0000", "c-1999"]) == [b"row", b"row"]
    await owner.flush(*((customer, math.inf) for customer, _ in due))
    assert await owner.state.due(owner.partition, 1e12, 10) == []
