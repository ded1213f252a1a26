"""What a worker reports of itself, and that it goes on reporting while the store is away. Issue 15."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from streamseg.errors import StoreUnavailableError
from streamseg.logs import KAFKA_OUTAGE
from streamseg.metrics import Metrics
from streamseg.ports import PartitionReport, Wait, WorkerReport
from streamseg.topics import CLICKS, PURCHASES
from streamseg.worker.open_transactions import LONG_SECONDS, OpenTransactions
from streamseg.worker.own_report import OwnReport
from streamseg.worker.pace import Pace

PARTS = (PartitionReport(0, 5.0, 4.0),)
YIELDS = Wait(0, "a newer owner of the partition", 2.0)


class Shaky:
    """Reports of a store that is away at first."""

    def __init__(self) -> None:
        self.puts: list[tuple[WorkerReport, int]] = []

    async def put(self, report: WorkerReport, ttl_seconds: int) -> None:
        self.puts.append((report, ttl_seconds))
        if len(self.puts) == 1:
            raise StoreUnavailableError("Redis: away")

    async def read(self, owners: object) -> dict[str, WorkerReport]:
        return {}


def own_report(transactions: OpenTransactions, reports: Shaky, interval: float = 5.0) -> OwnReport:
    assignment: Any = SimpleNamespace(trains=True, reports=lambda: PARTS, waits=lambda: [YIELDS])
    return OwnReport("w", assignment, transactions, reports, Pace(report=interval))


def test_a_report_names_every_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    transactions = OpenTransactions(Metrics(), lambda: now[0])
    transactions.note({(CLICKS, 1): 3})
    now[0] += 5.0
    transactions.note({(CLICKS, 1): 3, (PURCHASES, 1): 1, (PURCHASES, 2): 1})
    now[0] += LONG_SECONDS - 5.0
    report = own_report(transactions, Shaky())
    assert report.written().waits == (YIELDS, Wait(1, "a producer's open transaction", LONG_SECONDS))
    monkeypatch.setattr(KAFKA_OUTAGE, "_since", KAFKA_OUTAGE._clock() - 7.0)
    written = report.written()
    assert (written.waits[0].partition, written.waits[0].whom) == (None, "Kafka")
    assert written.waits[0].seconds >= 7.0
    assert (written.owner, written.trains, written.partitions) == ("w", True, PARTS)
    assert written.started_at <= written.at


def test_a_lost_report_is_followed_by_the_next_one() -> None:
    async def go() -> Shaky:
        reports = Shaky()
        task = asyncio.create_task(own_report(OpenTransactions(Metrics()), reports, 0.25).repeat())
        async with asyncio.timeout(10):
            while len(reports.puts) < 2:
                await asyncio.sleep(0.01)
        task.cancel()
        return reports

    assert {ttl for _, ttl in asyncio.run(go()).puts} == {1}, "four intervals"
