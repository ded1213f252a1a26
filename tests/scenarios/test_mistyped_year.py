"""One mistyped year must not make customers expire: the event clock needs more than one record to run far ahead."""

import asyncio

from streamseg.topics import CLICKS
from tests.support.partition import DAY, SNAPSHOT, OnePartition, Servers, until

CUSTOMERS = 40
ROWS = 960
YEAR = 365 * DAY
RETENTION = 200 * DAY


async def work_off(mistyped: int) -> tuple[int, int]:
    """Customers left, and outliers counted, after 960 rows of which some lie a year ahead."""
    servers = Servers()
    await servers.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    for n in range(ROWS):
        at = -2 * YEAR + n * DAY / 10 + (YEAR if n % 300 == 150 and n // 300 < mistyped else 0)
        servers.log.event(CLICKS, f"c-{n % CUSTOMERS}", f"e-{n}", at, event_name="view_item")
    worker = OnePartition(servers, "worker", retention_seconds=RETENTION, clock_step=DAY)
    await worker.begin()
    await until(lambda: worker.is_done)
    await worker.sweep()
    await worker.close()
    stored = (await servers.state.scan(0, 0, 1_000))[1]
    return len(stored), int(worker.metrics.time_outliers._value.get())


def test_one_row_a_year_ahead_expires_nobody_and_is_counted() -> None:
    left, outliers = asyncio.run(work_off(mistyped=1))
    assert left == CUSTOMERS
    assert outliers == 1


def test_two_rows_a_year_ahead_expire_nobody() -> None:
    assert asyncio.run(work_off(mistyped=2))[0] == CUSTOMERS


def test_three_rows_a_year_ahead_support_each_other() -> None:
    """The limit of the rule: so many may as well be a gap in the data."""
    assert asyncio.run(work_off(mistyped=3))[0] < CUSTOMERS
