"""A rebalance that leaves a partition with its worker leaves rows, lease, sweep and relay alone."""

import asyncio
from dataclasses import replace

import pytest

from streamseg.worker.pace import Pace
from tests.support.gate import Gate, Point
from tests.support.partition import QUICK, SNAPSHOT, OnePartition, Servers, fill, until

NOTHING = {"lost": 0, "doubled": 0, "different": 0, "changes_missing": 0}


def claims(gate: Gate) -> int:
    return sum(name == "before claim" for name, _ in gate.passed)


async def begun(servers: Servers, owner: str, gate: Gate | None = None, pace: Pace = QUICK) -> OnePartition:
    await servers.models.publish("behaviour", SNAPSHOT.version, SNAPSHOT.parent, SNAPSHOT.to_json())
    worker = OnePartition(servers, owner, gate, pace=pace)
    await worker.begin()
    return worker


@pytest.mark.parametrize(
    "point", [("before load", 1), ("before flush", 3), ("after flush", 3), ("before write", 2), ("after send", 3)]
)
def test_a_rebalance_in_the_middle_of_a_call_ends_nothing_that_stays(point: Point) -> None:
    async def go() -> None:
        servers, gate = Servers(), Gate(point)
        fill(servers.log, 0, 300)
        worker = await begun(servers, "stays", gate)
        await asyncio.wait_for(gate.stopped.wait(), 10.0)
        epoch = (await servers.state.metadata(0)).epoch  # type: ignore[union-attr]  # it is claimed
        await worker.rebalance()
        gate.open()
        gate.stopped.clear()
        fill(servers.log, 300, 50)
        await until(lambda: worker.is_done)
        found = await servers.verdict()
        stored = await servers.state.metadata(0)
        await worker.close()

        assert found.counts() == found.counts() | NOTHING
        assert stored is not None
        assert (stored.epoch, claims(gate)) == (epoch, 1)

    asyncio.run(go())


def test_a_takeover_under_way_goes_on_when_the_group_rebalances_again() -> None:
    async def go() -> None:
        servers, gate = Servers(), Gate(("before outbox", 1))
        fill(servers.log, 0, 100)
        worker = await begun(servers, "takes over", gate)
        await asyncio.wait_for(gate.stopped.wait(), 10.0)
        await worker.rebalance()
        await worker.rebalance()
        gate.open()
        gate.stopped.clear()
        await until(lambda: worker.is_done)
        found = await servers.verdict()
        await worker.close()

        assert found.counts() == found.counts() | NOTHING
        assert claims(gate) == 1

    asyncio.run(go())


def test_after_a_rebalance_nobody_is_swept_again() -> None:
    async def go() -> None:
        servers = Servers()
        fill(servers.log, 0, 200)
        worker = await begun(servers, "stays")
        await until(lambda: worker.is_done)
        await worker.sweep()
        await asyncio.sleep(0.1)
        sweeps, rows = worker.sweeps, worker.partition.rows_in_memory
        for _ in range(3):
            await worker.rebalance()
            await asyncio.sleep(0.1)
        fill(servers.log, 200, 20)
        await until(lambda: worker.is_done)
        await worker.close()

        assert worker.sweeps == sweeps
        assert worker.partition.rows_in_memory >= rows > 0

    asyncio.run(go())


def test_a_partition_that_was_elsewhere_meanwhile_is_claimed_at_once() -> None:
    async def go() -> None:
        servers, gate = Servers(), Gate()
        fill(servers.log, 0, 200)
        worker = await begun(servers, "first", gate, replace(QUICK, health_check=60.0))
        await until(lambda: worker.is_done)
        worker.end_sessions()
        other = await begun(servers, "other")
        fill(servers.log, 200, 100)
        await until(lambda: other.is_done)
        await other.close()
        fill(servers.log, 300, 50)
        await worker.rebalance()
        await until(lambda: worker.is_done, 5.0)
        found = await servers.verdict()
        await worker.close()

        assert found.counts() == found.counts() | NOTHING
        assert claims(gate) == 2

    asyncio.run(go())
