"""Sizes of segments: after any stop of a worker, one sweep makes them equal to a count."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamseg.clustering.identity import UNASSIGNED, id_of
from streamseg.features.rows import Rows
from streamseg.ports import Flush
from streamseg.worker.partition import state
from streamseg.worker.partition.counts.recount import Recount
from tests.support.gate import Gate, Point
from tests.support.kill_points import calls_until_done, filled_servers
from tests.support.partition import LAYOUT, NUMBER, OnePartition, Servers, fill, until

EVENTS = 60
CUSTOMERS = 17


async def counted(servers: Servers) -> dict[str, int]:
    """The customers of each segment, from the stored rows."""
    stored = dict((await servers.state.scan(NUMBER, 0, 1_000))[1])
    rows = Rows(LAYOUT, len(stored))
    slots = rows.load(list(stored), list(stored.values()))
    return dict(Counter(id_of("behaviour", code) for code in rows.segment[slots, 0].tolist() if code != UNASSIGNED))


async def sizes(servers: Servers) -> dict[str, int]:
    metadata = await servers.state.metadata(NUMBER)
    assert metadata is not None
    return dict(metadata.sizes)


async def points() -> list[Point]:
    return await calls_until_done(await filled_servers(EVENTS, CUSTOMERS))


async def kill_and_sweep(at: Point) -> None:
    made, gate = await filled_servers(EVENTS, CUSTOMERS), Gate(at)
    first, second = OnePartition(made, "first", gate), OnePartition(made, "second")
    await first.begin()
    try:
        await until(lambda: gate.stopped.is_set() or first.is_done)
        await first.close()
        await second.begin()
        fill(made.log, EVENTS, 3, CUSTOMERS)  # three events start the clock of the new owner
        await until(lambda: second.is_done)
        await second.sweep()
        assert await sizes(made) == await counted(made)
    finally:
        await first.close()
        await second.close()


@pytest.mark.slow
def test_after_a_kill_at_any_call_one_sweep_makes_sizes_equal_to_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state, "FLUSH_ROWS", 4)  # several calls to a flush, and a kill between them
    for at in asyncio.run(points()):
        asyncio.run(kill_and_sweep(at))


def test_wrong_sizes_in_the_store_are_corrected_by_a_sweep_while_customers_move() -> None:
    async def go() -> None:
        made = await filled_servers(EVENTS, CUSTOMERS)
        worker = OnePartition(made, "worker", run=3)
        await worker.begin()
        await until(lambda: worker.is_done)
        await worker.close()
        metadata = await made.state.metadata(NUMBER)
        assert metadata is not None
        wrong = {one: size - 20 for one, size in metadata.sizes.items()} | {id_of("behaviour", 44): 5}
        await made.state.claim(NUMBER, "other", metadata.layout, 10**13)
        again = await made.state.metadata(NUMBER)
        assert again is not None
        await made.state.flush(NUMBER, Flush("other", again.flush_number, sizes=wrong))
        assert await sizes(made) != await counted(made)
        worker = OnePartition(made, "next", run=3)
        fill(made.log, EVENTS, 5 * EVENTS, 2 * CUSTOMERS)
        await worker.begin()
        worker.models.generation += 1
        await until(lambda: worker.is_done)
        await worker.sweep()
        assert await sizes(made) == await counted(made)
        await worker.close()

    asyncio.run(go())


SEGMENTS = ("a", "b", "c")


@given(
    standing=st.dictionaries(st.integers(0, 11), st.sampled_from(SEGMENTS), max_size=10),
    moves=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 11), st.one_of(st.none(), st.sampled_from(SEGMENTS))), max_size=30
    ),
    twice=st.booleans(),
)
def test_a_recount_is_exact_whatever_moves_between_its_pieces(
    standing: dict[int, str], moves: list[tuple[int, int, str | None]], twice: bool
) -> None:
    """Customers 0-11 lie in three parts of four; moves happen before part 0, 1, 2 is listed, and after the last."""
    passed = 0
    recount = Recount(lambda customer: int(customer) // 4 < passed)
    for part in range(4):
        for _, customer, after in (move for move in moves if move[0] == part):
            before = standing.pop(customer, None)
            recount.moved(str(customer), [before] if before else [], [after] if after else [])
            if after:
                standing[customer] = after
        for customer in sorted(standing) * (1 + twice):
            if part < 3 and customer // 4 == part:
                recount.sizes.update([standing[customer]] * len(recount.listed([str(customer)])))
        passed = part + 1
        recount.forget_passed()
    assert recount.result() == dict(Counter(standing.values()))
