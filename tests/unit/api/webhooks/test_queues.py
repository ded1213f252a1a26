"""A queue is bounded, and reading waits while every queue is half full. Issue 13, items 16 and 17."""

import asyncio
import json
from dataclasses import replace

import pytest

from streamseg.ports import ChangeRecord
from streamseg.time_units import DAY_SECONDS
from tests.support.change_records import CRM, changed, removed
from tests.support.webhook_stage import ADS, Stage


@pytest.mark.asyncio
async def test_a_full_queue_drops_its_oldest_deliveries_and_removals_last() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher(kept_at_most=3)
    for seq, record in enumerate([removed("c-0"), changed("c-1"), changed("c-2"), changed("c-3"), removed("c-4")]):
        stage.now = 1_000.0 + seq
        await dispatcher.take_in([record])
    assert stage.counted("dropped") == 2
    assert (await stage.store.counts(["crm"]))["crm"].dropped == 2
    await dispatcher.deliver_due()
    assert [json.loads(body)["data"]["customer_id"] for body, _ in stage.got] == ["c-0", "c-3", "c-4"]


@pytest.mark.asyncio
async def test_reading_waits_only_while_every_queue_is_half_full() -> None:
    stage = Stage()
    dispatcher = stage.dispatcher(kept_at_most=4)
    assert not await dispatcher.is_full()
    await stage.store.subscribe(CRM)
    await stage.store.subscribe(replace(ADS, segments=("no-*",)))
    await dispatcher.take_in([changed("c-1"), changed("c-2"), changed("c-3")])
    assert not await dispatcher.is_full()
    await stage.store.unsubscribe("ads")
    assert await dispatcher.is_full()


@pytest.mark.asyncio
async def test_a_record_that_is_no_change_record_is_counted_and_skipped() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([ChangeRecord(b"c-81", b"nonsense", "0-1"), changed()])
    assert (stage.counted("unreadable"), await stage.waiting()) == (1, 1)


@pytest.mark.asyncio
async def test_parked_deliveries_end_after_28_days() -> None:
    stage = Stage(answers=[500] * 3)
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    for _ in range(3):
        await dispatcher.deliver_due()
        stage.now += 60
    (parked,) = await stage.store.parked()
    for later, left in ((27 * DAY_SECONDS, [parked]), (2 * DAY_SECONDS, [])):
        stage.now += later
        running = asyncio.create_task(dispatcher.run())
        async with asyncio.timeout(5):
            while (await stage.store.parked()) != left or stage.counted("expired") != 1 - len(left):
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
