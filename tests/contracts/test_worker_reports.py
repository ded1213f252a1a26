"""Reports of workers: stored whole, replaced, gone after their time, asked for by name."""

import asyncio
from dataclasses import replace

import pytest

from streamseg.ports import PartitionReport, Wait, WorkerReport
from streamseg.store import key_names as keys
from streamseg.store.redis.worker_reports import RedisWorkerReports
from tests.contracts.stores import Stores, connected

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

REPORT = WorkerReport(
    "host-1",
    "0.1.0",
    1_795_415_000.5,
    1_795_415_998.25,
    True,
    (PartitionReport(0, 1_795_415_998.0, 1_795_415_000.0), PartitionReport(3, 0.0)),
    (Wait(None, "Kafka", 3.5), Wait(3, "a newer owner of the partition", 12.0)),
)


async def test_a_report_is_read_as_it_was_written_and_replaced(stores: Stores) -> None:
    await stores.reports.put(REPORT, 60)
    assert await stores.reports.read(["host-1", "host-2"]) == {"host-1": REPORT}
    later = replace(REPORT, waits=())
    await stores.reports.put(later, 60)
    await stores.reports.put(replace(REPORT, owner="host-3"), 60)
    assert await stores.reports.read(["host-1"]) == {"host-1": later}
    assert await stores.reports.read([]) == {}


async def test_a_report_is_gone_after_its_time(stores: Stores) -> None:
    await stores.reports.put(REPORT, 1)
    async with asyncio.timeout(10):
        while await stores.reports.read(["host-1"]):
            await asyncio.sleep(0.05)


async def test_a_report_of_another_release_counts_as_none(clean_redis: str) -> None:
    async with connected(clean_redis) as client:
        await client.execute_command("SET", keys.worker_report("host-1"), b'{"owner":"host-1"}')
        assert await RedisWorkerReports(client).read(["host-1"]) == {}
