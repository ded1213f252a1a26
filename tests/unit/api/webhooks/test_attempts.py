"""Attempts are signed, and retried, put off or parked as the subscriber answers. Issue 13, items 16 and 17."""

import time
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from standardwebhooks import Webhook

from streamseg.api.webhooks.answers import LONGEST_PAUSE_SECONDS, Answer
from streamseg.api.webhooks.lane import LEASE_SECONDS
from tests.support.change_records import CRM, changed
from tests.support.webhook_stage import Stage


@pytest.mark.asyncio
async def test_a_message_is_signed_with_the_secret_of_its_subscriber() -> None:
    stage = Stage(now=time.time())
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 1
    ((body, headers),) = stage.got
    Webhook(CRM.secret).verify(body, dict(headers))
    assert await dispatcher.deliver_due() == 0
    assert await stage.waiting() == 0


@pytest.mark.asyncio
async def test_a_failed_delivery_is_retried_after_growing_waits_then_parked_until_unparked() -> None:
    stage = Stage(answers=[500, OSError("refused"), TimeoutError()])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    attempts = []
    for _ in range(200):
        if await dispatcher.deliver_due():
            attempts.append(stage.now)
        stage.now += 1
    assert len(attempts) == 3
    assert 4 <= attempts[1] - attempts[0] <= 7
    assert 44 <= attempts[2] - attempts[1] <= 57
    (parked,) = await stage.store.parked()
    assert parked.reason == "no answer within 10 s"
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 0
    assert await stage.store.unpark(parked.id, stage.now)
    assert await dispatcher.deliver_due() == 1
    assert (await stage.store.parked(), await stage.waiting()) == ([], 0)


@pytest.mark.asyncio
async def test_deliveries_of_a_dead_dispatcher_are_due_again_after_the_lease() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert len(await stage.store.take("crm", stage.now, LEASE_SECONDS, 10)) == 1
    assert await dispatcher.deliver_due() == 0
    stage.now += LEASE_SECONDS + 1
    assert await dispatcher.deliver_due() == 1


@pytest.mark.asyncio
async def test_status_410_ends_the_subscription_and_parks_what_was_waiting(caplog: pytest.LogCaptureFixture) -> None:
    stage = Stage(answers=[410])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    await dispatcher.deliver_due()
    await dispatcher.take_in([changed("c-82")])
    assert await dispatcher.deliver_due() == 0
    assert [(each.id, each.ended) for each in await stage.store.subscribers()] == [("crm", "status 410")]
    assert [each.reason for each in await stage.store.parked()] == ["status 410"]
    assert "subscription of crm ended" in caplog.text
    await stage.store.subscribe(CRM)
    await dispatcher.take_in([changed("c-83")])
    assert await dispatcher.deliver_due() == 1


@pytest.mark.asyncio
async def test_deliveries_of_a_removed_subscriber_are_dropped() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    await stage.store.unsubscribe("crm")
    await dispatcher.deliver_due()
    assert (await stage.waiting(), stage.got) == (0, [])


RETRY_AFTER = [
    ("600", 600.0),
    (format_datetime(datetime.fromtimestamp(1_000.0 + 600, UTC), usegmt=True), 600.0),
    ("9" * 30, LONGEST_PAUSE_SECONDS),
]


@pytest.mark.asyncio
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("header", "wait"), RETRY_AFTER, ids=["seconds", "date", "bounded"])
async def test_retry_after_puts_off_every_delivery_to_the_subscriber(status: int, header: str, wait: float) -> None:
    stage = Stage(answers=[Answer(status, header)])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([changed()])
    assert await dispatcher.deliver_due() == 1
    await dispatcher.take_in([changed("c-82")])
    stage.now += wait - 1
    assert await dispatcher.deliver_due() == 0
    stage.now += 2
    assert await dispatcher.deliver_due() == 2


@pytest.mark.parametrize("header", ["", "soon", "-5", "1e9", "\u00b2", "Mon, 99 Nov 2026 06:40:58 GMT"])
def test_a_retry_after_that_means_nothing_is_ignored(header: str) -> None:
    assert Answer(429, header).pause(0.0) is None
