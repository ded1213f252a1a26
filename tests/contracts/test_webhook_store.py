"""The contract of `WebhookStore`, on every implementation."""

from dataclasses import replace

import pytest

from streamseg.ports import Delivery, Subscriber
from tests.contracts.stores import Stores

pytestmark = [pytest.mark.asyncio, pytest.mark.integration]

CRM = Subscriber("crm", "https://crm.example/hook", "whsec_c2VjcmV0", ("behaviour-*",), "ads")
FIRST, SECOND = Delivery("crm", "m-1", '{"a":"é"}'), Delivery("crm", "m-2", "{}")


async def test_subscribers_come_and_go(stores: Stores) -> None:
    await stores.webhooks.subscribe(CRM)
    await stores.webhooks.subscribe(replace(CRM, url="https://crm.example/new"))
    assert [each.url for each in await stores.webhooks.subscribers()] == ["https://crm.example/new"]
    assert [await stores.webhooks.unsubscribe("crm"), await stores.webhooks.unsubscribe("crm")] == [True, False]
    assert await stores.webhooks.subscribers() == []


async def test_a_delivery_is_taken_by_one_until_its_lease_ends(stores: Stores) -> None:
    await stores.webhooks.enqueue([SECOND], 20.0)
    await stores.webhooks.enqueue([FIRST], 10.5)
    assert await stores.webhooks.take(10.0, 60, 10) == []
    assert await stores.webhooks.take(30.0, 60, 1) == [FIRST]
    assert await stores.webhooks.take(30.0, 60, 10) == [SECOND]
    assert await stores.webhooks.take(89.0, 60, 10) == []
    assert await stores.webhooks.take(91.0, 60, 10) == [FIRST, SECOND]
    await stores.webhooks.done(FIRST)
    await stores.webhooks.retry(replace(SECOND, attempts=1, reason="status 500"), 200.0)
    assert await stores.webhooks.waiting() == 1
    assert await stores.webhooks.take(200.0, 60, 10) == [replace(SECOND, attempts=1, reason="status 500")]


async def test_queueing_twice_changes_nothing(stores: Stores) -> None:
    await stores.webhooks.enqueue([FIRST], 10.0)
    await stores.webhooks.retry(replace(FIRST, attempts=1), 50.0)
    await stores.webhooks.enqueue([FIRST], 10.0)
    assert await stores.webhooks.take(20.0, 60, 10) == []
    assert await stores.webhooks.take(50.0, 60, 10) == [replace(FIRST, attempts=1)]


async def test_a_parked_delivery_is_not_taken_until_it_is_unparked(stores: Stores) -> None:
    await stores.webhooks.enqueue([FIRST], 10.0)
    await stores.webhooks.park(FIRST)
    await stores.webhooks.enqueue([FIRST], 10.0)
    assert await stores.webhooks.take(99.0, 60, 10) == []
    assert await stores.webhooks.parked() == [FIRST]
    assert [await stores.webhooks.unpark("nobody/m", 9.0), await stores.webhooks.unpark(FIRST.id, 9.0)] == [False, True]
    assert await stores.webhooks.parked() == []
    assert await stores.webhooks.take(99.0, 60, 10) == [FIRST]
