"""The lanes of subscribers do not disturb each other. Issue 13, items 16 and 17."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import replace

import pytest

from streamseg.api.webhooks.answers import Answer
from streamseg.api.webhooks.dispatcher import Dispatcher
from streamseg.api.webhooks.lane import AT_ONCE
from streamseg.metrics import Metrics
from streamseg.ports import Delivery, Subscriber
from streamseg.store.memory import MemoryWebhookStore
from tests.support.change_records import CRM, changed
from tests.support.webhook_stage import Stage


@pytest.mark.asyncio
async def test_a_subscriber_whose_attempts_raise_harms_no_other() -> None:
    stage = Stage(answers=[UnicodeError("label too long")])
    await stage.store.subscribe(CRM)
    await stage.store.subscribe(replace(CRM, id="other"))
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 2
    assert [await stage.waiting("crm"), await stage.waiting("other")] == [1, 0]


@pytest.mark.asyncio
async def test_a_hanging_subscriber_does_not_delay_another() -> None:
    """The dispatcher runs as in production; the hanging subscriber has more deliveries than attempts at once."""
    store, healthy, hang = MemoryWebhookStore(), list[bytes](), asyncio.Event()

    async def post(subscriber: Subscriber, body: bytes, _: Mapping[str, str]) -> Answer:
        if subscriber.id == "hanging":
            await hang.wait()
        healthy.append(body)
        return Answer(200)

    await store.subscribe(replace(CRM, id="hanging"))
    await store.subscribe(CRM)
    dispatcher = Dispatcher(store, post, Metrics(), time.time)
    await dispatcher.take_in([changed(f"c-{number}") for number in range(5 * AT_ONCE)])
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(5):
            while len(healthy) < 5 * AT_ONCE:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_queue_that_cannot_be_read_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(MemoryWebhookStore):
        async def take(self, subscriber_id: str, now: float, lease_seconds: float, count: int) -> list[Delivery]:
            if subscriber_id == "broken":
                raise ValueError("not a delivery")
            return await super().take(subscriber_id, now, lease_seconds, count)

    stage = Stage(store=Broken(), now=time.time())
    for subscriber in (replace(CRM, id="broken"), CRM):
        await stage.store.subscribe(subscriber)
    dispatcher = stage.dispatcher()
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(5):
            while "the lane to broken waits for" not in caplog.text:
                await asyncio.sleep(0.01)
            await dispatcher.take_in([changed()])
            while not stage.got:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.mark.asyncio
async def test_a_changed_subscriber_is_called_at_its_new_address_and_a_new_one_too() -> None:
    store, called = MemoryWebhookStore(), list[str]()

    async def post(subscriber: Subscriber, _: bytes, __: Mapping[str, str]) -> Answer:
        called.append(subscriber.url)
        return Answer(200)

    await store.subscribe(CRM)
    dispatcher = Dispatcher(store, post, Metrics(), time.time)
    running = asyncio.create_task(dispatcher.run())
    try:
        async with asyncio.timeout(10):
            await asyncio.sleep(0.1)
            await store.subscribe(replace(CRM, url="https://crm.example/new"))
            await store.subscribe(replace(CRM, id="other", url="https://other.example/"))
            await asyncio.sleep(1.5)
            await dispatcher.take_in([changed()])
            while len(called) < 2:
                await asyncio.sleep(0.01)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert sorted(called) == ["https://crm.example/new", "https://other.example/"]
