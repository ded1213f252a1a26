"""Partitions with few events share a cycle; one that is slow, large, closed or broken costs the others nothing."""

import asyncio
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import pytest

from streamseg import pipeline
from streamseg.events.decode import Decoder
from streamseg.events.record import RecordBatch
from streamseg.features.rows import Rows
from streamseg.pipeline import cycle, deciding
from streamseg.topics import CLICKS
from streamseg.worker import shared_cycle
from streamseg.worker.shared_cycle import SharedCycle
from tests.support.partition import OnePartition, Servers
from tests.support.path import MONEY, NOW, click

pytestmark = pytest.mark.asyncio


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many partitions each cycle had, in order."""
    sizes: list[int] = []

    class Noted(pipeline.Cycle):
        def __init__(self, given: Sequence[pipeline.PartitionRuns], slab: Rows) -> None:
            sizes.append(len(given))
            super().__init__(given, slab)

    monkeypatch.setattr(pipeline, "Cycle", Noted)
    return sizes


def made(*, one_clock: bool = True) -> SharedCycle:
    """The shared cycle of a worker with wall time."""
    worker = OnePartition(Servers(), "worker")
    return SharedCycle(worker.rules, worker.models, worker.metrics, one_clock=one_clock)


def runs(worker: SharedCycle, customer: str, events: int = 1) -> pipeline.PartitionRuns:
    """A run of a partition with one customer."""
    rows = Rows(worker._rules.layout)
    batch = RecordBatch.of(CLICKS, 0, 1, 0, [click(n, NOW, customer) for n in range(events)])
    taken = pipeline.take(Decoder(MONEY), 0, batch, rows, lambda _: ())
    rows.load(taken.missing, [None] * len(taken.missing))
    return pipeline.PartitionRuns(rows, [pipeline.TakenRun(0, taken)], pipeline.Part(0), {})


async def decided(worker: SharedCycle, one: pipeline.PartitionRuns) -> pipeline.Decision:
    return await worker.run(one, began=NOW, now=NOW)


async def test_partitions_that_are_ready_within_a_turn_share_a_cycle(shared: list[int]) -> None:
    worker = made()
    given = [runs(worker, f"c-{n}") for n in range(3)]
    found = await asyncio.gather(*(decided(worker, one) for one in given))
    assert shared == [3]
    assert [entry.customer_id for one in found for entry in one.entries] == ["c-0", "c-1", "c-2"]
    assert [one.rows.events.tolist()[0] for one in given] == [1, 1, 1]


async def test_those_who_are_ready_wait_for_one_that_loads_rows_but_not_for_long(
    shared: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, loaded = made(), asyncio.Event()

    async def slow() -> None:
        with worker.coming():
            await loaded.wait()
        await decided(worker, runs(worker, "slow"))

    late = asyncio.create_task(slow())
    await asyncio.sleep(0)
    ready = asyncio.create_task(decided(worker, runs(worker, "ready")))
    await asyncio.sleep(0)
    assert not shared
    loaded.set()
    await asyncio.gather(late, ready)
    assert shared == [2]

    loaded.clear()
    late = asyncio.create_task(slow())
    await asyncio.sleep(0)
    await decided(worker, runs(worker, "ready"))  # the server of the slow one is away
    assert shared == [2, 1]
    monkeypatch.setattr(shared_cycle, "LONGEST_WAIT", 60.0)
    async with asyncio.timeout(10):
        await decided(worker, runs(worker, "ready"))  # nobody waits for it again
    assert shared == [2, 1, 1]
    loaded.set()
    await late


@pytest.mark.parametrize("apart", ["large", "clock"])
async def test_large_runs_and_partitions_with_clocks_of_their_own_share_nothing(shared: list[int], apart: str) -> None:
    worker = made(one_clock=apart != "clock")
    events = shared_cycle.FEW_EVENTS if apart == "large" else 1
    await asyncio.gather(*(decided(worker, runs(worker, f"c-{n}", events)) for n in range(2)))
    assert shared == [1, 1]


async def test_a_cycle_has_a_largest_number_of_events(shared: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_cycle, "MOST_EVENTS", 10)
    worker = made()
    await asyncio.gather(*(decided(worker, runs(worker, f"c-{n}", 4)) for n in range(5)))
    assert shared == [2, 2, 1]


async def test_a_partition_that_is_closed_while_it_waits_is_left_out(shared: list[int]) -> None:
    worker = made()
    closed, *others = (asyncio.create_task(decided(worker, runs(worker, f"c-{n}"))) for n in range(3))
    await asyncio.sleep(0)
    closed.cancel()
    await asyncio.gather(*others)
    assert closed.cancelled()
    assert shared == [2]


@pytest.mark.parametrize(("module", "step"), [(cycle, "absorb_runs"), (deciding, "publish")])
async def test_one_whose_records_raise_fails_alone_and_the_others_count_their_events_once(
    shared: list[int],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    module: ModuleType,
    step: str,
) -> None:
    plain = getattr(module, step)

    def raising(rows: Rows, *rest: Any, **named: Any) -> Any:
        done = plain(rows, *rest, **named)  # after the rows have changed
        if "poison" in rows.customer_ids:
            raise ZeroDivisionError
        return done

    monkeypatch.setattr(module, step, raising)
    worker = made()
    given = [runs(worker, name) for name in ("c-1", "poison", "c-2")]
    first, poisoned, last = await asyncio.gather(*(decided(worker, one) for one in given), return_exceptions=True)
    assert isinstance(poisoned, ZeroDivisionError)
    assert isinstance(first, pipeline.Decision)
    assert isinstance(last, pipeline.Decision)
    assert [len(one.entries) for one in (first, last)] == [1, 1]
    assert [one.rows.events.tolist()[0] for one in (given[0], given[2])] == [1, 1]
    assert shared == [3, 1, 1, 1]
    assert caplog.messages == ["a cycle of 3 partitions raised ZeroDivisionError: each runs its own"]
