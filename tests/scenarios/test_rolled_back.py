"""A store that comes back without its last seconds: the rows are made again, and what was announced stands."""

import asyncio
from dataclasses import replace

import pytest

from tests.support.partition import QUICK, SNAPSHOT, OnePartition, Servers, fill, until

EVENTS = 60
NOTES = replace(QUICK, change_topic_end=0.01)


async def roll_back(after: int, *, same_worker: bool) -> None:
    """Lose everything from record `after` on, while it was announced run by run; what follows is read in one go."""
    made = Servers()
    await made.models.publish("behaviour", 1, 0, SNAPSHOT.to_json())
    fill(made.log, 0, after)
    first, second = OnePartition(made, "first", run=1, pace=NOTES), OnePartition(made, "second", run=200, pace=NOTES)
    await first.begin()
    try:
        await until(lambda: first.is_done)
        copied = made.copy_store()
        fill(made.log, after, EVENTS - after)
        await until(lambda: first.is_done)
        if not same_worker:
            await first.close()
        made.go_back(copied)
        worker = first if same_worker else second
        if not same_worker:
            await second.begin()
        fill(made.log, EVENTS, 1)
        await until(lambda: worker.is_done)
        verdict = await made.verdict()
    finally:
        await first.close()
        await second.close()
    assert verdict.good, verdict
    assert verdict.customers > 0


@pytest.mark.parametrize("same_worker", [True, False], ids=["same worker", "another worker"])
@pytest.mark.parametrize("after", [1, 12, 30, 45, 58])
def test_rows_strings_and_announcements_agree_after_the_store_went_back(after: int, same_worker: bool) -> None:
    asyncio.run(roll_back(after, same_worker=same_worker))
