"""Rows leave memory in blocks, so that finding them costs a cycle next to nothing."""

import asyncio

import pytest

from streamseg.features.rows import Rows, Slots
from tests.support.partition import OnePartition, Servers

LIMIT = 320
CYCLES = 1_000


def test_all_rows_are_compared_once_for_a_block_of_evicted_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    compared = list[int]()
    search = Rows.least_recently_used

    def counted(rows: Rows, count: int) -> Slots:
        compared.append(len(rows))
        return search(rows, count)

    monkeypatch.setattr(Rows, "least_recently_used", counted)

    async def go() -> None:
        worker = OnePartition(Servers(), "one")
        state = worker.partition._state
        for n in range(CYCLES):
            state.load([f"c-{n}"], [None])
            state.evict(LIMIT)
            assert len(state.rows) <= LIMIT
            assert f"c-{n}" in state.rows.slots  # the latest stays
        evicted = CYCLES - len(state.rows)
        assert worker.metrics.evictions._value.get() == evicted
        assert sum(compared) < 20 * evicted  # rows compared for one that leaves; one by one it is 321

    asyncio.run(go())
