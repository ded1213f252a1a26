"""Every row of a partition is listed once, without the ids of all of them in memory."""

import pytest

from streamseg.features.layout import Layout
from streamseg.service.row_scans import scan_rows
from streamseg.store.memory import MemoryStateStore
from tests.support.stored_rows import store_rows

pytestmark = pytest.mark.asyncio

LAYOUT = Layout.of()
ROWS = {f"c-{n}": b"row" for n in range(2_000)}
PIECE = 20


class Relisting(MemoryStateStore):
    """Lists a third of the rows twice, as Redis may while a hash grows, and counts questions about single rows.

    A cursor is that of the store in memory, times two, plus which half of the piece comes next.
    """

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0
        self.listed = 0

    async def scan(self, partition: int, cursor: int, count: int) -> tuple[int, list[tuple[str, bytes]]]:
        inner, half = divmod(cursor, 2)
        reached, rows = await super().scan(partition, inner, count)
        third = len(rows) // 3
        piece = rows[third:] if half else rows[: 2 * third]
        self.listed += len(piece)
        return 2 * reached if half else cursor + 1, piece

    def passed(self, cursor: int, customer_id: str) -> bool:
        self.asked += 1
        return super().passed(cursor // 2, customer_id)


async def test_a_row_that_the_store_lists_again_is_yielded_once() -> None:
    state = Relisting()
    await store_rows(state, LAYOUT, ROWS)
    listed = [customer async for piece in scan_rows(state, 0, PIECE) for customer, _ in piece]
    assert state.listed > len(ROWS)
    assert sorted(listed) == sorted(ROWS)


async def test_each_id_is_forgotten_after_a_few_looks() -> None:
    state = Relisting()
    await store_rows(state, LAYOUT, ROWS)
    async for _ in scan_rows(state, 0, PIECE):
        pass
    assert 0 < state.asked < 4 * len(ROWS)
