"""Whoever brings a run to a partition goes on at once: else the topic would stand still for all other partitions."""

import asyncio

from streamseg.events.record import RecordBatch
from streamseg.topics import INPUT_TOPICS
from streamseg.worker.inbox import WAITING_RUNS
from tests.support.gate import Gate
from tests.support.partition import NUMBER, OnePartition, Servers, fill, until


def test_a_partition_whose_store_is_silent_has_no_room_and_keeps_nobody_waiting() -> None:
    async def go() -> None:
        servers = Servers()
        fill(servers.log, 0, 2_000)
        worker = OnePartition(servers, "worker", Gate(("before flush", 1)), waiting=WAITING_RUNS)
        await worker.begin()
        await until(lambda: not worker.partition.has_room)
        for topic in INPUT_TOPICS:
            worker.partition.offer(RecordBatch.of(topic, NUMBER, 0, 0, ()))
        await worker.close()
        assert worker.partition.has_room

    asyncio.run(go())


def test_what_is_offered_after_the_partition_is_closed_is_dropped() -> None:
    async def go() -> None:
        worker = OnePartition(Servers(), "worker", Gate(("before claim", 1)))
        await worker.partition.begin()
        await worker.partition.close()
        for _ in range(3):
            worker.partition.offer(RecordBatch.of(INPUT_TOPICS[0], NUMBER, 0, 0, ()))
        assert worker.partition.has_room

    asyncio.run(go())
