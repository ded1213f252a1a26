"""A partition that is taken away lets everybody go who waits for it: else their topics would stand still for good."""

import asyncio

from streamseg.events.record import RecordBatch
from streamseg.topics import INPUT_TOPICS
from tests.support.gate import Gate
from tests.support.partition import NUMBER, OnePartition, Servers


async def waiting_after_close() -> int:
    """Every agent offers a run while the store is silent; then the partition goes. How many agents still wait."""
    worker = OnePartition(Servers(), "worker", Gate(("before claim", 1)))
    partition = worker.partition
    await partition.begin()
    agents = [asyncio.create_task(partition.offer(RecordBatch.of(topic, NUMBER, 0, 0, ()))) for topic in INPUT_TOPICS]
    await asyncio.sleep(0)
    assert 0 < sum(agent.done() for agent in agents) < len(agents)
    await partition.close()
    _, waiting = await asyncio.wait(agents, timeout=5.0)
    for agent in waiting:
        agent.cancel()
    return len(waiting)


def test_nobody_waits_for_a_partition_that_was_taken_away() -> None:
    assert asyncio.run(waiting_after_close()) == 0


async def offered_after_close() -> bool:
    worker = OnePartition(Servers(), "worker", Gate(("before claim", 1)))
    await worker.partition.begin()
    await worker.partition.close()
    for _ in range(3):
        await asyncio.wait_for(worker.partition.offer(RecordBatch.of(INPUT_TOPICS[0], NUMBER, 0, 0, ())), 5.0)
    return True


def test_what_is_offered_later_is_dropped() -> None:
    assert asyncio.run(offered_after_close())
