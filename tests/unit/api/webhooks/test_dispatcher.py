"""Deliveries reach their subscriber signed and at least once, or are parked."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from standardwebhooks import Webhook

from streamseg.api.webhooks.dispatcher import LEASE_SECONDS, Dispatcher
from streamseg.metrics import Metrics
from streamseg.ports import Subscriber
from streamseg.store.memory import MemoryWebhookStore
from tests.support.change_records import CRM, moved


@dataclass
class Stage:
    """A dispatcher's store, clock, and the answers of its subscriber in order, 200 after the last."""

    now: float = 1_000.0
    answers: list[int | Exception] = field(default_factory=list)
    got: list[tuple[bytes, Mapping[str, str]]] = field(default_factory=list)
    store: MemoryWebhookStore = field(default_factory=MemoryWebhookStore)

    def dispatcher(self) -> Dispatcher:
        async def post(_: Subscriber, body: bytes, headers: Mapping[str, str]) -> int:
            self.got.append((body, headers))
            answer = self.answers.pop(0) if self.answers else 200
            if isinstance(answer, Exception):
                raise answer
            return answer

        return Dispatcher(self.store, post, Metrics(), lambda: self.now, retry_seconds=(5, 50))


@pytest.mark.asyncio
async def test_a_message_is_signed_with_the_secret_of_its_subscriber() -> None:
    stage = Stage(now=time.time())
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([(b"c-81", moved(), "0-5")])
    assert await dispatcher.deliver_due() == 1
    ((body, headers),) = stage.got
    Webhook(CRM.secret).verify(body, dict(headers))
    assert await dispatcher.deliver_due() == 0
    assert await stage.store.waiting() == 0


@pytest.mark.asyncio
async def test_a_failed_delivery_is_retried_after_growing_waits_then_parked_until_unparked() -> None:
    stage = Stage(answers=[500, OSError("refused"), TimeoutError()])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([(b"c-81", moved(), "0-5")])
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
    await dispatcher.take_in([(b"c-81", moved(), "0-5")])
    assert await dispatcher.deliver_due() == 0
    assert await stage.store.unpark(parked.id, stage.now)
    assert await dispatcher.deliver_due() == 1
    assert (await stage.store.parked(), await stage.store.waiting()) == ([], 0)


@pytest.mark.asyncio
async def test_deliveries_of_a_dead_dispatcher_are_due_again_after_the_lease() -> None:
    stage = Stage()
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([(b"c-81", moved(), "0-5")])
    assert len(await stage.store.take(stage.now, LEASE_SECONDS, 10)) == 1
    assert await dispatcher.deliver_due() == 0
    stage.now += LEASE_SECONDS + 1
    assert await dispatcher.deliver_due() == 1


@pytest.mark.asyncio
async def test_status_410_parks_at_once_and_deliveries_of_a_removed_subscriber_are_dropped() -> None:
    stage = Stage(answers=[410])
    await stage.store.subscribe(CRM)
    dispatcher = stage.dispatcher()
    await dispatcher.take_in([(b"c-81", moved(), "0-5"), (b"c-82", None, "0-6")])
    await dispatcher.deliver_due()
    assert len(await stage.store.parked()) == 1
    await dispatcher.take_in([(b"c-83", None, "0-7")])
    await stage.store.unsubscribe("crm")
    await dispatcher.deliver_due()
    assert await stage.store.waiting() == 0
    assert len(stage.got) == 2
